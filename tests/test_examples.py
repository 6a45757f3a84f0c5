"""Every recipe of `examples/` runs, with tiny settings."""

from __future__ import annotations

import os
import runpy
import sys
import zipfile
from pathlib import Path

import pytest

from rmr_gym.models import save_encoder
from rmr_gym.models.encoders import NatureCnnConfig
from tests.warm_python import run_python

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    built = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3).build()
    return str(save_encoder(built, tmp_path_factory.mktemp("encoder")))


def run(name: str, *words: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(sys, "argv", [name, *words])
    monkeypatch.chdir(folder)
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def test_every_recipe_is_tested() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "add_ram.py",
        "dict_observations.py",
        "fine_tuning.py",
        "frozen_encoder.py",
    }
    assert [path.name for path in (EXAMPLES / "rl_zoo3").iterdir() if path.suffix == ".py"] == ["ppo.py"]


@pytest.mark.parametrize("name", ["dict_observations.py", "fine_tuning.py", "frozen_encoder.py"])
def test_recipe_without_its_encoder_says_how_it_is_called(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match=rf"Usage: python examples/{name} runs/"):
        run(name, monkeypatch=monkeypatch, folder=tmp_path)


def test_five_lines_add_the_ram(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("add_ram.py", "64", monkeypatch=monkeypatch, folder=tmp_path)
    last = capsys.readouterr().out.splitlines()[-1]
    assert 1 < float(last.split()[-1]) < 30
    assert (EXAMPLES / "add_ram.py").read_text().count("  # RAM") == 5


def test_frozen_encoder(encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("frozen_encoder.py", encoder, "16", monkeypatch=monkeypatch, folder=tmp_path)
    assert zipfile.is_zipfile(tmp_path / "frozen_encoder.zip")


def test_fine_tuning(
    encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("fine_tuning.py", encoder, "16", monkeypatch=monkeypatch, folder=tmp_path)
    summaries = [line for line in capsys.readouterr().out.splitlines() if line.startswith("encoder ")]
    assert len(summaries) == 2
    assert "frozen" in summaries[0].split(":")[0]
    assert "frozen" not in summaries[1].split(":")[0]


def test_dict_observations(
    encoder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("dict_observations.py", encoder, "40", monkeypatch=monkeypatch, folder=tmp_path)
    assert "do not depend on the RAM" in capsys.readouterr().out


@pytest.mark.parametrize("environment", ["rmr/BouncingBallsPush-v0", "ALE/Pong-v5"])
def test_zoo_trains_from_the_file(environment: str, encoder: str, tmp_path: Path) -> None:
    command = ["-m", "rl_zoo3.train", "--algo", "ppo", "--env", environment, "--seed", "1"]
    command += ["--gym-packages", "rmr_gym", "--conf-file", str(EXAMPLES / "rl_zoo3" / "ppo.py")]
    command += ["--n-timesteps", "16", "--eval-freq", "-1", "--log-folder", str(tmp_path)]
    command += ["--hyperparams", "n_envs:2", "n_steps:8", "batch_size:8"]
    done = run_python(*command, folder=tmp_path, environment={**os.environ, "RMR_ENCODER": encoder})
    assert done.returncode == 0, done.stdout + done.stderr
    (agent,) = tmp_path.rglob(f"{environment.replace('/', '-')}.zip")
    with zipfile.ZipFile(agent) as archive:
        described = archive.read("data").decode()
    assert ("EncoderFeaturesExtractor" in described) == environment.startswith("ALE")
