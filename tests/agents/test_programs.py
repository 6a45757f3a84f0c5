"""The scripts, one after the other, on the smallest agents."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe
from PIL import Image

from agents import balls_panel
from agents.evaluate import main as evaluate
from agents.ram_reading import RamReading
from agents.record import Episode, Frame
from agents.record import main as record
from agents.train import main as train
from rmr_gym.data import collect
from rmr_gym.models import fingerprint, save_encoder
from rmr_gym.models.encoders import KeypointsConfig, NatureCnnConfig
from rmr_gym.sb3.agent_features import AgentFeatures
from rmr_gym.sb3.training import load_agent, make_agent_env

SHORT = "--algo.num-envs 1 --algo.n-steps 8 --algo.batch-size 8 --steps 16 --num-checkpoints 2 --evaluation.every 1000"
SHORT += " --evaluation.num-episodes 1 --evaluation.num-final-episodes 1 --evaluation.max-frames 40 --threads 1"


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent on a frozen encoder; not to be changed."""
    folder = tmp_path_factory.mktemp("game")
    save_encoder(NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3).build(), folder / "encoder")
    assert train([*SHORT.split(), "--encoder", str(folder / "encoder"), "--out", str(folder / "agent")]) == 0
    return folder / "agent"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent with a network of its own; not to be changed."""
    folder = tmp_path_factory.mktemp("scratch")
    words = SHORT.replace("--steps 16", "--steps 24").replace("--num-checkpoints 2", "--num-checkpoints 3").split()
    assert train([*words, "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An agent that sees where the balls are; not to be changed."""
    folder = tmp_path_factory.mktemp("balls")
    words = [*SHORT.split(), "--game", "balls_push", "--features", "ram", "--world.num-balls", "2"]
    words += ["--push.push-speed", "0.4"]
    assert train([*words, "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of the game; not to be changed."""
    folder = tmp_path_factory.mktemp("data") / "data"
    collect(folder, "pong", num_episodes=4, max_steps_per_episode=40, num_workers=1)
    return folder


def test_training_says_how_far_it_is_and_what_came_out(
    game: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (game / "result.json").exists()
    config = json.loads((game / "config.json").read_text())
    assert config["features"]["type"] == "encoder"
    scores = tmp_path / "not" / "there" / "yet" / "scores.json"
    assert evaluate([str(game), "--episodes", "2", "--all-checkpoints", "--json", str(scores)]) == 0
    shown = capsys.readouterr().out
    assert "mean return" in shown
    found = json.loads(scores.read_text())
    assert [record["env_steps"] for record in found] == [8, 16]
    assert all(len(record["returns"]) == 2 for record in found)


def test_training_is_repeated_when_its_encoder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    window = KeypointsConfig(history=2, num_slots=2, slot_dim=4, channels=4).build()
    save_encoder(window, tmp_path / "encoder")
    command = [*SHORT.split(), "--game", "balls_push", "--world.num-balls", "1"]
    command += ["--encoder", str(tmp_path / "encoder"), "--out", str(tmp_path / "agent")]
    assert train(command) == 0
    shutil.rmtree(tmp_path / "encoder")
    (tmp_path / "agent" / "result.json").unlink()
    assert train(command) == 0
    assert json.loads((tmp_path / "agent" / "result.json").read_text())["env_steps"] == 16


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--threads 0", "threads as an integer of at least 1"),
        ("--algo.batch-size 1", "at least 2 steps"),
        ("--algo.n-steps 1 --algo.num-envs 1", "at least 2 steps"),
        ("--game.size 20 20", "game.size of at least 36"),
        ("--game balls_push --world.picture-size 20", "world.picture_size of at least 36"),
    ],
)
def test_numbers_out_of_range_end_in_one_sentence(
    words: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status: Any = train([*words.split(), "--out", str(tmp_path / "agent")])
    except SystemExit as end:  # of the parser of options
        status = end.code
    assert status == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "agent").exists()


def test_film_shows_the_game_its_memory_and_what_is_read(game: Path, data: Path, tmp_path: Path) -> None:
    film = tmp_path / "deep" / "agent.mp4"
    assert record([str(game), "--data", str(data), "--seconds", "1", "--out", str(film)]) == 0
    # Its own reader leaves pipes open.
    command = [get_ffmpeg_exe(), "-i", str(film), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    decoded = subprocess.run(command, capture_output=True, check=True)
    assert b"1128x696" in decoded.stderr
    assert b"15 fps" in decoded.stderr
    pictures = np.frombuffer(decoded.stdout, np.uint8).reshape(-1, 696, 1128, 3)
    assert len(pictures) == 16
    # Pong is brown; the orange of changed bytes stands above, below nothing but what was read.
    assert np.abs(pictures[-1][400, 100].astype(int) - [144, 72, 17]).max() < 25
    assert orange(pictures[-1][:330, 500:]) > 200
    assert orange(pictures[-1][350:, 500:]) == 0


@pytest.mark.parametrize("steps", [8, 24, None])
def test_ram_is_read_off_the_agent_that_plays(
    steps: int | None, scratch: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[RamReading] = []

    def draw(_: Episode, reading: RamReading) -> Iterator[Frame]:
        shown.append(reading)
        yield np.zeros((16, 16, 3), np.uint8)

    monkeypatch.setattr("agents.record.draw", draw)
    words = [] if steps is None else ["--checkpoint", str(steps)]
    arguments = [str(scratch), "--data", str(data), "--seconds", "0.2", "--out", str(tmp_path / "a.gif"), *words]
    assert record(arguments) == 0
    (reading,) = shown
    assert isinstance(reading.module, AgentFeatures)
    early, late = (fingerprint(load_agent(scratch, env_steps=one)[0].policy) for one in (8, 24))
    assert early != late
    assert fingerprint(reading.module.policy) == (early if steps == 8 else late)


def orange(picture: np.ndarray) -> int:
    return int((np.abs(picture.astype(int) - [255, 176, 46]).max(axis=-1) < 40).sum())


def test_film_without_data_is_a_gif_of_the_true_memory(game: Path, tmp_path: Path) -> None:
    assert record([str(game), "--seconds", "0.4", "--checkpoint", "8", "--out", str(tmp_path / "a.gif")]) == 0
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.size, getattr(film, "n_frames", 0)) == ((1128, 696), 7)


def test_film_of_balls_shows_where_they_are(balls: Path, tmp_path: Path) -> None:
    assert record([str(balls), "--seconds", "0.5", "--out", str(tmp_path / "a.gif")]) == 0
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.size, getattr(film, "n_frames", 0)) == ((512, 552), 5)


def test_film_of_balls_is_of_the_world_that_the_agent_pushes(balls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen, drawn = [], []

    def watched(*arguments: Any, **keywords: Any) -> Any:
        venv = make_agent_env(*arguments, **keywords)
        step = venv.step_wait
        monkeypatch.setattr(venv, "step_wait", lambda: (found := step(), seen.append(found[0][0, :, -2:].copy()))[0])
        return venv

    monkeypatch.setattr(balls_panel, "make_agent_env", watched)
    monkeypatch.setattr(balls_panel, "_draw", lambda shown, *_: drawn.append(shown["state"].copy()))
    for _ in balls_panel.film_balls(balls, 16, num_steps=12, seed=3):
        pass
    np.testing.assert_allclose(drawn, seen, atol=1e-6)
    assert len(drawn) == 12


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--checkpoint", "5"], "5 out of 8, 16"),
        (["--seconds", "0"], "positive seconds"),
        (["--out", "a.txt"], "agent.mp4"),
        (["--data", "no/such/data"], "no/such/data"),
    ],
)
def test_mistakes_end_in_one_sentence(
    words: list[str], message: str, game: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if "--out" in words else ["--out", str(tmp_path / "a.gif")]
    assert record([str(game), "--seconds", "0.1", *out, *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("words", "message"), [(["--data", "any/data"], "--data for a game"), (["--out", "a.txt"], "agent.mp4")]
)
def test_mistakes_of_films_of_balls_end_in_one_sentence(
    words: list[str], message: str, balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = [] if "--out" in words else ["--out", str(tmp_path / "a.gif")]
    assert record([str(balls), "--seconds", "0.1", *out, *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_shortest_film_of_balls_has_a_frame(balls: Path, tmp_path: Path) -> None:
    assert record([str(balls), "--seconds", "0.01", "--out", str(tmp_path / "a.gif")]) == 0
    with Image.open(tmp_path / "a.gif") as film:
        assert getattr(film, "n_frames", 0) == 1


def test_name_of_a_film_is_read_before_anything_is_played(
    game: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agents.record.play", lambda *_, **__: pytest.fail("played"))
    assert record([str(game), "--out", str(tmp_path / "a.txt")]) == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["{game}", "--json", "{game}"], "a file for --json"),
        (["{game}", "--json", "{game}/config.json/scores.json"], "config.json"),
        (["{game}", "no/such/agent"], "no/such/agent"),
    ],
)
def test_mistakes_of_evaluations_are_found_before_anything_is_played(
    words: list[str],
    message: str,
    game: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("agents.evaluate.evaluate_agent", lambda *_, **__: pytest.fail("played"))
    assert evaluate([word.format(game=game) for word in words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_folder_without_an_agent_ends_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate([str(tmp_path)]) == 2
    assert train(["--features", "encoder"]) == 2
    assert "Traceback" not in capsys.readouterr().err
