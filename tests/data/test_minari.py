"""To Minari and back without a bit lost."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import wrappers

from rmr_gym.data import EpisodeStore, collect, collect_balls, replay
from rmr_gym.data.minari import MinariFormat, export_minari, import_minari
from rmr_gym.envs.atari import make_atari
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.errors import BusyFolderError
from rmr_gym.wrappers import PairedObservation, StateVariables
from tests.data.synthetic import GRAY_RAMP, write_episode
from tests.warm_python import run_python

minari = pytest.importorskip("minari")

ID = "rmr/pong/random-v0"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    return tmp_path / "minari"


@pytest.fixture(scope="module")
def pong(tmp_path_factory: pytest.TempPathFactory) -> EpisodeStore:
    """Windows of Pong, with rewards and with actions before them. Read only."""
    folder = tmp_path_factory.mktemp("pong")
    return collect(folder, "pong", num_episodes=3, max_steps_per_episode=30, noop_max=9, num_workers=1)


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.arrow")}


@pytest.mark.parametrize("data_format", get_args(MinariFormat))
def test_round_trip_gives_the_same_files(
    data_format: MinariFormat, pong: EpisodeStore, tmp_path: Path, root: Path
) -> None:
    told: list[tuple[int, int]] = []
    folder = export_minari(
        pong.path, ID, data_format=data_format, on_episode=lambda done, total: told.append((done, total))
    )
    assert folder == root / ID
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert any(meta.lead_in for meta in pong.episodes)  # type: ignore[union-attr]
    store = import_minari(ID, tmp_path / "back")
    assert files(tmp_path / "back") == files(pong.path)
    assert store.episodes == pong.episodes
    replay(store.read(1))  # type: ignore[arg-type]


def test_minari_reads_what_was_exported(pong: EpisodeStore) -> None:
    export_minari(pong.path, ID, author="somebody")
    dataset = minari.load_dataset(ID)
    assert (dataset.total_episodes, dataset.total_steps) == (3, 90)
    assert dataset.storage.metadata["author"] == {"somebody"}
    assert not dataset.storage.jpeg_encoding
    for number, data in enumerate(dataset):
        episode: Any = pong.read(number)
        np.testing.assert_array_equal(data.observations["pixels"], episode.rgb())
        np.testing.assert_array_equal(data.observations["ram"], episode.ram)
        np.testing.assert_array_equal(data.actions, episode.actions)
        for name, got in (
            ("rewards", data.rewards),
            ("terminated", data.terminations),
            ("truncated", data.truncations),
        ):
            expected = getattr(episode, name)
            np.testing.assert_array_equal(got, expected)
            assert got.dtype == expected.dtype
    with dataset.recover_environment() as env:
        assert env.spec is not None
        assert env.spec.kwargs | {"max_pool": True, "noop_max": 9, "frame_skip": 4} == env.spec.kwargs
        assert env.observation_space == dataset.observation_space
        assert env.action_space == dataset.action_space
        env.reset(seed=0)


@pytest.mark.parametrize("pixels", [True, False])
def test_balls_make_the_same_trip(pixels: bool, tmp_path: Path) -> None:
    config = BallsConfig(num_balls=3, picture_size=32)
    collect_balls(tmp_path / "balls", config, num_episodes=2, num_steps=5, pixels=pixels)
    export_minari(tmp_path / "balls", "rmr/balls-v0")
    with minari.load_dataset("rmr/balls-v0").recover_environment() as env:
        observation, _ = env.reset(seed=0)
        assert set(observation) == ({"pixels", "state"} if pixels else {"state"})
    import_minari("rmr/balls-v0", tmp_path / "back")
    assert files(tmp_path / "back") == files(tmp_path / "balls")


def test_colours_of_any_palette_come_back(tmp_path: Path) -> None:
    write_episode(tmp_path / "data", 0, 4, terminated=False)
    export_minari(tmp_path / "data", ID)
    import_minari(ID, tmp_path / "back")
    assert files(tmp_path / "back") == files(tmp_path / "data")


def test_colours_that_cannot_come_back_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    palette = GRAY_RAMP.copy()
    palette[3] = palette[2]
    write_episode(tmp_path / "data", palette_hex=palette.tobytes().hex())
    with pytest.raises(ValueError, match="two indices of one colour in episode 0"):
        export_minari(tmp_path / "data", ID)
    assert ID not in minari.list_local_datasets()
    write_episode(tmp_path / "good")
    export_minari(tmp_path / "good", ID)


def test_export_refuses_what_is_there_and_what_is_nothing(pong: EpisodeStore, tmp_path: Path) -> None:
    write_episode(tmp_path / "one")
    export_minari(tmp_path / "one", ID)
    with pytest.raises(ValueError, match="an id that is free"):
        export_minari(pong.path, ID)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="at least one episode"):
        export_minari(tmp_path / "empty", "rmr/other-v0")
    with pytest.raises(ValueError, match="Malformed dataset ID"):
        export_minari(tmp_path / "one", "no version")
    with pytest.raises(ValueError, match="Pass rmr/pong-v0"):
        export_minari(tmp_path / "one", "rmr/pong")
    assert list(minari.list_local_datasets()) == [ID]


KILLED = """
import os, signal, sys
from rmr_gym.data.minari import export_minari
export_minari(sys.argv[1], sys.argv[2], on_episode=lambda done, total: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.parametrize("dataset_id", [ID, "random-v0"])
def test_killed_export_leaves_no_data_set_and_is_made_again(
    dataset_id: str, pong: EpisodeStore, tmp_path: Path, root: Path
) -> None:
    done = run_python("-c", KILLED, str(pong.path), dataset_id, folder=tmp_path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert minari.list_local_datasets() == {}
    with pytest.raises(ValueError, match="a Minari data set of this machine"):
        import_minari(dataset_id, tmp_path / "back")
    (left,) = root.rglob(".random-v0.tmp")
    assert export_minari(pong.path, dataset_id) == root / dataset_id
    assert list(minari.list_local_datasets()) == [dataset_id]
    assert not left.exists()
    import_minari(dataset_id, tmp_path / "back")
    assert files(tmp_path / "back") == files(pong.path)


def test_failed_export_leaves_no_data_set(pong: EpisodeStore, root: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_minari(pong.path, ID, on_episode=interrupt)
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_export_refuses_an_id_that_is_being_exported(pong: EpisodeStore, tmp_path: Path) -> None:
    def export_again(done: int, total: int) -> None:
        with pytest.raises(BusyFolderError, match="random-v0 for this process alone"):
            export_minari(pong.path, ID)

    export_minari(pong.path, ID, on_episode=export_again)
    import_minari(ID, tmp_path / "back")
    assert files(tmp_path / "back") == files(pong.path)


def test_export_makes_namespaces_and_keeps_what_is_known_of_them(pong: EpisodeStore, root: Path) -> None:
    export_minari(pong.path, ID)
    assert minari.namespace.list_local_namespaces() == ["rmr", "rmr/pong"]
    minari.namespace.update_namespace_metadata("rmr/pong", description="ours")
    export_minari(pong.path, "rmr/pong/other-v0")
    assert minari.namespace.get_namespace_metadata("rmr/pong") == {"description": "ours"}
    assert [path.name for path in root.rglob(".*")] == []


@pytest.mark.parametrize("kept", [0, 2])
def test_import_refuses_a_data_set_that_lacks_exported_episodes(
    kept: int, pong: EpisodeStore, tmp_path: Path, root: Path
) -> None:
    export_minari(pong.path, ID)
    for number in range(kept, 3):  # as exports that were killed left it when they wrote under the final id
        shutil.rmtree(root / ID / "data" / str(number))
    minari.load_dataset(ID).storage.update_metadata({"total_episodes": kept, "total_steps": 30 * kept})
    with pytest.raises(ValueError, match=f"of at least 3 episodes; got {kept} in {ID}.* export it again"):
        import_minari(ID, tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_import_refuses_a_data_set_without_episodes(tmp_path: Path) -> None:
    space = gym.spaces.Discrete(2)
    about = dict.fromkeys(("author", "author_email", "code_permalink", "description", "algorithm_name"), "somebody")
    with pytest.warns(UserWarning, match="env"):
        minari.create_dataset_from_buffers(
            ID, [], observation_space=space, action_space=space, jpeg_encoding=False, data_format="arrow", **about
        )
    with pytest.raises(ValueError, match="of at least 1 episodes; got 0"):
        import_minari(ID, tmp_path / "back")


def test_part_of_a_data_set_is_imported(pong: EpisodeStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export_minari(pong.path, ID)
    part, _ = minari.split_dataset(minari.load_dataset(ID), [2, 1], seed=0)
    monkeypatch.setattr(minari, "load_dataset", lambda dataset_id: part)
    assert len(import_minari(ID, tmp_path / "back")) == 2
    assert files(tmp_path / "back").items() < files(pong.path).items()


def test_relative_root_is_taken_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_episode(tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MINARI_DATASETS_PATH", "here")
    assert export_minari("data", ID) == tmp_path / "here" / ID
    assert os.environ["MINARI_DATASETS_PATH"] == "here"
    import_minari(ID, "back")
    assert files(tmp_path / "back") == files(tmp_path / "data")


def test_import_refuses_other_episodes_before_it_writes(pong: EpisodeStore, tmp_path: Path) -> None:
    export_minari(pong.path, ID)
    write_episode(tmp_path / "other")
    before = files(tmp_path / "other")
    with pytest.raises(ValueError, match="Import into another directory"):
        import_minari(ID, tmp_path / "other")
    assert files(tmp_path / "other") == before
    with pytest.raises(ValueError, match="a Minari data set of this machine; got rmr/absent-v0"):
        import_minari("rmr/absent-v0", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def record_with_minari(
    env: gym.Env[Any, Any], change: Callable[[Any], Any] = lambda pixels: pixels, **options: Any
) -> None:
    """Record an episode as Minari's own collector does, which needs jax."""
    buffer = minari.data_collector.EpisodeBuffer
    episodes = []
    for number in range(2):
        observation, _ = env.reset(seed=number)
        observations, actions, rewards = [observation], [], []
        for step in range(6):
            actions.append(np.int64((step * 5 + number) % 18))
            observation, reward, _, _, _ = env.step(actions[-1])
            observations.append(observation)
            rewards.append(float(reward))
        stacked = {name: np.stack([part[name] for part in observations]) for name in observation}
        stacked["pixels"] = change(stacked["pixels"])
        ends = [False] * 5 + [True]
        episodes.append(
            buffer(
                id=number,
                observations=stacked,
                actions=actions,
                rewards=rewards,
                terminations=[False] * 6,
                truncations=ends,
            )
        )
    about = dict.fromkeys(("author", "author_email", "code_permalink", "description", "algorithm_name"), "somebody")
    with pytest.warns(UserWarning, match="eval_env"):
        minari.create_dataset_from_buffers(
            ID, episodes, env=env, **({"jpeg_encoding": False, "data_format": "arrow"} | options), **about
        )


def test_episodes_that_others_recorded_are_imported(tmp_path: Path) -> None:
    with make_atari("pong", noop_max=12) as env:
        record_with_minari(env)
    store = import_minari(ID, tmp_path / "back", seed=5)
    assert [(meta.seed, meta.episode_index, meta.player) for meta in store.episodes] == [  # type: ignore[union-attr]
        (5, 0, "somebody"),
        (5, 1, "somebody"),
    ]
    assert store.console is not None
    assert (store.console.max_pool, store.console.noop_max) == (False, 12)
    dataset = minari.load_dataset(ID)
    for number in range(2):
        episode: Any = store.read(number)
        np.testing.assert_array_equal(episode.rgb(), dataset[number].observations["pixels"])
        np.testing.assert_array_equal(episode.ram, dataset[number].observations["ram"])
        assert episode.truncated[-1]
        replay(episode)  # the number of no-ops was found


def test_episodes_that_others_added_are_imported_beside_ours(pong: EpisodeStore, tmp_path: Path) -> None:
    export_minari(pong.path, ID)
    data = minari.load_dataset(ID)[0]
    names = ("observations", "actions", "rewards", "terminations", "truncations")
    added = minari.data_collector.EpisodeBuffer(id=3, **{name: getattr(data, name) for name in names})
    minari.load_dataset(ID).update_dataset_from_buffer([added])
    store = import_minari(ID, tmp_path / "back", seed=8)
    assert files(pong.path).items() < files(tmp_path / "back").items()
    (foreign,) = (episode for episode in store.episodes if episode.seed == 8)
    assert (foreign.episode_index, foreign.num_steps) == (3, 30)


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (lambda env: wrappers.StickyAction(env, 0.5), "StickyAction"),
        (lambda env: wrappers.ClipReward(env, -1.0, 1.0), "ClipReward"),
        (lambda env: wrappers.TimeLimit(wrappers.RepeatAction(env, 2), 9), "RepeatAction"),
        (lambda env: wrappers.Autoreset(wrappers.StickyAction(env, 0.5)), "StickyAction, Autoreset"),
    ],
)
def test_episodes_recorded_through_wrappers_that_change_them_are_refused(
    wrap: Callable[[Any], Any], name: str, tmp_path: Path
) -> None:
    with wrap(make_atari("pong")) as env:
        record_with_minari(env)
    with pytest.raises(ValueError, match=f"episodes of rmr/<Game>-v0 as it is; got rmr/Pong-v0 in {name}. Record"):
        import_minari(ID, tmp_path / "back")
    assert not list(tmp_path.glob("back/*"))


def test_episodes_recorded_through_wrappers_that_look_on_are_imported(tmp_path: Path) -> None:
    with wrappers.RecordEpisodeStatistics(StateVariables(wrappers.TimeLimit(make_atari("pong"), 50))) as env:
        record_with_minari(env)
    assert len(import_minari(ID, tmp_path / "back")) == 2


def test_lossy_and_changed_pictures_are_refused(tmp_path: Path) -> None:
    with make_atari("pong") as env:
        record_with_minari(env, jpeg_encoding=True)
        with pytest.raises(ValueError, match="with JPEG, which changes them"):
            import_minari(ID, tmp_path / "back")
        minari.delete_dataset(ID)
        record_with_minari(env, change=lambda pixels: pixels // 2 + 3)
        with pytest.raises(ValueError, match="the colours of the console's palette"):
            import_minari(ID, tmp_path / "back")


def test_ram_that_is_no_bytes_is_refused(tmp_path: Path) -> None:
    with PairedObservation(make_atari("pong", paired=False), ram_format="float") as env:
        record_with_minari(env)
    with pytest.raises(ValueError, match=r"both bytes; got .*'ram': \('float32', \(128,\)\)"):
        import_minari(ID, tmp_path / "back")
    assert files(tmp_path / "back") == {}
