"""The cost model: sums worked out by hand, and a dry run that says them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from rich.console import Console

from benchmarks.arms import abstract_experiment, natural_experiment
from benchmarks.commands.run import parse_run
from benchmarks.costs import units
from benchmarks.costs.forecast import forecast
from benchmarks.costs.measurement import Sizes, measure
from benchmarks.costs.prediction import KEPT_SLOTS, bytes_of, seconds_of
from benchmarks.costs.units import UnitCosts, at_width, read_unit_costs
from benchmarks.session import look
from rmr_gym.evaluation.probes import LinearProbeConfig, RegularisedProbeConfig
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors import MpnnConfig
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.training import LoopConfig
from rmr_gym.training.loop import is_logged
from tests.benchmarks.settings import TINY, places

COSTS = UnitCosts(
    source={"machine": {"processor": "slide rule"}, "command": "by hand"},
    step={"graded": 0.5, "paper": 2.5},
    bytes_per_frame=100.0,
    pretrained={"mpnn": {"4": 1.0, "64": 7.0}, "deep_sets": {"64": 3.0}, "mlp": {"64": 5.0}},
    predicted={"mpnn": 16.0, "deep_sets": 16.0, "mlp": 16.0},
    encoded_in_training={"84x84": {"4": 10.0, "64": 16.0}, "210x160": {"64": 40.0}},
    processor_trained_too=32.0,
    supervised={"84x84": 20.0, "210x160": 80.0},
    encoded={"84x84": 2.0, "210x160": 8.0},
    fitted_update=0.0,
    fitted_sample=0.0,
    projected=0.0,
    begun=1.0,
)
MPNN: RunConfig = dataclasses.replace(
    TINY, abstract=dataclasses.replace(TINY.abstract, processor=MpnnConfig(slot_dim=4))
)


class OwnProcessorConfig(MpnnConfig):
    """Of a processor that somebody added."""


class OwnEncoderConfig(NatureCnnConfig):
    """Of an encoder that somebody added, for pictures of another size."""

    size = (90, 90)


class OwnProbeConfig(RegularisedProbeConfig):
    """Of a probe that somebody added, which has no epochs."""


def test_costs_lie_on_a_line_between_measured_widths() -> None:
    costs = {"8": 1.0, "64": 8.0, "32": 4.0}
    assert [at_width(costs, width) for width in (8, 20, 32, 48, 64, 128)] == [1.0, 2.5, 4.0, 6.0, 8.0, 16.0]
    assert at_width({"8": 1.0, "16": 3.0}, 2) == 0.0, "nothing takes less than no time"


def test_seconds_of_data_and_processors_add_up() -> None:
    experiment = abstract_experiment("pong", "mpnn", 0, MPNN, "tiny")
    data = experiment.settings.data
    assert seconds_of(data, COSTS) == 3 * 40 * 0.5
    assert seconds_of(dataclasses.replace(data, players=("graded", "paper@1a2b3c4d")), COSTS) == 3 * 40 * 1.5
    assert seconds_of(dataclasses.replace(data, players=("sb3:agents",)), COSTS) == 3 * 40 * 2.5
    # 6 updates with 8 transitions of 1 s, and 40 % of 120 transitions at 4/64 of 16 s.
    assert seconds_of(experiment, COSTS) == pytest.approx(1.0 + 6 * 8 * 1.0 + 0.4 * 120 * 1.0)


@pytest.mark.parametrize(
    ("arm", "of_training"),
    [("rmr", 4 * 8 * 10.0), ("c_swm", 4 * 8 * (10.0 + 2.0)), ("supervised", 3 * 8 * 20.0), ("untrained", 0.0)],
)
def test_seconds_of_encoders_add_up(arm: str, of_training: float) -> None:
    experiment = natural_experiment("pong", arm, 0, MPNN, "tiny")
    assert seconds_of(experiment, COSTS) == pytest.approx(1.0 + of_training + (60 + 30) * 2.0)


def test_parts_that_were_never_measured_are_taken_for_the_dearest() -> None:
    # Subclasses, since the checks of types in the tests know the classes of the registries alone.
    own = dataclasses.replace(
        MPNN,
        abstract=dataclasses.replace(MPNN.abstract, processor=OwnProcessorConfig(slot_dim=4)),
        natural=dataclasses.replace(MPNN.natural, encoder=OwnEncoderConfig(slot_dim=4)),
        probe=dataclasses.replace(MPNN.probe, linear=OwnProbeConfig()),
    )
    # Of the three at width 4 the perceptron, which was measured at 64 only, takes the most: 5 s.
    pretrained = abstract_experiment("pong", "mpnn", 0, own, "tiny")
    assert seconds_of(pretrained, COSTS) == pytest.approx(1.0 + 6 * 8 * 5.0 + 0.4 * 120 * 1.0)
    # Pictures of 90x90 count as those of 210x160; the processor adds what it takes beyond message passing.
    for arm, of_training in (("rmr", 4 * 8 * (40.0 + 5.0 - 1.0)), ("supervised", 3 * 8 * 80.0), ("untrained", 0.0)):
        one = natural_experiment("pong", arm, 0, own, "tiny")
        assert seconds_of(one, COSTS) == pytest.approx(1.0 + of_training + (60 + 30) * 8.0)


def test_probes_count_updates_and_samples() -> None:
    costs = dataclasses.replace(COSTS, fitted_update=1.0, fitted_sample=0.001, projected=0.25)
    linear = LinearProbeConfig(max_epochs=2, batch_size=27, held_out_fraction=0.1)
    probe = dataclasses.replace(MPNN.probe, linear=linear, readouts=("full", "low_dimensional"))
    base = natural_experiment("pong", "untrained", 0, MPNN, "tiny")
    one = natural_experiment("pong", "untrained", 0, dataclasses.replace(MPNN, probe=probe), "tiny")
    bits = KEPT_SLOTS * 8
    fits = (512 + 64) * bits * (2 * 60 * 0.9 / 27 * 1.0 + 2 * 60 * 0.001)
    assert seconds_of(one, costs) == pytest.approx(seconds_of(base, COSTS) + fits + 60 * 512 * 0.25)
    of_steps = seconds_of(one, dataclasses.replace(costs, fitted_step=3.0)) - seconds_of(one, costs)
    assert of_steps == pytest.approx(2 * (2 * 60 * 0.9 / 27) * 3.0), "of two probes, however wide"


def test_bytes_count_weights_where_they_are_kept() -> None:
    kept, dropped = (abstract_experiment("pong", "mpnn", seed, MPNN, "tiny") for seed in (0, 1))
    weights = sum(parameter.numel() for parameter in MpnnConfig(slot_dim=4).build(128).parameters())
    assert bytes_of(kept, COSTS) - bytes_of(dropped, COSTS) == 4 * weights
    natural = natural_experiment("pong", "rmr", 0, MPNN, "tiny")
    assert bytes_of(natural, COSTS, keep_encoders=True) > bytes_of(natural, COSTS)
    assert bytes_of(natural.settings.data, COSTS) == 3 * 41 * 100.0


@pytest.mark.parametrize(("log_every", "records"), [(1, 10), (3, 4), (4, 4), (20, 2)])
@pytest.mark.parametrize(("arm", "per_record"), [("mpnn", 200), ("rmr", 200), ("supervised", 200), ("untrained", 0)])
def test_bytes_count_records_of_the_curve(arm: str, per_record: int, log_every: int, records: int) -> None:
    loop = LoopConfig(gradient_steps=10, batch_size=8, log_every=log_every)
    assert sum(is_logged(loop, step) for step in range(10)) == records
    settings = dataclasses.replace(
        MPNN,
        abstract=dataclasses.replace(MPNN.abstract, loop=loop),
        natural=dataclasses.replace(MPNN.natural, loop=loop, supervised=loop),
    )
    make = abstract_experiment if arm == "mpnn" else natural_experiment
    assert bytes_of(make("pong", arm, 1, settings, "tiny"), COSTS) == 5_000 + per_record * records


def test_dry_run_of_the_paper_says_how_much_it_is_and_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.commands.run.read_unit_costs", lambda device: COSTS if device == "cpu" else None)
    words = ["table2", "--profile", "paper", "--games", "all", "--seeds", "0..1", "--workers", "2", "--dry-run"]
    lines = said(parse_run([*words, "--out", str(tmp_path / "out")]))
    assert lines[0] == "144 experiments on 24 games: 0 are there, 144 are left"
    assert "     48 x abstract mpnn" in lines
    assert "     24 x data set of a game, played or found" in lines
    assert lines[-2].endswith("GB of results")
    assert lines[-1] == "Predicted from unit costs of slide rule (`by hand`)."
    assert not list(tmp_path.iterdir())


def said(command: object) -> list[str]:
    lines: list[str] = []

    class Listener(Console):
        def print(self, *objects: object, **_: object) -> None:
            lines.extend(map(str, objects))

    command.run(Listener())  # type: ignore[attr-defined]
    return lines


def test_forecast_without_costs_says_how_to_get_them(tmp_path: Path) -> None:
    left = look([natural_experiment("pong", "untrained", 0, TINY, "tiny")], places(tmp_path))
    lines = forecast(left, None, device="cuda", num_slots=lambda: 1)
    assert lines[-1].endswith("python -m benchmarks measure --device cuda")


def test_dry_run_for_a_gpu_needs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    measured = {"cpu": COSTS, "cuda": None}
    monkeypatch.setattr("benchmarks.commands.run.read_unit_costs", measured.get)
    words = ["table1", "--games", "pong", "--device", "cuda", "--dry-run", "--out", str(tmp_path / "out")]
    lines = said(parse_run(words))
    assert lines[-2].endswith("GB of results")
    assert lines[-1].endswith("python -m benchmarks measure --device cuda")
    measured["cuda"] = COSTS
    assert any("by the clock with 8 at a time" in line for line in said(parse_run([*words, "--workers", "8"])))
    with pytest.raises(ValueError, match="a CUDA device"):
        said(parse_run(words))


def test_costs_of_this_repository_can_be_read() -> None:
    costs = read_unit_costs("cpu")
    assert costs is not None
    assert costs.source["command"].startswith("python -m benchmarks measure")
    assert costs.pretrained["mpnn"]["64"] > costs.pretrained["deep_sets"]["64"] > 0
    assert read_unit_costs("abacus") is None


def test_damaged_costs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "FOLDER", tmp_path)
    (tmp_path / "cpu.json").write_text(json.dumps({"format": "rmr-costs/0"}))
    with pytest.raises(ValueError, match="rmr-costs/1.*in format rmr-costs/0.*measure again"):
        read_unit_costs("cpu")


def test_measurement_fills_every_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = Sizes(num_episodes=4, max_steps=30, updates=3, batch_size=4, players=(), widths=(4, 8), probe_frames=80)
    found = measure(sizes, command="test", say=lambda _: None)
    (tmp_path / "cpu.json").write_text(json.dumps(found))
    monkeypatch.setattr(units, "FOLDER", tmp_path)
    costs = read_unit_costs("cpu")
    assert costs is not None
    assert all(
        value > 0 for value in (costs.step["graded"], costs.bytes_per_frame, costs.projected, costs.supervised["84x84"])
    )
    assert set(costs.encoded_in_training) == {"84x84", "210x160"}
