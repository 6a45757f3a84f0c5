from __future__ import annotations

from pathlib import Path

import pytest

from agents.options import parse
from rmr_gym.models import save_encoder
from rmr_gym.models.encoders import NatureCnnConfig, SlotAttentionConfig
from rmr_gym.sb3.training import (
    DqnConfig,
    EncoderFeatures,
    FineTunedFeatures,
    NatureCnnFeatures,
    PpoConfig,
    StateFeatures,
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    built = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3).build()
    return str(save_encoder(built, tmp_path_factory.mktemp("encoder")))


def test_defaults_are_ppo_from_scratch_on_pong() -> None:
    options = parse([])
    assert (options.config.task, options.config.stack) == ("pong", 4)
    assert options.config.algorithm == PpoConfig()
    assert options.config.features == NatureCnnFeatures()
    assert options.folder == Path("runs/agents/pong-ppo-nature_cnn-seed-0")


def test_encoder_is_frozen_unless_one_says_otherwise(encoder: str) -> None:
    options = parse(["--game", "MsPacman", "--encoder", encoder, "--steps", "7", "--seed", "3"])
    assert options.config.features == EncoderFeatures(path=encoder, through="wrapper")
    assert options.folder == Path("runs/agents/ms_pacman-ppo-encoder-seed-3")
    tuned = parse(["--encoder", encoder, "--features", "fine_tuned", "--features.after-steps", "5"])
    assert tuned.config.features == FineTunedFeatures(path=encoder, after_steps=5)


def test_replay_buffers_hold_pictures(encoder: str) -> None:
    options = parse(["--algo", "dqn", "--algo.buffer-size", "10", "--encoder", encoder])
    assert options.config.algorithm == DqnConfig(buffer_size=10)
    assert options.config.features == EncoderFeatures(path=encoder, through="extractor")


def test_life_is_an_episode_as_in_the_zoo() -> None:
    assert [parse(["--algo", algo]).config.game.life_is_episode for algo in ("ppo", "dqn", "recurrent_ppo")] == [
        True,
        True,
        False,
    ]
    assert parse(["--algo", "recurrent_ppo", "--game.life-is-episode"]).config.game.life_is_episode


def test_balls_have_a_stack_of_three_or_the_window_of_the_encoder(tmp_path: Path) -> None:
    assert parse(["--game", "balls_push", "--features", "ram"]).config.stack == 3
    window = SlotAttentionConfig(history=2, num_slots=2, slot_dim=4).build()
    folder = str(save_encoder(window, tmp_path))
    assert parse(["--game", "balls_push", "--encoder", folder]).config.stack == 2
    world = parse(["--game", "balls_push", "--world.num-balls", "3", "--features", "ram"]).config
    assert (world.world.num_balls, world.features) == (3, StateFeatures())


@pytest.mark.parametrize("words", [["--out", "agent"], ["--seed", "3"]])
def test_window_is_that_of_the_copy_when_the_encoder_is_gone(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    command = ["--game", "balls_push", "--encoder", "gone/encoder", *words]
    with pytest.raises(ValueError, match="gone/encoder"):
        parse(command)
    folder = Path("agent" if "--out" in words else "runs/agents/balls_push-ppo-encoder-seed-3")
    save_encoder(SlotAttentionConfig(history=2, num_slots=2, slot_dim=4).build(), folder / "encoder")
    options = parse(command)
    assert (options.folder, options.config.stack) == (folder, 2)
    assert options.config.features == EncoderFeatures(path="gone/encoder", through="wrapper")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--features", "encoder"], "--encoder FOLDER"),
        (["--features", "ram", "--encoder", "x"], "Leave one of them out"),
        (["--encoder", "no/such/folder"], "no/such/folder"),
        (["--game", "pongg"], "pong"),
    ],
)
def test_mistakes_are_explained(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse(words)


@pytest.mark.parametrize("words", [["--algo", "ppoo"], ["--algo.buffer-size", "3"], ["--features", "x"]])
def test_unknown_options_end_the_program(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        parse(words)
