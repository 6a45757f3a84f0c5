"""Arms and seeds trained side by side against the same trainings one by one."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import NonFiniteLossError
from rmr_gym.models import NaturalModel, Processor, fingerprint
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.encoders.nature_cnn import NatureCnn
from rmr_gym.models.processors import DeepSetsConfig, MlpConfig, MpnnConfig, ProcessorConfig
from rmr_gym.objectives import InfoNceConfig
from rmr_gym.training import (
    ARMS,
    Execution,
    Frames,
    LoopConfig,
    Member,
    MemorySink,
    NaturalConfig,
    build_natural_model,
    train_encoder,
    train_encoders,
)
from rmr_gym.training.natural import calibrate

CONFIG = NaturalConfig(
    encoder=NatureCnnConfig(resolution="84x84", slot_dim=4, maps_per_slot=1, output_std=0.4),
    objective=InfoNceConfig(),
    loop=LoopConfig(gradient_steps=12, batch_size=8, learning_rate=1e-4, log_every=6, checkpoint_every=4),
    supervised=LoopConfig(gradient_steps=8, batch_size=8, log_every=3, checkpoint_every=4),
)
# Every arm, and again under another seed one of each kind: one processor for all steps, one of its own, none, labels.
MEMBERS = [Member(arm, 0) for arm in ARMS] + [Member(arm, 1) for arm in ("rmr", "c_swm", "untrained", "supervised")]
PAIRED = [Member(arm, seed) for seed in (0, 1) for arm in ("rmr", "c_swm")]


def build(config: ProcessorConfig, seed: int = 99) -> Processor:
    with initial_weights(seed):
        return config.build(128)


@pytest.fixture(scope="module")
def processors() -> dict[int, Processor]:
    return {seed: build(DeepSetsConfig(slot_dim=4), 90 + seed) for seed in (0, 1)}


def assert_close(found: nn.Module, expected: nn.Module, initial: nn.Module, tolerance: float) -> None:
    """Compare the ends of two ways through the space of weights with the length of the way.

    Single weights may differ by whole steps, since Adam makes much of gradients that are nothing but rounding.
    Gradients are compared in test_stacking.py, and whole trainings in float64 in test_ensemble.py.
    """
    ends, expected_ends, starts = (flat(module) for module in (found, expected, initial))
    assert (ends - expected_ends).norm() <= tolerance * (expected_ends - starts).norm()


def flat(module: nn.Module) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in module.parameters()])


def initial(member: Member, config: NaturalConfig, processor: Processor) -> NaturalModel:
    return build_natural_model(member.arm, config, processor, num_slots=128, seed=member.seed)


def train_alone(
    dataset: TransitionDataset, config: NaturalConfig, processors: dict[int, Processor]
) -> dict[Member, tuple[NaturalModel, MemorySink]]:
    alone = {}
    for member in MEMBERS:
        sink = MemorySink()
        model = train_encoder(member.arm, dataset, config, processors[member.seed], seed=member.seed, sink=sink)
        alone[member] = (model, sink)
    return alone


@pytest.fixture(scope="module")
def alone(pong: TransitionDataset, processors: dict[int, Processor]) -> dict[Member, tuple[NaturalModel, MemorySink]]:
    return train_alone(pong, CONFIG, processors)


Trained = tuple[dict[Member, NaturalModel], dict[Member, MemorySink]]
Together = Callable[[Execution, int | None, Frames], Trained]
Undisturbed = Callable[..., Trained]


@pytest.fixture(scope="module")
def together(pong: TransitionDataset, processors: dict[int, Processor]) -> Together:
    """All members, trained in one way or another; once for all tests that look at them."""

    @functools.cache
    def train(execution: Execution, members_per_group: int | None, frames: Frames) -> Trained:
        sinks = {member: MemorySink() for member in MEMBERS}
        how: dict[str, Any] = {"execution": execution, "members_per_group": members_per_group, "frames": frames}
        return train_encoders(MEMBERS, pong, CONFIG, processors, sinks=sinks, **how), sinks

    return train


@pytest.mark.parametrize(
    ("execution", "members_per_group", "frames"),
    [("in_turn", None, "stored"), ("stacked", None, "resident"), ("stacked", 3, "stored"), ("unfolded", None, "auto")],
)
def test_members_end_where_they_end_alone(
    processors: dict[int, Processor],
    alone: dict[Member, tuple[NaturalModel, MemorySink]],
    together: Together,
    execution: Execution,
    members_per_group: int | None,
    frames: Frames,
) -> None:
    models, sinks = together(execution, members_per_group, frames)
    assert list(models) == MEMBERS
    for member, (expected, sink) in alone.items():
        start = initial(member, CONFIG, processors[member.seed])
        # Without a processor some gradients vanish, and Adam makes whole steps of their rounding: .061 of the way and
        # .025 of a record measured, 1e-14 in float64. The other arms stay below .002.
        loose = member.arm == "frozen_identity"
        tolerance, relative = (0.15, 0.06) if loose else (0.05, 0.02)
        assert_close(models[member], expected, start, 0.0 if execution == "in_turn" else tolerance)
        assert not models[member].training
        assert [record["step"] for record in sinks[member].records] == [record["step"] for record in sink.records]
        for record, expected_record in zip(sinks[member].records, sink.records, strict=True):
            assert list(record) == list(expected_record)
            for name, value in record.items():
                margin = 1 / CONFIG.loop.batch_size if name == "accuracy" else 0.02  # one sample may tip over
                assert value == pytest.approx(expected_record[name], rel=relative, abs=margin)


def test_frozen_processors_keep_their_bits(processors: dict[int, Processor], together: Together) -> None:
    models, _ = together("stacked", None, "resident")
    for (arm, seed), model in models.items():
        before = initial(Member(arm, seed), CONFIG, processors[seed]).processor
        assert (fingerprint(model.processor) == fingerprint(before)) == ARMS[arm].frozen, arm


@pytest.mark.parametrize(
    "config", [MlpConfig(slot_dim=4, hidden_dim=8), MpnnConfig(slot_dim=4), MpnnConfig(slot_dim=4, reduction="max")]
)
def test_processors_that_mix_slots_can_be_stacked(pong: TransitionDataset, config: ProcessorConfig) -> None:
    processor = build(config)
    short = replace(CONFIG, loop=replace(CONFIG.loop, gradient_steps=5))
    models = train_encoders(PAIRED, pong, short, processor, execution="stacked")
    for member, model in models.items():
        expected = train_encoder(member.arm, pong, short, processor, seed=member.seed)
        assert_close(model, expected, initial(member, short, processor), 0.1)


def test_bfloat16_members_begin_as_alone(pong: TransitionDataset, processors: dict[int, Processor]) -> None:
    config = replace(CONFIG, precision="bfloat16")
    sinks = {member: MemorySink() for member in PAIRED}
    models = train_encoders(PAIRED, pong, config, processors, execution="stacked", sinks=sinks)
    once = replace(config, loop=replace(CONFIG.loop, gradient_steps=1))
    for (arm, seed), sink in sinks.items():
        expected = MemorySink()
        train_encoder(arm, pong, once, processors[seed], seed=seed, sink=expected)
        assert sink.records[0]["loss"] == pytest.approx(expected.records[0]["loss"], rel=0.02)
        assert sink.records[-1]["step"] == CONFIG.loop.gradient_steps - 1
        assert all(bool(value.isfinite().all()) for value in models[Member(arm, seed)].parameters())


def test_batches_and_calibration_are_made_once_per_seed(
    pong: TransitionDataset, processors: dict[int, Processor], monkeypatch: pytest.MonkeyPatch
) -> None:
    read, calibrated = [], []
    batch, calibration = TransitionDataset.batch, NatureCnn.calibrate
    monkeypatch.setattr(
        TransitionDataset, "batch", lambda self, indices, **kw: read.append(len(indices)) or batch(self, indices, **kw)
    )
    monkeypatch.setattr(NatureCnn, "calibrate", lambda self, pixels: calibrated.append(1) or calibration(self, pixels))
    arms = ("rmr", "c_swm", "fine_tuned", "untrained")
    config = replace(CONFIG, encoder=replace(CONFIG.encoder, output_std=None))
    train_encoders([Member(arm, seed) for arm in arms for seed in (0, 1)], pong, config, processors)
    assert read == [2 * 8] * (CONFIG.loop.gradient_steps + 1), "one batch of both seeds per step, and one made ahead"
    assert len(calibrated) == 2


@pytest.fixture(scope="module")
def undisturbed(pong: TransitionDataset, processors: dict[int, Processor]) -> Undisturbed:
    """Members that nobody kills; once for every way to train them."""

    @functools.cache
    def train(execution: Execution, *members: Member) -> Trained:
        sinks = {member: MemorySink() for member in members}
        return train_encoders(members, pong, CONFIG, processors, execution=execution, sinks=sinks), sinks

    return train


@pytest.mark.parametrize(("execution", "kill_at"), [("stacked", 7), ("stacked", 17), ("in_turn", 14)])
def test_killed_ensemble_ends_as_an_undisturbed_one(
    pong: TransitionDataset,
    processors: dict[int, Processor],
    undisturbed: Undisturbed,
    tmp_path: Path,
    execution: Execution,
    kill_at: int,
) -> None:
    class KilledError(Exception):
        pass

    def kill(step: int, total: int) -> None:
        assert total == 20  # 12 of the arms that learn from pixels, then 8 of the supervised one
        if step == kill_at:
            raise KilledError

    members = [Member("rmr", 0), Member("c_swm", 0), Member("rmr", 1), Member("supervised", 0), Member("supervised", 1)]
    sinks = {member: MemorySink() for member in members}
    expected, expected_sinks = undisturbed(execution, *members)
    with pytest.raises(KilledError):
        train_encoders(
            members, pong, CONFIG, processors, execution=execution, sinks=sinks, on_step=kill, state_folder=tmp_path
        )
    steps: list[int] = []
    models = train_encoders(
        members,
        pong,
        CONFIG,
        processors,
        execution=execution,
        sinks=sinks,
        on_step=lambda step, _: steps.append(step),
        state_folder=tmp_path,
    )
    assert steps == list(range(kill_at // 4 * 4 + 1, 21))
    assert {member: fingerprint(model) for member, model in models.items()} == {
        member: fingerprint(model) for member, model in expected.items()
    }
    assert [sinks[member].records for member in members] == [expected_sinks[member].records for member in members]
    assert not any(tmp_path.iterdir())


CHANGED = {
    "objective": replace(CONFIG, objective=InfoNceConfig(temperature=0.5)),
    "optimisation": replace(CONFIG, loop=replace(CONFIG.loop, learning_rate=1e-3)),
    "precision": replace(CONFIG, precision="bfloat16"),
}


def test_states_of_another_training_are_refused_and_those_of_a_shorter_one_are_not(
    pong: TransitionDataset, processors: dict[int, Processor], tmp_path: Path
) -> None:
    options: dict[str, Any] = {"execution": "in_turn", "state_folder": tmp_path, "keep_state": True}
    short = {name: replace(one, loop=replace(one.loop, gradient_steps=2)) for name, one in CHANGED.items()}
    config = replace(CONFIG, loop=replace(CONFIG.loop, gradient_steps=2))
    train_encoders([Member("rmr", 0)], pong, config, processors, **options)
    message = r"a state of this training in .*; got that of one with other .* Pass another state_folder, or delete this"
    for other in short.values():
        with pytest.raises(ValueError, match=message):
            train_encoders([Member("rmr", 0)], pong, other, processors, **options)
    with pytest.raises(ValueError, match=message):
        train_encoders([Member("rmr", 0)], pong, config, processors[1], **options)
    steps: list[int] = []
    options["on_step"] = lambda step, _: steps.append(step)
    train_encoders([Member("rmr", 0)], pong, config, processors[0], **options)
    train_encoders([Member("rmr", 0)], pong, replace(config, loop=CONFIG.loop), processors, **options)
    assert steps == list(range(3, CONFIG.loop.gradient_steps + 1))


def test_error_names_arm_and_seed(
    pong: TransitionDataset, processors: dict[int, Processor], monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(model: NaturalModel, dataset: TransitionDataset, seed: int) -> None:
        calibrate(model, dataset, seed)
        if seed == 1:
            model.encoder.scale.fill_(float("nan"))

    monkeypatch.setattr("rmr_gym.training.encoders.calibrate", spoil)
    with pytest.raises(NonFiniteLossError, match=r"a finite loss of c_swm, seed 1, at step 0; got"):
        train_encoders([Member("c_swm", 0), Member("c_swm", 1)], pong, CONFIG, processors, execution="stacked")


def test_doubles_and_empty_ensembles_are_refused(pong: TransitionDataset, processors: dict[int, Processor]) -> None:
    with pytest.raises(ValueError, match=r"none twice; got \(rmr, seed 0\), \(rmr, seed 0\)"):
        train_encoders([Member("rmr", 0)] * 2, pong, CONFIG, processors)
    with pytest.raises(ValueError, match="at least one member, and none twice; got none"):
        train_encoders([], pong, CONFIG, processors)
    with pytest.raises(ValueError, match="rmr, c_swm, frozen_random"):
        train_encoders([Member("rnr", 0)], pong, CONFIG, processors)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"execution": "parallel"}, "a known execution; got parallel. Choose one of auto, stacked, unfolded, in_turn"),
        ({"frames": "cached"}, "a known place for frames; got cached. Choose one of auto, stored, resident"),
        ({"members_per_group": 0}, "members_per_group of at least 1; got 0"),
    ],
)
def test_unknown_options_are_refused_before_any_work(
    pong: TransitionDataset,
    processors: dict[int, Processor],
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.setattr("rmr_gym.training.encoders.build_natural_model", lambda *_, **__: pytest.fail("built"))
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(train_encoders)(PAIRED, pong, CONFIG, processors, **options)


def test_frames_of_another_size_are_refused(pong_folder: Path, processors: dict[int, Processor]) -> None:
    native = TransitionDataset(pong_folder, split="train")
    with pytest.raises(ValueError, match=r"got frames of shape \(1, 210, 160\).*size=\(84, 84\)"):
        train_encoders(PAIRED, native, CONFIG, processors)


def test_data_set_is_not_changed(pong: TransitionDataset, processors: dict[int, Processor]) -> None:
    before = np.copy(pong.ram)
    short = replace(CONFIG, loop=replace(CONFIG.loop, gradient_steps=1))
    train_encoders(PAIRED, pong, short, processors, frames="resident")
    assert np.array_equal(pong.ram, before)
