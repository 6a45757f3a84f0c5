from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from rmr_gym.models.decoders import DiscDecoderConfig
from rmr_gym.models.encoders import KeypointsConfig
from rmr_gym.models.processors import BALL_PROCESSORS, InteractionNetworkConfig
from rmr_gym.pipeline.balls import BALL_PROFILES, BallsRunConfig
from rmr_gym.pipeline.balls.bottleneck import DEFAULT_WIDTHS
from rmr_gym.pipeline.commands.balls import BALL_ACTIONS, SUMMARIES, Bottleneck, RunBalls, parse_balls
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.stage import JsonObject


def test_every_action_has_a_summary() -> None:
    assert set(BALL_ACTIONS) == set(SUMMARIES)


@pytest.mark.parametrize("name", BALL_ACTIONS)
def test_action_help_teaches_by_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_balls([name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: rmr-gym balls {name}" in shown
    assert f"Example: rmr-gym balls {name}" in shown
    assert all(option in shown for option in ("--seed", "--profile", "--config", "--device", "--world.num-balls"))


@pytest.mark.parametrize("name", BALL_ACTIONS)
@pytest.mark.parametrize("profile", BALL_PROFILES)
def test_profile_sets_the_defaults_of_every_action(profile: str, name: str) -> None:
    assert parse_balls([name, "--profile", profile]).config == BALL_PROFILES[profile]()


def test_options_override_the_profile() -> None:
    words = "run --profile smoke --natural.loop.gradient-steps 50 --num-seeds 2 --arms rmr --world.speed 0.5 --out o"
    action = parse_balls(words.split())
    assert isinstance(action, RunBalls)
    smoke = BALL_PROFILES["smoke"]()
    loop = dataclasses.replace(smoke.natural.loop, gradient_steps=50)
    assert action.config == dataclasses.replace(
        smoke,
        num_seeds=2,
        arms=("rmr",),
        world=dataclasses.replace(smoke.world, speed=0.5),
        natural=dataclasses.replace(smoke.natural, loop=loop),
    )
    assert action.out == Path("o")


@pytest.mark.parametrize(("name", "width"), [("mpnn", 16), ("deep_sets", 16), ("interaction_network", 6)])
def test_processor_is_chosen_by_name(name: str, width: int) -> None:
    action = parse_balls(["run", "--profile", "smoke", "--abstract.processor", name])
    assert isinstance(action, RunBalls)
    assert type(action.config.abstract.processor) is BALL_PROCESSORS[name]
    assert action.config.abstract.processor.slot_dim == action.config.natural.encoder.slot_dim == width


@pytest.mark.parametrize("action", ["run", "pretrain", "bottleneck"])
def test_parts_for_pictures_are_chosen_by_name(action: str) -> None:
    words = ["--natural.encoder", "keypoints", "--natural.encoder.channels", "7", "--natural.decoder", "discs"]
    chosen = parse_balls([action, "--profile", "smoke", *words]).config.natural
    assert chosen.encoder == KeypointsConfig(slot_dim=BALL_PROFILES["smoke"]().natural.encoder.slot_dim, channels=7)
    assert chosen.decoder == DiscDecoderConfig()


def test_options_of_the_chosen_processor_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "--abstract.processor", "interaction_network", "--abstract.processor.effect-dim", "7"]
    chosen = parse_balls(words).config.abstract.processor
    assert isinstance(chosen, InteractionNetworkConfig)
    assert chosen.effect_dim == 7
    with pytest.raises(SystemExit):
        parse_balls([*words[:2], "mlp"])
    assert "interaction_network" in capsys.readouterr().err


def test_bottleneck_help_says_which_arm_it_trains(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_balls(["bottleneck", "--help"])
    assert "the arm is always rmr" in " ".join(capsys.readouterr().out.split())


def test_bottleneck_takes_widths() -> None:
    action = parse_balls(["bottleneck", "--profile", "smoke", "--widths", "2", "16", "--no-interaction-network"])
    assert isinstance(action, Bottleneck)
    assert (action.widths, action.interaction_network) == ((2, 16), False)
    default = parse_balls(["bottleneck"])
    assert isinstance(default, Bottleneck)
    assert (default.widths, default.interaction_network) == (DEFAULT_WIDTHS, True)


def test_config_of_a_run_is_taken_up_with_other_flags_on_top(
    finished_balls: tuple[Path, JsonObject], tiny_balls: BallsRunConfig
) -> None:
    for name in ("config.json", "result.json"):
        action = parse_balls(["run", "--config", str(finished_balls[0] / name), "--num-seeds", "3"])
        assert action.config == dataclasses.replace(tiny_balls, num_seeds=3)
        assert action.start.name == name.removesuffix(".json")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--profile", "fast"], "quick"),
        (["run", "--natural.loop.steps", "3"], "Unrecognized options"),
        (["run", "--widths", "2"], "Unrecognized options"),
        (["bottleneck", "--widths", "two"], "two"),
        (["fly"], "invalid choice: 'fly'"),
        ([], "ACTION"),
    ],
)
def test_what_does_not_exist_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_balls(words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--abstract.processor.slot-dim", "16"], "natural.encoder.slot_dim 16, as the processor; got 128"),
        (["--natural.encoder.slot-dim", "64"], "natural.encoder.slot_dim 128, as the processor; got 64"),
        (["--natural.encoder.num-slots", "3"], "a slot for every ball"),
        (["--world.picture-size", "32"], "natural.encoder.size (32, 32), as the world's pictures"),
        (["--scoring.horizon", "200"], "trajectories longer than a rollout"),
        (["--arms", "rrm"], "Did you mean 'rmr'?"),
        (["--world.num-balls", "400"], "balls that cover at most"),
        (["--natural.encoder.attention-gain", "0"], "a finite attention_gain > 0"),
    ],
)
def test_values_that_do_not_fit_are_refused_in_our_words(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        parse_balls(["run", "--profile", "standard", *words])
    except ValueError as error:  # of the outermost config
        shown = str(error)
    except SystemExit:  # tyro's box around the words of a nested config
        shown = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in shown


def test_config_file_and_profile_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--profile or --config, not both"):
        parse_balls(["run", "--config", str(tmp_path / "config.json"), "--profile", "smoke"])


def test_config_file_of_a_game_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with pytest.raises(ValueError, match="No such file"):
        parse_balls(["run", "--config", str(path)])
    path.write_text(json.dumps(to_json(BALL_PROFILES["smoke"]()) | {"game": "pong"}))
    with pytest.raises(ValueError, match="Remove or rename game"):
        parse_balls(["run", "--config", str(path)])
