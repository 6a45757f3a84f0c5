from pathlib import Path

import numpy as np
import pytest
import torch

from rmr_gym.data import TransitionDataset
from rmr_gym.models import fingerprint
from rmr_gym.models.processors import DeepSetsConfig, MpnnConfig, ProcessorConfig
from rmr_gym.training import (
    AbstractConfig,
    Execution,
    LoopConfig,
    MemorySink,
    predict_ram,
    train_processor,
    train_processors,
)


def make_config(processor: ProcessorConfig | None = None, gradient_steps: int = 3) -> AbstractConfig:
    loop = LoopConfig(gradient_steps=gradient_steps, batch_size=16, log_every=1, checkpoint_every=2)
    return AbstractConfig(processor=processor or DeepSetsConfig(slot_dim=16), loop=loop)


def test_training_beats_copying_within_seconds(pong: TransitionDataset) -> None:
    sink = MemorySink()
    loop = LoopConfig(gradient_steps=300, batch_size=16, learning_rate=1e-2)
    model = train_processor(pong, AbstractConfig(processor=DeepSetsConfig(slot_dim=16), loop=loop), sink=sink)
    ram, action, next_ram = pong.ram_transitions()
    predicted, overwritten = predict_ram(model, ram, action)
    changed = ram != next_ram
    assert sink.records[-1]["loss"] < 0.4 * sink.records[0]["loss"]
    assert (predicted == next_ram).mean() > (ram == next_ram).mean()
    assert (overwritten & changed).sum() > 0.5 * changed.sum()
    assert np.array_equal(predicted[~overwritten], ram[~overwritten])


@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_same_seed_gives_the_same_weights_and_another_seed_others(pong: TransitionDataset, reduction: str) -> None:
    config = make_config(MpnnConfig(slot_dim=4, reduction=reduction))
    first, again, other = (fingerprint(train_processor(pong, config, seed=seed)) for seed in (0, 0, 1))
    assert first == again != other


def test_interrupted_training_ends_with_the_same_weights(pong: TransitionDataset, tmp_path: Path) -> None:
    config = make_config(gradient_steps=5)

    class KilledError(Exception):
        pass

    def kill(step: int, _: int) -> None:
        if step == 3:
            raise KilledError

    with pytest.raises(KilledError):
        train_processor(pong, config, on_step=kill, state_folder=tmp_path)
    steps: list[int] = []
    model = train_processor(pong, config, on_step=lambda step, _: steps.append(step), state_folder=tmp_path)
    assert steps == [3, 4, 5]
    assert fingerprint(model) == fingerprint(train_processor(pong, config))


def test_prediction_does_not_depend_on_the_batch_size(pong: TransitionDataset) -> None:
    model = train_processor(pong, make_config())
    ram, action, _ = pong.ram_transitions()
    whole, parts = (predict_ram(model, ram, action, batch_size=size)[0] for size in (len(ram), 7))
    assert np.array_equal(whole, parts)


@pytest.mark.parametrize("execution", ["stacked", "in_turn"])
def test_seeds_side_by_side_end_where_they_end_alone(pong: TransitionDataset, execution: Execution) -> None:
    config = make_config(gradient_steps=20)
    sinks = {seed: MemorySink() for seed in (3, 1)}
    models = train_processors((3, 1), pong, config, execution=execution, sinks=sinks)
    assert list(models) == [3, 1]
    for seed, model in models.items():
        sink = MemorySink()
        expected = train_processor(pong, config, seed=seed, sink=sink)
        for name, value in expected.state_dict().items():
            torch.testing.assert_close(model.state_dict()[name], value, rtol=1e-4, atol=1e-5)
        assert not model.training
        for record, expected_record in zip(sinks[seed].records, sink.records, strict=True):
            assert record == pytest.approx(expected_record, rel=1e-4, abs=1e-6)


def test_doubled_seeds_are_refused(pong: TransitionDataset) -> None:
    with pytest.raises(ValueError, match=r"none twice; got \(1, 1\)"):
        train_processors((1, 1), pong, make_config())
