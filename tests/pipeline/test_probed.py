from __future__ import annotations

import dataclasses
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.classic_control import CartPoleEnv
from rich.console import Console
from stable_baselines3 import PPO

from rmr_gym.cli import main
from rmr_gym.models import load_encoder, save_encoder
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.probed import open_probed, short_names
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stage import JsonObject
from rmr_gym.pipeline.stages import probe
from rmr_gym.program import USER_ERROR
from rmr_gym.sb3.agent_features import AgentReadingConfig


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent as it is before training: four gray frames of 84 x 84, 16 features."""
    env: Any = CartPoleEnv()
    env.observation_space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    env.reset = lambda **_: (env.observation_space.sample(), {})
    policy_kwargs = {"features_extractor_kwargs": {"features_dim": 16}}
    model = PPO("CnnPolicy", env, n_steps=8, batch_size=8, policy_kwargs=policy_kwargs, device="cpu", seed=0)
    path = tmp_path_factory.mktemp("agent") / "pong.zip"
    model.save(path)
    return path


def test_an_agent_is_scored_on_the_frames_of_the_encoders(
    finished: tuple[Path, JsonObject], tiny: RunConfig, agent: Path, tmp_path: Path
) -> None:
    data, encoder = finished[0] / "data", finished[0] / "encoders" / "untrained" / "seed-3"
    ours = probe(data, encoder, tmp_path / "ours", tiny.probe, seed=3)
    theirs = probe(data, f"sb3:{agent}", tmp_path / "theirs", tiny.probe, seed=3)
    shared = ("kept_slots", "majority", "num_train_frames", "num_validation_frames")
    assert {name: theirs[name] for name in shared} == {name: ours[name] for name in shared}
    assert theirs["examples"]["frames"] == ours["examples"]["frames"]
    assert list(theirs["readouts"]) == list(ours["readouts"])
    assert [row["num_features"] for row in theirs["readouts"].values()] == [16, 16, 16]
    assert 0 < theirs["readouts"]["full"]["bit_f1"]["weighted"] < 1
    assert 1 < theirs["collapse"]["effective_rank"] <= 16
    about = theirs["inputs"]["agent"]
    assert (about["num_timesteps"], about["num_frames"], about["gray"]) == (0, 4, True)
    assert about["reading"]["layer"] == "features"
    assert set(ours["inputs"]) == {"data", "encoder", "config", "seed"}


def test_an_encoder_of_another_game_is_probed_with_a_remark(
    finished: tuple[Path, JsonObject], tiny: RunConfig, tmp_path: Path
) -> None:
    config = dataclasses.replace(tiny.probe, readouts=("full",))
    own = finished[0] / "encoders" / "untrained" / "seed-3"
    save_encoder(load_encoder(own), tmp_path / "foreign", game="breakout")
    said = {}
    for encoder in (own, tmp_path / "foreign"):
        with io.StringIO() as shown:
            reporter = Reporter(Console(file=shown))
            probe(finished[0] / "data", encoder, tmp_path / f"{encoder.name}.out", config, reporter=reporter)
            said[encoder] = shown.getvalue()
    assert "was trained on" not in said[own]
    assert "foreign was trained on breakout and is probed on pong." in said[tmp_path / "foreign"]


def test_an_agent_that_is_read_otherwise_is_another_probe(
    finished: tuple[Path, JsonObject], tiny: RunConfig, agent: Path, tmp_path: Path
) -> None:
    copied = shutil.copy(agent, tmp_path / "pong.zip")
    config = dataclasses.replace(tiny.probe, readouts=("full",))
    first = probe(finished[0] / "data", f"sb3:{copied}", None, config)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pong.probe.json", "pong.zip"]
    assert probe(finished[0] / "data", f"sb3:{tmp_path / 'pong'}", None, config) == first
    with pytest.raises(ValueError, match="agent.reading.padding: zero -> reset"):
        probe(finished[0] / "data", f"sb3:{copied}", None, config, agent=AgentReadingConfig(padding="reset"))


def test_colours_and_size_of_the_pictures_are_those_of_the_agent(agent: Path) -> None:
    probed = open_probed(f"sb3:{agent}")
    assert (probed.size, probed.gray, probed.record) == ((84, 84), True, agent.with_name("pong.probe.json"))


def test_several_encoders_are_shown_in_one_table(
    finished: tuple[Path, JsonObject],
    tiny: RunConfig,
    agent: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    config = tmp_path / "config.json"
    config.write_text(json.dumps(to_json(tiny)))
    encoders = finished[0] / "encoders"
    names = [str(encoders / arm / "seed-3") for arm in ("rmr", "c_swm")]
    monkeypatch.chdir(agent.parent)
    words = ["probe", "--config", str(config), "--data", str(finished[0] / "data"), "--out", str(tmp_path / "out")]
    assert main([*words, "--encoder", *names, "sb3:pong.zip"]) == 0
    shown = capsys.readouterr().out
    folders = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert folders == ["c_swm-seed-3", "rmr-seed-3", "sb3-pong.zip"]
    rows = {line.split("  ")[0]: line.split()[-5:] for line in shown.splitlines()}
    majority = f"{finished[1]['natural']['majority']['bit_f1']['weighted']:.3f}"
    assert rows["majority bit"] == [majority] * 3 + ["-", "-"]
    for arm in ("rmr", "c_swm"):
        record = finished[1]["natural"]["arms"][arm]["3"]
        scores = [f"{row['bit_f1']['weighted']:.3f}" for row in record["readouts"].values()]
        assert rows[f"{arm}/seed-3"] == [*scores, "8,192", f"{record['collapse']['effective_rank']:.0f}"]
    assert rows["sb3:pong.zip"][3] == "16"


def test_names_are_as_short_as_they_stay_different() -> None:
    assert short_names(["a/b", "c/d"]) == ["b", "d"]
    assert short_names(["x/a/s", "x/b/s", "s"]) == ["a/s", "b/s", "s"]
    assert short_names(["y/a/s", "x/a/s", "a/s"]) == ["y/a/s", "x/a/s", "a/s"]
    assert short_names(["a/b", "sb3:a/b"]) == ["b", "sb3:b"]
    assert short_names(["runs/one/"]) == ["one"]


def test_what_cannot_be_probed_is_refused_in_one_line(
    finished: tuple[Path, JsonObject], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["probe", "--data", str(finished[0] / "data"), "--encoder"]
    for names, message in (
        ([f"sb3:{tmp_path / 'absent.zip'}"], "a saved agent in"),
        (["twice", "twice"], "one or several different encoders"),
        ([], "one or several different encoders"),
        ([str(tmp_path)], "a folder with config.json"),
    ):
        assert main([*words, *names]) == USER_ERROR
        assert message in capsys.readouterr().err
