from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rmr_gym
from rmr_gym import cli
from rmr_gym.models import load_encoder, load_processor, load_video_model
from rmr_gym.pipeline import commands
from rmr_gym.pipeline.doctor import Check
from rmr_gym.program import FAILED, USER_ERROR

SMALL_DATA = ["--data.num-episodes", "2", "--data.max-steps", "25", "--data.validation-fraction", "0.5"]
SMALL_LOOP = ["--profile", "smoke"]


def test_main_without_a_command_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in cli.SUMMARIES)
    for words in ([], ["fly"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(words)
        assert ended.value.code == 2


def test_main_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"rmr-gym {rmr_gym.__version__}\n"


def test_main_does_the_steps_of_the_chain_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, processor, encoder = (str(tmp_path / name) for name in ("data", "processor", "encoder"))
    assert cli.main(["collect", "pong", "--out", data, *SMALL_DATA]) == 0
    steps = ["--abstract.loop.gradient-steps", "2", "--abstract.processor", "deep_sets", "--entropy-threshold", "0.3"]
    assert cli.main(["pretrain", "--data", data, "--out", processor, *SMALL_LOOP, *steps]) == 0
    assert "processor" in capsys.readouterr().out
    steps = ["--natural.loop.gradient-steps", "2", "--natural.encoder.maps-per-slot", "1", "--arm", "fine_tuned"]
    inputs = ["--data", data, "--processor", processor]
    assert cli.main(["train", *inputs, "--out", encoder, "--seed", "5", *SMALL_LOOP, *steps]) == 0
    capsys.readouterr()
    assert cli.main(["collect", "pong", "--out", data, *SMALL_DATA]) == 0
    assert cli.main(["train", *inputs, "--out", encoder, "--seed", "5", *SMALL_LOOP, *steps]) == 0
    told = capsys.readouterr().out
    assert told == "".join(f"{folder} is finished; nothing was left to do.\n" for folder in (data, encoder))
    limits = ["--probe.entropy-threshold", "0.3", "--probe.readouts", "full"]
    assert cli.main(["probe", "--data", data, "--encoder", encoder, *SMALL_LOOP, *limits]) == 0
    shown = capsys.readouterr().out
    assert "majority bit" in shown
    assert "full" in shown
    assert "\x1b" not in shown  # no bars and no colours outside a terminal

    load_processor(processor)
    assert load_encoder(encoder).input_shape == (1, 84, 84)
    record = json.loads((tmp_path / "encoder" / "result.json").read_text())
    assert (record["arm"], record["seed"]) == ("fine_tuned", 5)
    assert list(json.loads((tmp_path / "encoder" / "probe.json").read_text())["readouts"]) == ["full"]


def test_main_says_what_the_user_did_wrong_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = cli.main(["pretrain", "--data", str(tmp_path / "absent"), "--out", str(tmp_path / "out")])
    shown = capsys.readouterr()
    assert status == USER_ERROR
    assert shown.err.startswith("rmr-gym pretrain: Expected a directory of episodes; got ")
    assert "Traceback" not in shown.err
    assert "RMR_DEBUG=1" in shown.err
    assert shown.out == ""


def test_main_wants_a_game_where_games_are_to_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["collect", "--games", "--out", str(tmp_path / "data")]) == USER_ERROR
    assert "got none. Name each once." in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_reader_of_the_help_may_leave() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing) as output:
        done = subprocess.run(
            [sys.executable, "-m", "rmr_gym.cli", "--help"],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode in (0, FAILED), done.stderr) == (True, "")


def test_main_names_an_absent_device(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--device", "cuda:99", "--out", str(tmp_path / "out")]) == USER_ERROR
    assert "Pass --device cpu" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_main_names_the_game_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "pongg"]) == USER_ERROR
    assert "Did you mean 'pong'?" in capsys.readouterr().err


def test_main_shows_the_traceback_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RMR_DEBUG", "1")
    with pytest.raises(ValueError, match="Did you mean 'pong'"):
        cli.main(["run", "pongg"])


def test_main_lets_errors_of_its_own_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, arguments: list[str]) -> None:
        raise RuntimeError(f"{name} {arguments}")

    monkeypatch.setattr(commands, "parse", broken)
    with pytest.raises(RuntimeError, match="run"):
        cli.main(["run"])


def test_main_says_how_to_continue_after_an_interrupt(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str, arguments: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "parse", interrupted)
    assert cli.main(["run"]) == 130
    assert "Repeat the same command to continue" in capsys.readouterr().err


def test_balls_are_run_from_the_simulator_to_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    few = ["--arms", "rmr", "end_to_end", "frozen_random", "--scoring.num-pictures", "4"]
    assert cli.main(["balls", "run", "--profile", "smoke", *few, "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("constant_velocity", "black", "rmr", "end_to_end", "frozen_random"))
    assert f"Everything is in {out}" in shown.replace("\n", "")
    assert "\x1b" not in shown
    assert {"config.json", "curves.png", "result.json", "rollout.gif", "rollout.png", "table.txt"} <= {
        path.name for path in out.iterdir()
    }
    model = load_video_model(out / "models" / "rmr" / "seed-0")
    assert model.encoder.input_shape == (3, 3, 64, 64)

    trained = out / "models" / "rmr" / "seed-0" / "result.json"
    before = trained.stat().st_mtime_ns
    assert cli.main(["balls", "run", "--config", str(out / "config.json"), "--out", str(out)]) == 0
    assert "Continuing the run in" in capsys.readouterr().out
    assert trained.stat().st_mtime_ns == before
    words = ["balls", "run", "--config", str(out / "config.json"), "--seed", "1", "--out", str(out)]
    assert cli.main(words) == USER_ERROR
    assert "seed: 0 -> 1. Pass another --out" in capsys.readouterr().err


def test_bottleneck_of_balls_is_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert cli.main(["balls", "bottleneck", "--profile", "smoke", "--widths", "2", "16", "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("width-2", "width-16", "interaction_network"))
    assert list(json.loads((out / "bottleneck.json").read_text())["variants"]) == [
        "width-2",
        "width-16",
        "interaction_network",
    ]
    assert (out / "bottleneck.png").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--arms", "rrm"],
        ["--abstract.processor.slot-dim", "32"],
        ["--natural.encoder.slot-dim", "128"],
        ["--natural.encoder.num-slots", "3"],
        ["--world.picture-size", "32"],
        ["--scoring.horizon", "50"],
        ["--natural.loop.batch-size", "1000"],
        ["--device", "cuda:99"],
    ],
)
@pytest.mark.parametrize("action", ["run", "bottleneck"])
def test_balls_are_not_recorded_for_settings_that_do_not_fit(action: str, words: list[str], tmp_path: Path) -> None:
    try:
        status: object = cli.main(["balls", action, "--profile", "smoke", "--out", str(tmp_path / "out"), *words])
    except SystemExit as ended:
        status = ended.code
    assert status == USER_ERROR
    assert not (tmp_path / "out").exists()


def test_balls_have_actions_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    for words, status in ((["--help"], 0), (["run", "--help"], 0), ([], 2), (["fly"], 2), (["run", "--fly"], 2)):
        with pytest.raises(SystemExit) as ended:
            cli.main(["balls", *words])
        assert ended.value.code == status
        shown = capsys.readouterr()
        assert "rmr-gym balls" in (shown.err if status else shown.out)
    assert cli.main(["balls", "run", "--num-seeds", "0"]) == USER_ERROR
    assert capsys.readouterr().err.startswith("rmr-gym balls: Expected")


@pytest.mark.parametrize(("works", "status"), [(True, 0), (False, 1)])
def test_doctor_ends_with_the_status_of_what_is_required(
    works: bool, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    looked_at: list[Path] = []

    def examine(folder: Path) -> list[Check]:
        looked_at.append(folder)
        extra = Check(name="torch-scatter", works=False, detail="absent", mend='pip install "rmr-gym[scatter]"')
        return [Check(name="Python", works=works, detail="3.11.7", mend="Install it.", required=True), extra]

    monkeypatch.setattr(cli, "examine", examine)
    assert cli.main(["doctor", "--out", str(tmp_path)]) == status
    shown = capsys.readouterr().out
    assert looked_at == [tmp_path]
    assert 'pip install "rmr-gym[scatter]"' in shown  # brackets are not taken for markup
    assert ("Install it." in shown) != works
    assert ("`rmr-gym run` can work here." in shown) == works


def test_the_doctor_works_where_torch_does_not() -> None:
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from rmr_gym import cli; from rmr_gym.pipeline import doctor\n"
        "cli.examine = lambda folder: [doctor._python()]\n"
        "sys.exit(cli.main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "can work here" in done.stdout


@pytest.mark.parametrize("words", [["collect"], ["balls", "run"], ["data", "describe"]])
def test_help_waits_for_nothing_that_it_does_not_need(words: list[str]) -> None:
    slow = {"scipy.stats", "pandas", "matplotlib", "stable_baselines3", "torch._dynamo"}
    code = (
        "import atexit, sys; from rmr_gym import cli\n"
        f"atexit.register(lambda: print(*({slow} & sys.modules.keys()), file=sys.stderr))\n"
        f"cli.main({[*words, '--help']})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "usage: rmr-gym" in done.stdout
    assert done.stderr.strip() == ""
