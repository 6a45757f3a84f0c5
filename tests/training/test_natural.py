"""What makes the comparison of arms trustworthy: same data, same weights, and a frozen processor that stays frozen."""

from pathlib import Path

import pytest
import torch

from rmr_gym.data import TransitionDataset
from rmr_gym.models import NaturalModel, Processor, fingerprint
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors import DeepSetsConfig
from rmr_gym.objectives import InfoNceConfig
from rmr_gym.training import ARMS, LoopConfig, MemorySink, NaturalConfig, build_natural_model, train_encoder

CONFIG = NaturalConfig(
    encoder=NatureCnnConfig(resolution="84x84", slot_dim=4, maps_per_slot=1),
    objective=InfoNceConfig(),
    loop=LoopConfig(gradient_steps=3, batch_size=8, log_every=1, checkpoint_every=2),
    supervised=LoopConfig(gradient_steps=40, batch_size=16, log_every=39),
)


@pytest.fixture(scope="module")
def processor() -> Processor:
    with initial_weights(99):
        return DeepSetsConfig(slot_dim=4).build(128)


def initial(arm: str, processor: Processor, seed: int = 0) -> NaturalModel:
    return build_natural_model(arm, CONFIG, processor, num_slots=128, seed=seed)


def test_arms_of_a_seed_start_with_the_same_encoder_and_decoder(processor: Processor) -> None:
    models = [initial(arm, processor) for arm in ARMS]
    assert len({fingerprint(model.encoder) for model in models}) == 1
    assert len({fingerprint(model.decoder) for model in models}) == 1
    assert fingerprint(initial("rmr", processor, seed=1).encoder) != fingerprint(models[0].encoder)


def test_arms_take_the_processor_that_they_ask_for(processor: Processor) -> None:
    prints = {arm: fingerprint(initial(arm, processor).processor) for arm in ARMS}
    assert prints["rmr"] == prints["fine_tuned"] == fingerprint(processor)
    assert prints["c_swm"] == prints["frozen_random"] != prints["rmr"]


@pytest.mark.parametrize("arm", ["rmr", "c_swm", "frozen_random", "fine_tuned"])
def test_processor_changes_in_the_arms_that_train_it_and_nowhere_else(
    arm: str, pong: TransitionDataset, processor: Processor
) -> None:
    before, given = initial(arm, processor), fingerprint(processor)
    after = train_encoder(arm, pong, CONFIG, processor)
    kept = fingerprint(after.processor) == fingerprint(before.processor)
    assert kept == ARMS[arm].frozen
    assert fingerprint(after.encoder) != fingerprint(before.encoder)
    assert fingerprint(after.decoder) != fingerprint(before.decoder)
    assert fingerprint(processor) == given, "the processor that was passed in must not be touched"


def test_untrained_arm_is_the_encoder_at_its_initial_weights(pong: TransitionDataset, processor: Processor) -> None:
    after = train_encoder("untrained", pong, CONFIG, processor)
    assert fingerprint(after.encoder) == fingerprint(initial("untrained", processor).encoder)


def test_arms_read_identical_batches_and_permutations(
    pong: TransitionDataset, processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[torch.Tensor]] = {}
    forward = type(CONFIG.objective.build()).forward
    for arm in ("rmr", "c_swm"):
        batches = seen.setdefault(arm, [])

        def record(self, model, batch, batches=batches):
            batches.extend(batch)
            return forward(self, model, batch)

        monkeypatch.setattr(type(CONFIG.objective.build()), "forward", record)
        train_encoder(arm, pong, CONFIG, processor)
    assert len(seen["rmr"]) == len(seen["c_swm"]) == 5 * CONFIG.loop.gradient_steps
    assert all(torch.equal(first, second) for first, second in zip(seen["rmr"], seen["c_swm"], strict=True))


def test_identical_arms_give_identical_numbers(pong: TransitionDataset, processor: Processor) -> None:
    sinks = [MemorySink(), MemorySink()]
    first, second = (train_encoder("c_swm", pong, CONFIG, processor, sink=sink) for sink in sinks)
    assert fingerprint(first) == fingerprint(second)
    assert sinks[0].records == sinks[1].records


def test_supervised_arm_learns_the_bits_within_seconds(pong: TransitionDataset, processor: Processor) -> None:
    sink = MemorySink()
    train_encoder("supervised", pong, CONFIG, processor, sink=sink)
    assert sink.records[-1]["loss"] < 0.8 * sink.records[0]["loss"]
    assert sink.records[-1]["bit_accuracy"] > sink.records[0]["bit_accuracy"]


def test_interrupted_training_ends_with_the_same_weights(
    pong: TransitionDataset, processor: Processor, tmp_path: Path
) -> None:
    class KilledError(Exception):
        pass

    def kill(step: int, _: int) -> None:
        if step == 3:
            raise KilledError

    with pytest.raises(KilledError):
        train_encoder("fine_tuned", pong, CONFIG, processor, on_step=kill, state_folder=tmp_path)
    resumed = train_encoder("fine_tuned", pong, CONFIG, processor, state_folder=tmp_path)
    assert fingerprint(resumed) == fingerprint(train_encoder("fine_tuned", pong, CONFIG, processor))


def test_training_refuses_frames_of_another_size(pong_folder: Path, processor: Processor) -> None:
    native = TransitionDataset(pong_folder, split="train")
    with pytest.raises(ValueError, match=r"\(1, 84, 84\).*got frames of shape \(1, 210, 160\).*size=\(84, 84\)"):
        train_encoder("rmr", native, CONFIG, processor)


def test_an_unknown_arm_names_the_known_ones(pong: TransitionDataset, processor: Processor) -> None:
    with pytest.raises(ValueError, match="rmr, c_swm, frozen_random, fine_tuned, untrained, supervised"):
        train_encoder("rnr", pong, CONFIG, processor)
