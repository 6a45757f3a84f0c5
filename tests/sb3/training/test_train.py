from __future__ import annotations

import csv
import dataclasses
import importlib.metadata
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from rmr_gym.models import fingerprint
from rmr_gym.sb3.training import (
    DOCUMENTS,
    AgentConfig,
    AnyAlgorithmConfig,
    EncoderFeatures,
    EvaluationConfig,
    GameOptions,
    QrDqnConfig,
    checkpoints,
    evaluate_agent,
    load_agent,
    read_config,
    read_episodes,
    read_evaluations,
    train_agent,
)
from rmr_gym.sb3.training.scoring import _apart, score
from tests.sb3.training.small import LONG_PPO, NEVER, SHORT, SMALL_DQN, SMALL_PPO, StopError, quick, small, stop_at
from tests.warm_python import run_python

ROOT = Path(__file__).parents[3]


def test_result_says_what_was_done(trained: Path) -> None:
    result = json.loads((trained / "result.json").read_text())
    assert result["env_steps"] == 48
    assert result["config"]["features"]["type"] == "encoder"
    assert len(result["evaluation"]["returns"]) == 2
    assert result["steps_per_second"] == pytest.approx(48 / result["training_seconds"], rel=0.01)
    assert result["parameters"]["trainable"] == 8 * (2 * 2 * 3 + 1) + 7 * (8 + 1)
    assert (trained / result["agent"]).exists()
    assert list(checkpoints(trained)) == [16, 32, 48]


def test_evaluations_are_written_in_their_order(trained: Path) -> None:
    found = read_evaluations(trained)
    assert [record["env_steps"] for record in found] == [0, 16, 32, 48]
    assert [len(record["returns"]) for record in found] == [1, 1, 1, 2]
    assert all(length <= 60 / 4 for record in found for length in record["lengths"])
    spent = [record["training_seconds"] for record in found]
    assert spent == sorted(spent)


def test_logs_are_a_table_and_tensorboard(trained: Path) -> None:
    (table,) = (trained / "logs").glob("progress-*.csv")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert {"eval/mean_reward", "train/value_loss"} <= rows[0].keys()
    assert list((trained / "logs" / "tensorboard").iterdir())


def test_finished_training_is_not_done_again(trained: Path) -> None:
    def on_progress(done: int, total: int) -> None:
        raise AssertionError((done, total))

    assert train_agent(read_config(trained), trained, on_progress=on_progress)["env_steps"] == 48


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 7}, "seed: 0 -> 7"),
        ({"algorithm": dataclasses.replace(SMALL_PPO, gamma=0.5)}, "algorithm.gamma: 0.99 -> 0.5"),
        ({"game": GameOptions(sticky=0.25)}, "game.sticky: 0.0 -> 0.25"),
    ],
)
def test_folder_of_another_config_is_refused(changes: dict[str, Any], message: str, trained: Path) -> None:
    with pytest.raises(ValueError, match=message):
        train_agent(dataclasses.replace(read_config(trained), **changes), trained)


def test_folder_in_which_nothing_was_trained_takes_another_config(encoder: Path, tmp_path: Path) -> None:
    wide = small(features=EncoderFeatures(path=str(encoder)), game=GameOptions(size=(42, 42)))
    with pytest.raises(ValueError, match="42"):
        train_agent(wide, tmp_path)
    with pytest.raises(ValueError, match="Lower buffer_size"):
        train_agent(quick(algorithm=dataclasses.replace(SMALL_DQN, buffer_size=10**12)), tmp_path)
    assert not (tmp_path / "encoder").exists()
    with pytest.raises(StopError):
        train_agent(quick(), tmp_path, on_progress=stop_at(2))  # has been scored once
    with pytest.raises(ValueError, match="seed: 0 -> 1"):
        train_agent(quick(seed=1), tmp_path)


@pytest.mark.parametrize("device", ["cuda", "cudaa"])
def test_device_that_is_not_there_is_not_replaced_by_another(
    device: str, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=device):
        train_agent(quick(), tmp_path / "new", device=device)
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match=device):
        evaluate_agent(trained, num_episodes=1, device=device)


def test_number_of_threads_is_positive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="threads as an integer of at least 1; got 0"):
        train_agent(quick(), tmp_path / "new", threads=0)
    assert not (tmp_path / "new").exists()


# 4 inputs, 8 hidden units, 5 actions; the target network is no part of them.
@pytest.mark.parametrize(
    ("algorithm", "weights"),
    [
        (SMALL_DQN, 8 * (4 + 1) + 5 * (8 + 1)),
        (QrDqnConfig(buffer_size=50, learning_starts=4, batch_size=4, n_quantiles=3), 8 * (4 + 1) + 5 * 3 * (8 + 1)),
    ],
)
def test_weights_of_target_networks_are_not_counted(
    algorithm: AnyAlgorithmConfig, weights: int, tmp_path: Path
) -> None:
    result = train_agent(quick(steps=16, algorithm=algorithm, evaluation=NEVER), tmp_path)
    assert result["parameters"] == {"trainable": weights, "frozen": 0}


def test_packages_that_are_not_there_have_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = importlib.metadata.version

    def without_ale(name: str) -> str:
        if name == "ale-py":
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without_ale)
    found = train_agent(quick(steps=16), tmp_path)["versions"]
    assert "ale-py" not in found
    assert found["torch"] == version("torch")


def test_field_that_came_later_does_not_end_a_training(tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train_agent(quick(), tmp_path, on_progress=stop_at(20))
    document = json.loads((tmp_path / "config.json").read_text())
    del document["game"]["sticky"]
    (tmp_path / "config.json").write_text(json.dumps(document))
    assert train_agent(quick(), tmp_path)["env_steps"] == 48


def test_begun_folder_is_refused_when_it_shall_be_new(trained: Path) -> None:
    with pytest.raises(ValueError, match="resume=False"):
        train_agent(read_config(trained), trained, resume=False)


@pytest.mark.parametrize("stop", [2, 17, 34, 47])
def test_stopped_training_continues_at_its_last_checkpoint(stop: int, tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train_agent(quick(), tmp_path, on_progress=stop_at(stop))
    kept = list(checkpoints(tmp_path))
    assert kept == [steps for steps in (16, 32) if steps < stop]
    told: list[int] = []
    result = train_agent(quick(), tmp_path, on_progress=lambda done, _: told.append(done))
    assert result["env_steps"] == 48
    assert told[0] == (kept[-1] if kept else 0) + 2
    assert [record["env_steps"] for record in read_evaluations(tmp_path)] == [0, 16, 32, 48]
    assert len(list((tmp_path / "logs").glob("progress-*.csv"))) == (2 if kept else 1)


KILLED = """
import os, signal, sys
from rmr_gym.sb3.training import DOCUMENTS, AgentConfig, train_agent
import json
config = DOCUMENTS.from_json(AgentConfig, json.loads(sys.argv[2]))
def on_progress(done, total):
    if done == 40:
        os.kill(os.getpid(), signal.SIGKILL)
train_agent(config, sys.argv[1], on_progress=on_progress)
"""


def test_killed_after_the_last_evaluation_writes_the_result_alone(tmp_path: Path) -> None:
    first = train_agent(quick(), tmp_path)
    (tmp_path / "result.json").unlink()
    again = train_agent(quick(), tmp_path)
    assert [record["env_steps"] for record in read_evaluations(tmp_path)] == [0, 16, 32, 48]
    assert again["evaluation"]["returns"] == first["evaluation"]["returns"]
    assert again["training_seconds"] == pytest.approx(first["training_seconds"], abs=0.5)


def test_episodes_of_training_are_written_once(tmp_path: Path) -> None:
    config = quick(steps=640, num_checkpoints=2, normalize_rewards=True, algorithm=LONG_PPO, evaluation=NEVER)
    with pytest.raises(StopError):
        train_agent(config, tmp_path, on_progress=stop_at(500))
    (checkpoint,) = checkpoints(tmp_path).values()
    assert (checkpoint / "vecnormalize.pkl").exists()
    before = read_episodes(tmp_path)
    assert [record["env_steps"] for record in before] == [200, 200, 400, 400]
    train_agent(config, tmp_path)
    found = read_episodes(tmp_path)
    # Two environments; episodes of 100 steps begin anew at the checkpoint after 320.
    assert [record["env_steps"] for record in found] == [200, 200, 520, 520]
    assert found[:2] == before[:2]
    assert all(record["length"] == 100 and record["return"] < -10 for record in found)


def test_killed_training_continues(tmp_path: Path) -> None:
    config = quick()
    done = run_python("-c", KILLED, str(tmp_path), json.dumps(DOCUMENTS.to_json(config)), folder=ROOT)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert list(checkpoints(tmp_path)) == [16, 32]
    assert not (tmp_path / "result.json").exists()
    assert train_agent(config, tmp_path)["env_steps"] == 48
    assert [record["env_steps"] for record in read_evaluations(tmp_path)] == [0, 16, 32, 48]


def test_checkpoint_that_was_not_finished_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StopError):
        train_agent(quick(), tmp_path, on_progress=stop_at(20))
    (tmp_path / "checkpoints" / ".partial").mkdir()
    (tmp_path / "checkpoints" / ".partial" / "model.zip").write_bytes(b"half")
    assert train_agent(quick(), tmp_path)["env_steps"] == 48
    assert not (tmp_path / "checkpoints" / ".partial").exists()


def test_processes_of_their_own_train_the_same_agent(tmp_path: Path) -> None:
    together = weights(quick(steps=16, num_checkpoints=1), tmp_path / "a")
    assert weights(quick(steps=16, num_checkpoints=1, subprocesses=True), tmp_path / "b") == together


def test_newest_replay_buffer_is_kept_and_continued(tmp_path: Path) -> None:
    config = quick(algorithm=SMALL_DQN)
    with pytest.raises(StopError):
        train_agent(config, tmp_path, on_progress=stop_at(40))
    buffers = [path.parent.name for path in (tmp_path / "checkpoints").rglob("replay_buffer.pkl")]
    assert buffers == ["steps-0000000032"]
    model, _ = load_agent(tmp_path)
    model.load_replay_buffer(str(next((tmp_path / "checkpoints").rglob("replay_buffer.pkl"))))  # type: ignore[attr-defined]
    assert model.replay_buffer.pos == 32  # type: ignore[attr-defined]
    assert train_agent(config, tmp_path)["env_steps"] == 48
    model.load_replay_buffer(str(next((tmp_path / "checkpoints").rglob("replay_buffer.pkl"))))  # type: ignore[attr-defined]
    assert model.replay_buffer.pos == 48  # type: ignore[attr-defined]


def test_checkpoint_is_on_the_disk_before_it_has_its_name_and_older_buffers_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "checkpoints"
    events: list[tuple[str, list[str]]] = []

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_relative_to(folder):
            events.append((path.name, sorted(found.parent.name for found in folder.glob("steps-*/replay_buffer.pkl"))))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(StopError):
        train_agent(quick(algorithm=SMALL_DQN), tmp_path, on_progress=stop_at(40))
    older, newer = "steps-0000000016", "steps-0000000032"
    files = [("model.zip", [older]), ("replay_buffer.pkl", [older]), ("state.json", [older])]
    assert events[-5:] == [*files, (".partial", [older]), ("checkpoints", [older, newer])]
    assert [path.parent.name for path in folder.rglob("replay_buffer.pkl")] == [newer]


def test_training_that_lost_its_replay_buffer_is_not_continued(tmp_path: Path) -> None:
    config = quick(algorithm=SMALL_DQN)
    with pytest.raises(StopError):
        train_agent(config, tmp_path, on_progress=stop_at(40))
    (buffer,) = (tmp_path / "checkpoints").rglob("replay_buffer.pkl")
    content = buffer.read_bytes()
    buffer.unlink()
    with pytest.raises(ValueError, match=f"{buffer}; got no such file. Restore it"):
        train_agent(config, tmp_path)
    buffer.write_bytes(content)
    assert train_agent(config, tmp_path)["env_steps"] == 48


def test_training_that_is_done_needs_no_replay_buffer(tmp_path: Path) -> None:
    config = quick(algorithm=SMALL_DQN)
    train_agent(config, tmp_path)
    for path in (tmp_path / "checkpoints").rglob("replay_buffer.pkl"):
        path.unlink()
    assert train_agent(config, tmp_path)["env_steps"] == 48
    (tmp_path / "result.json").unlink()
    assert train_agent(config, tmp_path)["env_steps"] == 48


def weights(config: AgentConfig, folder: Path) -> str:
    train_agent(config, folder)
    return fingerprint(load_agent(folder)[0].policy)


def test_seed_decides_the_agent_and_evaluations_do_not(tmp_path: Path) -> None:
    rarely = EvaluationConfig(every=1_000, num_episodes=3, num_final_episodes=1, max_frames=40)
    first = weights(quick(), tmp_path / "a")
    assert first == weights(quick(evaluation=rarely), tmp_path / "b")
    assert first != weights(quick(seed=1), tmp_path / "c")


def test_generator_of_a_gpu_is_given_back_as_it_was(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_agent(trained)[0]
    state = torch.arange(16, dtype=torch.uint8)
    given_back = []
    monkeypatch.setattr(torch.cuda, "get_rng_state", lambda _: state)
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda found, device: given_back.append((found, str(device))))
    for device, expected in (("cpu", []), ("cuda:1", [(state, "cuda:1")])):
        monkeypatch.setattr(model, "device", torch.device(device))
        with _apart(model, 0):
            assert not given_back
        assert given_back == expected


def test_agent_is_evaluated_by_checkpoint_and_seed(trained: Path) -> None:
    first = evaluate_agent(trained, num_episodes=2, env_steps=16)
    again = evaluate_agent(trained, num_episodes=2, env_steps=16)
    assert (first["env_steps"], first["returns"], first["lengths"]) == (16, again["returns"], again["lengths"])
    assert evaluate_agent(trained, num_episodes=1, max_frames=20)["lengths"][0] <= 5
    with pytest.raises(ValueError, match="17 out of 16, 32, 48"):
        evaluate_agent(trained, env_steps=17)
    with pytest.raises(ValueError, match="config.json"):
        evaluate_agent(trained / "encoder" / "nothing")


def test_values_explore_in_evaluations_as_at_the_end(tmp_path: Path) -> None:
    config = quick(algorithm=SMALL_DQN, evaluation=dataclasses.replace(SHORT, deterministic=False), steps=16)
    train_agent(config, tmp_path)
    model: Any = load_agent(tmp_path)[0]
    rates = []
    predict = model.policy.predict

    def spy(*arguments: Any, **keywords: Any) -> Any:
        rates.append(model.exploration_rate)
        return predict(*arguments, **keywords)

    model.policy.predict = spy
    model.exploration_rate = 1.0
    score(model, config, tmp_path, num_episodes=1, seed=0)
    assert set(rates) == {0.01}
    assert model.exploration_rate == 1.0
