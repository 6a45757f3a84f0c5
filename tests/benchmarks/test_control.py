"""The comparison of agents: its plan, its sweep, its statistics and its report, with trainings that are made up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rliable import library, metrics

from benchmarks.control.__main__ import main
from benchmarks.control.arms import ARMS, BASELINE, arms_of
from benchmarks.control.comparison import against_baseline, against_rmr, compare, describe
from benchmarks.control.curves import Curves, read_curves
from benchmarks.control.figure import STYLES, draw
from benchmarks.control.plan import Planned, plan
from benchmarks.control.random_play import play_randomly
from benchmarks.control.report import make_record
from benchmarks.control.settings import agent_config
from benchmarks.control.sweep import FAILURE_FILE, RESULT_FILE, sweep, train_and_record
from benchmarks.control.table import markdown
from benchmarks.executors.choosing import Resources, local
from benchmarks.executors.serial import SerialExecutor
from benchmarks.intervals import interquartile_mean, resampled
from benchmarks.marks import place_of
from rmr_gym.errors import BusyFolderError
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.checkpoint import save_encoder
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.sb3.training import AgentConfig
from tests.benchmarks.made_up_agents import STEPS, train_at_once, train_or_die

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PLACE = place_of("control.json")
MARKS = f"{PLACE.begin}{PLACE.end}"


@pytest.fixture(name="encoders", scope="module")
def _encoders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoders as `rmr-gym run` lays them down: three arms of pong, two seeds each."""
    folder = tmp_path_factory.mktemp("encoders")
    config = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3)
    for arm in ("rmr", "c_swm", "untrained"):
        for seed in (0, 1):
            with initial_weights(seed):
                save_encoder(config.build(), folder / "pong" / "encoders" / arm / f"seed-{seed}", arm=arm)
    return folder


def _swept(out: Path, planned: list[Planned]) -> list[str]:
    said: list[str] = []
    sweep(planned, out, SerialExecutor(), train=train_at_once, say=said.append)
    return said


def _curves(returns: Mapping[str, list[list[float]]]) -> dict[str, Curves]:
    return {
        arm: Curves(
            seeds=tuple(range(len(rows))),
            steps=np.array([0.0, 10.0]),
            returns=np.array(rows, dtype=np.float64),
        )
        for arm, rows in returns.items()
    }


def test_arms_are_those_that_there_are_on_a_task() -> None:
    assert arms_of("pong") == ("nature_cnn", "rmr", "c_swm", "untrained", "rmr_fine_tuned", "privileged")
    assert set(arms_of("balls_push")) ^ set(arms_of("pong")) == {"c_swm", "end_to_end"}
    assert set(STYLES) == set(ARMS)
    assert BASELINE in ARMS


def test_plan_gives_every_agent_an_encoder_of_its_seed(encoders: Path) -> None:
    planned = plan(["pong"], [0, 1, 2], arms=["nature_cnn", "rmr"], encoders=encoders, num_encoders=2)
    assert [one.name for one in planned[:3]] == ["pong nature_cnn seed 0", "pong rmr seed 0", "pong nature_cnn seed 1"]
    assert [one.encoder for one in planned] == [
        *(None, "pong/rmr/seed-0"),
        *(None, "pong/rmr/seed-1"),
        *(None, "pong/rmr/seed-0"),
    ]


@pytest.mark.parametrize(
    ("tasks", "seeds", "num_arms"), [(["pong", "Pong"], [0], 1), (["pong"], [0, 0], 1), (["pong"], [0], 2)]
)
def test_plan_refuses_to_train_one_agent_twice(tasks: list[str], seeds: list[int], num_arms: int) -> None:
    with pytest.raises(ValueError, match="each training once; got pong nature_cnn seed 0 twice"):
        plan(tasks, seeds, arms=["nature_cnn"] * num_arms)


def test_plan_names_what_is_missing(encoders: Path) -> None:
    with pytest.raises(ValueError, match="--encoders is missing"):
        plan(["pong"], [0], arms=["rmr"])
    with pytest.raises(ValueError, match="seed-0 of the encoder rmr of boxing"):
        plan(["boxing"], [0], encoders=encoders, num_encoders=2)
    with pytest.raises(ValueError, match="an arm that is there on balls_push"):
        plan(["balls_push"], [0], arms=["c_swm"])


def test_keys_depend_on_settings_and_weights_and_not_on_places(encoders: Path, tmp_path: Path) -> None:
    (there,) = plan(["pong"], [0], arms=["rmr"], encoders=encoders, num_encoders=2)
    (tmp_path / "pong").mkdir()
    (tmp_path / "pong" / "rmr").symlink_to(encoders / "pong" / "encoders" / "rmr")
    (elsewhere,) = plan(["pong"], [0], arms=["rmr"], encoders=tmp_path, num_encoders=2)
    assert elsewhere.config.features != there.config.features
    assert elsewhere.key == there.key
    others = plan(["pong"], [0], arms=["c_swm"], encoders=encoders, num_encoders=2, steps=7)
    others += plan(["pong"], [1], arms=["rmr"], encoders=encoders, num_encoders=2)
    assert len({there.key, *(one.key for one in others)}) == 3


def test_keys_are_those_of_trainings_that_were_recorded() -> None:
    # Settings that came later are no part of them where they say what held before.
    (game,) = plan(["pong"], [0], arms=["nature_cnn"])
    assert game.key == "ced11f7dd723"
    assert not {"fused_adam"} & set(game.settings["algorithm"])
    (privileged,) = plan(["pong"], [0], arms=["privileged"])
    assert not {"motion", "critic_arch"} & set(privileged.settings["features"])
    (balls,) = plan(["balls_push"], [0], arms=["privileged"])
    assert balls.settings["algorithm"]["fused_adam"]
    assert (balls.settings["features"]["motion"], balls.settings["push"]["push_speed"]) == (True, 0.3)


def test_agents_of_a_task_differ_in_nothing_but_arm_and_seed(encoders: Path) -> None:
    folder = str(encoders / "pong" / "encoders" / "rmr" / "seed-0")
    for task in ("pong", "balls_push"):
        configs = [agent_config(task, arm, 3, folder) for arm in arms_of(task)]
        for field in ("task", "steps", "stack", "seed", "evaluation", "game", "world", "push"):
            assert all(getattr(one, field) == getattr(configs[0], field) for one in configs), field


def test_sweep_trains_once_and_goes_on_after_a_failure(encoders: Path, tmp_path: Path) -> None:
    planned = plan(["pong"], [0], arms=["nature_cnn", "rmr", "privileged"], encoders=encoders, num_encoders=2)

    def fail_on_rmr(config: AgentConfig, folder: Path) -> dict[str, Any]:
        if type(config.features).__name__ == "EncoderFeatures":
            raise RuntimeError("out of luck")
        return train_at_once(config, folder)

    said: list[str] = []
    tally = sweep(planned, tmp_path, SerialExecutor(), train=fail_on_rmr, say=said.append)
    assert (len(tally.succeeded), list(tally.failed)) == (2, ["pong rmr seed 0"])
    assert said[0] == "0 of 3 trainings are there"
    assert said[2].startswith("[1/3] pong rmr seed 0: RuntimeError: out of luck; trying again later after attempt 1")
    assert said[4] == "[2/3] pong rmr seed 0: RuntimeError: out of luck; given up after attempt 2"
    folder = planned[1].folder(tmp_path)
    failure = json.loads((folder / FAILURE_FILE).read_text())
    assert failure["error"] == "RuntimeError: out of luck"
    assert "in fail_on_rmr" in failure["traceback"]

    tally = sweep(planned, tmp_path, SerialExecutor(), train=train_at_once, say=said.append)
    assert (tally.succeeded, tally.failed) == (["pong rmr seed 0"], {})
    assert not (folder / FAILURE_FILE).exists()
    result = json.loads((folder / RESULT_FILE).read_text())
    assert result["encoder"] == "pong/rmr/seed-0"
    assert [one["env_steps"] for one in result["evaluations"]] == list(STEPS)
    assert str(encoders) not in json.dumps(result)


def test_sweep_waits_for_what_others_are_at(tmp_path: Path) -> None:
    (one,) = plan(["pong"], [0], arms=["nature_cnn"])

    def while_it_trains(config: AgentConfig, folder: Path) -> dict[str, Any]:
        with pytest.raises(BusyFolderError):
            train_and_record(one, tmp_path, train_at_once)
        return train_at_once(config, folder)

    assert train_and_record(one, tmp_path, while_it_trains).startswith("trained in 0 s to a return of 0.00")
    assert train_and_record(one, tmp_path, train_at_once) == "was trained elsewhere"


def test_sweep_trains_several_at_a_time_and_survives_a_killed_process(encoders: Path, tmp_path: Path) -> None:
    planned = plan(["pong"], [0, 1], arms=["nature_cnn", "rmr"], encoders=encoders, num_encoders=2)
    said: list[str] = []
    with local(Resources(workers=2)) as executor:
        tally = sweep(planned, tmp_path, executor, train=train_or_die, say=said.append)
    assert sorted(tally.succeeded) == sorted(one.name for one in planned)
    assert not tally.failed
    assert sum("the process died: signal 9" in line for line in said) == 1
    assert not list(tmp_path.rglob(FAILURE_FILE))


def test_area_is_the_mean_over_steps_that_lie_unevenly() -> None:
    curves = Curves(
        seeds=(0, 1), steps=np.array([0.0, 10.0, 40.0]), returns=np.array([[0.0, 2.0, 4.0], [1.0, 1.0, 1.0]])
    )
    np.testing.assert_allclose(curves.area, [(10 * 1 + 30 * 3) / 40, 1.0])
    np.testing.assert_array_equal(curves.final, [4.0, 1.0])


def test_curves_refuse_doubles_and_other_steps(tmp_path: Path) -> None:
    planned = plan(["pong"], [0, 1], arms=["nature_cnn"])
    _swept(tmp_path, planned)
    results = [json.loads((one.folder(tmp_path) / RESULT_FILE).read_text()) for one in planned]
    assert read_curves(results)["nature_cnn"].seeds == (0, 1)
    with pytest.raises(ValueError, match="one training per arm and seed"):
        read_curves([*results, results[0]])
    shorter = results[1] | {"evaluations": results[1]["evaluations"][:2]}
    with pytest.raises(ValueError, match="at 2 steps up to 100 and at 4 steps up to 400"):
        read_curves([results[0], shorter])


@pytest.mark.parametrize("num_runs", [3, 8, 20])
def test_interquartile_mean_and_interval_are_those_of_rliable(num_runs: int) -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(num_runs, 2)) + np.array([0.0, 5.0])
    for point, interval in enumerate(resampled(scores, interquartile_mean, generator)):
        column = scores[:, point : point + 1]
        np.random.seed(1)  # noqa: NPY002 - rliable draws from the global generator
        estimate, bounds = library.get_interval_estimates(
            {"arm": column}, lambda drawn: np.array([metrics.aggregate_iqm(drawn)]), reps=5_000
        )
        assert interval.estimate == pytest.approx(estimate["arm"][0])
        assert interval.low == pytest.approx(bounds["arm"][0, 0], abs=0.06)
        assert interval.high == pytest.approx(bounds["arm"][1, 0], abs=0.06)


def test_comparison_needs_enough_seeds_for_a_verdict() -> None:
    def verdicts(num_seeds: int) -> list[tuple[str, float]]:
        rows = [[seed / 7, seed / 5] for seed in range(num_seeds)]
        curves = _curves(
            {
                "nature_cnn": rows,
                "rmr": [[a + 9, b + 9 + a] for a, b in rows],
                "privileged": [[a, b - 4 - a] for a, b in rows],
            }
        )
        found = compare(curves, against_baseline(curves))
        assert [one["first"] for one in found] == ["rmr", "privileged"]
        assert found[0]["difference"]["estimate"] == pytest.approx(9 + np.mean(rows, axis=0)[0] / 2, abs=1e-3)
        return [(one["verdict"], one["smallest_p"]) for one in found]

    assert verdicts(3) == [("not told apart", 0.125)] * 2
    assert verdicts(8) == [("faster", 1 / 256), ("slower", 1 / 256)]


def test_comparison_corrects_for_the_number_of_arms() -> None:
    # Five seeds reach p = 1/32 alone, which is 1/16 after the correction for two comparisons.
    rows = [[0.0, 0.1 * seed] for seed in range(5)]
    curves = _curves(
        {
            "nature_cnn": rows,
            "rmr": [[a, b + 1 + b] for a, b in rows],
            "privileged": [[a, b + 2 + b] for a, b in rows],
        }
    )
    one, two = compare(curves, against_baseline(curves))
    assert one["p_greater"] == two["p_greater"] == 1 / 32
    assert one["p_greater_adjusted"] == 1 / 16
    assert one["verdict"] == "not told apart"
    (alone,) = compare(curves, {"rmr": "nature_cnn"})
    assert alone["verdict"] == "faster"


def test_encoders_are_compared_with_rmr_too() -> None:
    curves = _curves({arm: [[0.0, 1.0]] for arm in ("nature_cnn", "rmr", "c_swm", "untrained", "rmr_fine_tuned")})
    assert against_rmr(curves) == {"c_swm": "rmr", "untrained": "rmr"}
    assert describe(curves)["rmr"]["curve"][1] == {"estimate": 1.0, "low": 1.0, "high": 1.0}


def test_random_play_finishes_all_episodes_that_were_begun() -> None:
    found = play_randomly("balls_push", num_episodes=13)
    assert len(found["returns"]) == 13
    assert -150 < found["mean_return"] < -30
    assert found == play_randomly("balls_push", num_episodes=13)


def test_report_makes_record_figure_and_table(
    encoders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, record, figure = tmp_path / "out", tmp_path / "results" / "control.json", tmp_path / "control.png"
    planned = plan(["pong"], [0, 1, 2], arms=["nature_cnn", "rmr", "untrained"], encoders=encoders, num_encoders=2)
    _swept(out, planned)
    command = ["report", "--out", str(out), "--record", str(record), "--figure", str(figure)]
    assert main([*command, "--random-episodes", "1"]) == 0
    pong = json.loads(record.read_text())["tasks"]["pong"]
    assert pong["arms"]["nature_cnn"]["area"]["estimate"] == 0.0
    assert pong["arms"]["rmr"]["area"]["per_seed"] == [20.0, 22.0, 24.0]
    assert pong["arms"]["rmr"]["encoders"] == ["pong/rmr/seed-0", "pong/rmr/seed-1", "pong/rmr/seed-0"]
    assert pong["against_nature_cnn"][0]["verdict"] == "not told apart"
    assert str(tmp_path) not in record.read_text()
    assert figure.read_bytes()[1:4] == b"PNG"
    assert "| RMR, frozen | 3 | 22.0 [20.0, 24.0] | 44.0 [40.0, 48.0] | +22.0 [+20.0, +24.0] | 0.250" in (
        capsys.readouterr().out
    )


def test_report_takes_several_folders_and_fills_the_page(encoders: Path, tmp_path: Path) -> None:
    planned = plan(["pong", "boxing"], [0, 1], arms=["nature_cnn"])
    _swept(tmp_path / "one", planned[:3])
    _swept(tmp_path / "two", planned[3:])
    page, record = tmp_path / "page.md", tmp_path / "control.json"
    page.write_text(f"above\n{MARKS}below")
    command = ["report", "--out", str(tmp_path / "one"), str(tmp_path / "two"), "--record", str(record)]
    assert main([*command, "--page", str(page), "--random-episodes", "1"]) == 0
    document = json.loads(record.read_text())
    assert [len(task["arms"]["nature_cnn"]["seeds"]) for task in document["tasks"].values()] == [2, 2]
    assert document["command"].startswith("python -m benchmarks.control report --out one two ")
    shown = page.read_text()
    assert shown.count("| NatureCNN from scratch | 2 | 0.0 [0.0, 0.0] |") == 2
    assert (shown.startswith("above"), shown.endswith("below")) == (True, True)
    with pytest.raises(ValueError, match="Add the marks"):
        PLACE.fill("no marks", markdown(document))


def test_tables_of_the_page_are_those_of_the_record() -> None:
    page, record = (ROOT / "docs" / "agents.md").read_text(), json.loads((RESULTS / "control.json").read_text())
    assert PLACE.fill(page, markdown(record)) == page


def test_report_refuses_trainings_of_other_length(tmp_path: Path) -> None:
    _swept(tmp_path, plan(["pong"], [0], arms=["nature_cnn"]))
    _swept(tmp_path, plan(["pong"], [1], arms=["nature_cnn"], steps=7))
    with pytest.raises(ValueError, match="steps: "):
        make_record(tmp_path, random_episodes=1)
    with pytest.raises(ValueError, match="finished trainings"):
        make_record(tmp_path / "nothing")


def _change(path: Path, *names: str, value: object) -> None:
    document = json.loads(path.read_text())
    part = document["settings"]
    for name in names[:-1]:
        part = part[name]
    part[names[-1]] = value
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("names", [("algorithm", "learning_rate"), ("features", "projection")])
def test_report_refuses_seeds_of_one_arm_under_other_settings(
    encoders: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    planned = plan(["pong"], [0, 1], arms=["nature_cnn", "rmr"], encoders=encoders, num_encoders=2)
    _swept(tmp_path, planned)
    record = make_record(tmp_path, random_episodes=1)
    assert record["tasks"]["pong"]["arms"]["rmr"]["seeds"] == [0, 1], "encoders and step sizes of arms may differ"
    last = planned[-1]
    _change(last.folder(tmp_path) / RESULT_FILE, *names, value=1)
    where = rf"all of rmr on pong; got pong/rmr/seed-1-{last.key} with others than pong/rmr/seed-0-\w+: "
    with pytest.raises(ValueError, match=rf"{where}{'.'.join(names)}: \S+ -> 1\. Remove the folders"):
        make_record(tmp_path, random_episodes=1)


def test_dry_run_lists_and_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    command = ["run", "--out", str(out), "--tasks", "pong", "--seeds", "0", "1", "--arms", "nature_cnn", "--dry-run"]
    assert main(command) == 0
    assert "2 trainings" in capsys.readouterr().out
    assert not out.exists()


def test_run_trains_real_agents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", "--out", str(tmp_path), "--tasks", "balls_push", "--seeds", "0", "--steps", "512"]
    assert main([*command, "--arms", "privileged"]) == 0
    assert "[1/1] balls_push privileged seed 0: trained" in capsys.readouterr().out
    assert main([*command, "--arms", "privileged"]) == 0
    assert capsys.readouterr().out == "1 of 1 trainings are there\n"
    record = make_record(tmp_path, random_episodes=2)
    assert record["tasks"]["balls_push"]["arms"]["privileged"]["steps"] == [0, 512]


@pytest.mark.parametrize("path", sorted(RESULTS.glob("control*.json")), ids=lambda path: path.stem)
def test_records_can_be_shown(path: Path, tmp_path: Path) -> None:
    record = json.loads(path.read_text())
    draw(record, tmp_path / "figure.png")
    assert markdown(record).count("| NatureCNN from scratch |") == len(record["tasks"])
