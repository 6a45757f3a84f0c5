"""Recording in this process and in others."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from numpy.typing import NDArray

from rmr_gym.data import EpisodeStore, collect
from rmr_gym.data.recorder import Recorder, pack_session
from rmr_gym.data.session import Session
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.errors import WorkerDiedError
from rmr_gym.players import Player, RandomPlayer, RandomPlayerConfig
from tests.data.travelling_players import Idler


def session(folder: Path, player: Player) -> Session:
    folder.mkdir(exist_ok=True)
    return Session(directory=folder, console=ConsoleConfig(game="pong"), players=(player,), seed=3, max_steps=6)


def packed(one: Session) -> bytes:
    parcel = pack_session(one)
    assert parcel is not None
    return parcel


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_recorders_make_the_same_file_in_this_process_and_in_another(tmp_path: Path) -> None:
    player = RandomPlayer(RandomPlayerConfig(persistence=0.7))
    here, there = session(tmp_path / "here", player), session(tmp_path / "there", player)
    with closing(Recorder(here)) as near, closing(Recorder(there, parcel=packed(there))) as far:
        for index in (0, 1):
            assert near.record(index) == far.record(index)
    assert len(names(tmp_path / "here")) == 2
    assert names(tmp_path / "here") == names(tmp_path / "there")


@pytest.mark.parametrize(
    ("trouble", "kind", "message"),
    [("error", LookupError, "no such thing"), ("unpicklable", RuntimeError, "UnpicklableError: one two")],
)
def test_error_of_a_player_comes_back_from_the_other_process(
    tmp_path: Path, trouble: str, kind: type[Exception], message: str
) -> None:
    one = session(tmp_path, Idler(trouble))
    with closing(Recorder(one, parcel=packed(one))) as recorder:
        for _ in range(2):  # and the process is there for the next episode
            with pytest.raises(kind, match=message) as caught:
                recorder.record(0)
        if kind is LookupError:
            assert "travelling_players" in "".join(caught.value.__notes__)
    assert names(tmp_path) == []


def test_death_of_the_process_is_an_error_with_its_status(tmp_path: Path) -> None:
    one = session(tmp_path, Idler("exit"))
    with (
        closing(Recorder(one, parcel=packed(one))) as recorder,
        pytest.raises(WorkerDiedError, match=r"its end, with status 3.*--workers 1"),
    ):
        recorder.record(0)


def test_what_players_print_in_the_other_process_is_no_output_of_this_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = session(tmp_path, Idler("print", home=os.getpid()))
    with closing(Recorder(one, parcel=packed(one))) as recorder:
        recorder.record(0)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "hello" in captured.err


class Local:
    """A player that can be pickled, and loaded by no other process."""

    name, skill = "local", 0.0

    def start_episode(self, legal_actions: Sequence[int], seed: int) -> None:
        pass

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        return 0


def test_players_that_another_process_cannot_load_play_here(tmp_path: Path) -> None:
    one = session(tmp_path, Local())
    lost = packed(one).replace(b"test_recorder", b"lost_recorder")
    with pytest.raises(ImportError, match="lost_recorder"):
        pickle.loads(lost)
    with closing(Recorder(one, parcel=lost)) as recorder:
        assert recorder.record(0).player == "local"


def test_players_of_the_main_script_and_unpicklable_ones_are_not_packed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Inner(Local):
        pass

    class Sealed(Local):
        def __reduce__(self) -> str:
            raise RuntimeError("as scripted modules of PyTorch do, which can be copied all the same")

    assert pack_session(session(tmp_path, Inner())) is None
    assert pack_session(session(tmp_path, Sealed())) is None
    monkeypatch.setattr(Local, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "Local", Local, raising=False)
    assert pack_session(session(tmp_path, Local())) is None


def test_collect_makes_the_same_files_with_several_processes(tmp_path: Path) -> None:
    options = {"num_episodes": 6, "max_steps_per_episode": 1500, "frame_skip": 40}
    for workers in (1, 3):
        collect(tmp_path / str(workers), "breakout", num_workers=workers, **options)
    assert names(tmp_path / "1") == names(tmp_path / "3")


def test_collect_uses_other_processes_when_there_is_enough_to_play(tmp_path: Path) -> None:
    players = [Idler("exit", home=os.getpid())]
    with pytest.raises(RuntimeError, match="with status 3"):
        collect(tmp_path, "breakout", num_episodes=30, max_steps_per_episode=700, num_workers=2, players=players)
    EpisodeStore(tmp_path).verify()


SCRIPT = """
import sys
from rmr_gym.data import collect

class Mine:
    name, skill = "mine", 0.5
    def start_episode(self, legal_actions, seed):
        pass
    def act(self, observation):
        return 0

for players in (None, [Mine()]):
    collect(
        f"{sys.argv[1]}/{players is None}", "breakout", num_episodes=2, max_steps_per_episode=130, frame_skip=80,
        num_workers=2, players=players, on_episode=lambda metadata: print(metadata.episode_index),
    )
"""


def test_collect_counts_what_players_try_out(tmp_path: Path) -> None:
    players = [Idler("exit", home=os.getpid())]
    short: dict[str, Any] = {"num_episodes": 2, "max_steps_per_episode": 20, "num_workers": 2, "players": players}
    assert len(collect(tmp_path / "quick", "breakout", **short)) == 2  # all of them here
    players[0].lookahead_steps = 150.0
    with pytest.raises(RuntimeError, match="with status 3"):
        collect(tmp_path / "slow", "breakout", **short)


def test_script_needs_no_guard_around_its_main_part(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, check=True, timeout=200
    )
    assert sorted(done.stdout.split()) == ["0", "0", "1", "1"]
    assert done.stderr == ""


ENDLESS = """
import os, sys
from rmr_gym.data import collect
collect(
    sys.argv[1], "pong", num_episodes=1_000, max_steps_per_episode=30, num_workers=3,
    on_episode=lambda metadata: print(metadata.episode_index, flush=True),
)
"""


def test_processes_end_with_the_collector_that_is_killed_in_the_middle(tmp_path: Path) -> None:
    collector = subprocess.Popen([sys.executable, "-c", ENDLESS, str(tmp_path)], stdout=-1, stderr=-1, text=True)
    with collector:
        assert collector.stdout is not None
        assert collector.stderr is not None
        acknowledged = {int(collector.stdout.readline()) for _ in range(120)}  # enough for all three to be at work
        collector.kill()
        assert collector.stderr.read() == "", "it is read to its end when the last process has ended"
    ended = time.time()
    time.sleep(0.1)
    assert all(path.stat().st_mtime <= ended for path in tmp_path.iterdir())
    store = EpisodeStore(tmp_path)
    store.verify()
    assert {metadata.episode_index for metadata in store.episodes} >= acknowledged
