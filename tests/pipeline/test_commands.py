from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from rmr_gym.cli import SUMMARIES
from rmr_gym.evaluation.probes import RegularisedProbeConfig
from rmr_gym.models.processors import DeepSetsConfig, MlpConfig, MpnnConfig
from rmr_gym.objectives import HingeConfig, InfoNceConfig
from rmr_gym.pipeline.commands import COMMANDS, Collect, Pretrain, Probe, Run, Train, parse
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.profiles import PROFILES
from rmr_gym.training import ARMS

REQUIRED = {
    "collect": ["--out", "o"],
    "pretrain": ["--data", "d", "--out", "o"],
    "train": ["--data", "d", "--processor", "p", "--out", "o"],
    "probe": ["--data", "d", "--encoder", "e"],
    "run": [],
}


def test_commands_are_the_listed_ones() -> None:
    assert set(COMMANDS) | {"balls", "data", "doctor"} == set(SUMMARIES)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_help_teaches_by_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(name, ["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"usage: rmr-gym {name}" in shown
    assert f"Example: rmr-gym {name}" in shown
    assert all(option in shown for option in ("--seed", "--profile", "--config"))
    assert ("--device" in shown) == (name != "collect")


@pytest.mark.parametrize("name", [name for name in COMMANDS if REQUIRED[name]])
def test_command_asks_for_what_it_needs(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(name, [])
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert all(option in shown for option in REQUIRED[name][::2])


@pytest.mark.parametrize("profile", PROFILES)
def test_profile_sets_the_defaults_of_every_command(profile: str) -> None:
    base = PROFILES[profile]()
    parsed: dict[str, Any] = {name: parse(name, [*REQUIRED[name], "--profile", profile]) for name in COMMANDS}
    assert parsed["run"].config == base
    assert parsed["collect"].data == base.data
    assert parsed["pretrain"].abstract == base.abstract
    assert parsed["train"].natural == base.natural
    assert parsed["probe"].probe == base.probe


def test_options_override_the_profile() -> None:
    words = "space_invaders --profile quick --natural.loop.gradient-steps 50 --num-seeds 2 --arms rmr untrained"
    command = parse("run", words.split())
    assert isinstance(command, Run)
    quick = PROFILES["quick"]()
    loop = dataclasses.replace(quick.natural.loop, gradient_steps=50)
    assert command.config == dataclasses.replace(
        quick,
        game="space_invaders",
        num_seeds=2,
        arms=("rmr", "untrained"),
        natural=dataclasses.replace(quick.natural, loop=loop),
    )


def test_a_processor_is_chosen_by_name_and_brings_its_own_options() -> None:
    words = ["--profile", "quick", "--abstract.processor", "mlp", "--abstract.processor.hidden-dim", "32"]
    run = parse("run", words)
    assert isinstance(run, Run)
    assert run.config.abstract.processor == MlpConfig(hidden_dim=32)
    pretrain = parse("pretrain", [*REQUIRED["pretrain"], "--abstract.processor", "deep_sets"])
    assert isinstance(pretrain, Pretrain)
    assert pretrain.abstract.processor == DeepSetsConfig()


def test_an_objective_is_chosen_by_name_and_brings_its_own_options() -> None:
    run = parse("run", ["--natural.objective", "hinge", "--natural.objective.margin", "4"])
    assert isinstance(run, Run)
    assert run.config.natural.objective == HingeConfig(margin=4.0)
    train = parse("train", [*REQUIRED["train"], "--natural.objective", "info_nce", "--arm", "c_swm"])
    assert isinstance(train, Train)
    assert type(train.natural.objective) is InfoNceConfig
    assert train.arm == "c_swm"


def test_probes_are_chosen_by_name_and_bring_their_own_options() -> None:
    words = ["--probe.linear-on-few", "regularised", "--probe.linear-on-few.max-steps", "9", "--probe.linear", "linear"]
    run, probe = parse("run", words), parse("probe", [*REQUIRED["probe"], *words])
    assert isinstance(run, Run)
    assert isinstance(probe, Probe)
    assert run.config.probe == probe.probe
    assert probe.probe.linear_on_few == RegularisedProbeConfig(max_steps=9)
    assert probe.probe.linear == PROFILES["standard"]().probe.linear
    underscored = parse("run", [words[0].replace("-on-few", "_on_few"), words[1]])
    assert isinstance(underscored, Run)
    assert type(underscored.config.probe.linear_on_few) is RegularisedProbeConfig


def test_a_chosen_part_keeps_the_width_of_the_profile() -> None:
    words = ["--profile", "smoke", "--abstract.processor", "deep_sets", "--natural.encoder", "nature_cnn"]
    run = parse("run", words)
    assert isinstance(run, Run)
    smoke = PROFILES["smoke"]()
    assert run.config.abstract.processor == DeepSetsConfig(slot_dim=smoke.abstract.processor.slot_dim)
    assert run.config.natural.encoder == smoke.natural.encoder


def test_every_arm_can_be_trained_by_name() -> None:
    for arm in ARMS:
        command = parse("train", [*REQUIRED["train"], "--arm", arm])
        assert isinstance(command, Train)
        assert command.arm == arm


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--profile", "fast"], "quick"),
        (["--abstract.processor", "gnn"], "deep_sets"),
        (["--natural.loop.steps", "3"], "Unrecognized options"),
        (["--seed", "many"], "many"),
        (["--profile"], "Missing value for argument '--profile'"),
        (["--abstract.processor", "--seed", "3"], "Missing value for argument '--abstract.processor'"),
    ],
)
def test_options_that_do_not_exist_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse("run", words)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_config_file_continues_from_a_result_with_other_flags_on_top(tmp_path: Path) -> None:
    smoke = PROFILES["smoke"]()
    abstract = dataclasses.replace(smoke.abstract, processor=MpnnConfig(reduction="max"))
    smoke = dataclasses.replace(smoke, abstract=abstract)
    config, result = tmp_path / "config.json", tmp_path / "result.json"
    config.write_text(json.dumps(to_json(smoke)))
    result.write_text(json.dumps({"format": "rmr-result/1", "config": to_json(smoke)}))
    for path in (config, result):
        command = parse("run", ["--config", str(path), "--num-seeds", "3"])
        assert isinstance(command, Run)
        assert command.config == dataclasses.replace(smoke, num_seeds=3)
    same = parse("run", ["--config", str(config), "--abstract.processor", "mpnn"])
    assert isinstance(same, Run)
    assert same.config.abstract.processor == MpnnConfig(reduction="max")
    pretrain = parse("pretrain", [*REQUIRED["pretrain"], "--config", str(config)])
    assert isinstance(pretrain, Pretrain)
    assert pretrain.abstract == abstract


def test_config_file_and_profile_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--profile or --config, not both"):
        parse("run", ["--config", str(tmp_path / "config.json"), "--profile", "quick"])


def test_config_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with pytest.raises(ValueError, match="No such file"):
        parse("run", ["--config", str(path)])
    path.write_text('{"gmae": "pong"}')
    with pytest.raises(ValueError, match="Remove or rename gmae"):
        parse("run", ["--config", str(path)])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["pongg"], "Did you mean 'pong'?"),
        (["--arms", "rrm"], "Did you mean 'rmr'?"),
        (["--probe.readouts", "ful"], "Did you mean 'full'?"),
        (["--natural.loop.gradient-steps", "0"], "positive numbers of steps"),
        (["--data.validation-fraction", "1.5"], "Both halves of the split need an episode"),
    ],
)
def test_values_out_of_range_are_refused_in_our_words(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        parse("run", words)
    except ValueError as error:  # of the outermost config
        shown = str(error)
    except SystemExit:  # tyro's box around the words of a nested config
        shown = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert message in shown


def test_threads_are_set_for_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr("torch.set_num_threads", told.append)
    command = parse("probe", [*REQUIRED["probe"], "--threads", "3"])
    assert isinstance(command, Probe)
    assert command.compute.apply() == "cpu"
    assert told == [3]
    with pytest.raises(ValueError, match="--threads of at least 1"):
        dataclasses.replace(command.compute, threads=0).apply()


def test_collect_takes_any_name_of_a_game() -> None:
    command = parse("collect", ["rmr/MsPacman-v0", *REQUIRED["collect"], "--data.num-episodes", "7"])
    assert isinstance(command, Collect)
    assert command.game == "rmr/MsPacman-v0"
    assert command.data.num_episodes == 7
