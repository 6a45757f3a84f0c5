from __future__ import annotations

import jaxtyping
import numpy as np
import pytest
import torch

from rmr_gym.models import AbstractModel, RamStateFeatures, unpack_bits
from rmr_gym.models.processors import InteractionNetworkConfig, MpnnConfig
from rmr_gym.models.ram_features import RamForm, ram_format_of
from rmr_gym.wrappers.ram_format import RamFormat, encode_ram, ram_space

NUM_SLOTS = 6


def make_model(num_slots: int = NUM_SLOTS) -> AbstractModel:
    return AbstractModel(MpnnConfig(slot_dim=4).build(num_slots), num_slots=num_slots).eval()


def draw_ram(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def test_features_are_the_slots_that_the_processor_predicts_for_doing_nothing() -> None:
    model, ram = make_model(), torch.from_numpy(draw_ram(3, NUM_SLOTS))
    features = RamStateFeatures(model.encoder, model.processor, (NUM_SLOTS,))
    slots = model.encoder(unpack_bits(ram))
    alpha = model.processor.action_encoder.weight[:, 0] + model.processor.action_encoder.bias  # NOOP is ALE value 0
    expected = model.processor.process(slots + alpha) + slots + alpha
    torch.testing.assert_close(features(ram), expected.flatten(1))
    assert features.features_dim == 4 * NUM_SLOTS


def test_without_a_processor_features_are_equation_1() -> None:
    model, ram = make_model(), torch.tensor([[0b10000001] * NUM_SLOTS], dtype=torch.uint8)
    features = RamStateFeatures(model.encoder, None, (NUM_SLOTS,))
    layer = model.encoder.bits
    expected = layer.weight[:, 0] + layer.weight[:, 7] + layer.bias + model.encoder.address
    torch.testing.assert_close(features(ram)[0].view(NUM_SLOTS, 4), expected)


def test_mean_readout_averages_the_slots() -> None:
    model, ram = make_model(), torch.from_numpy(draw_ram(3, NUM_SLOTS))
    flat = RamStateFeatures(model.encoder, model.processor, (NUM_SLOTS,))(ram)
    features = RamStateFeatures(model.encoder, model.processor, (NUM_SLOTS,), readout="mean")
    torch.testing.assert_close(features(ram), flat.view(3, NUM_SLOTS, 4).mean(1))
    assert features.features_dim == 4


@pytest.mark.parametrize("ram_format", ["bytes", "bits", "float"])
def test_every_form_of_the_environments_gives_the_same_bits(ram_format: RamFormat) -> None:
    model = make_model(128)
    ram = np.concatenate([np.arange(256, dtype=np.uint8).reshape(2, 128), draw_ram(2, 128)])  # every byte there is
    expected = RamStateFeatures(model.encoder, None, (128,))(torch.from_numpy(ram))
    given = torch.from_numpy(np.stack([encode_ram(row, ram_format) for row in ram]))
    space = ram_space(ram_format)
    form = ram_format_of(space.shape, is_float=bool(np.issubdtype(space.dtype, np.floating)))
    assert form == ram_format
    features = RamStateFeatures(model.encoder, None, space.shape, ram_format=form)
    assert torch.equal(features(given), expected)
    if ram_format != "float":  # Stable-Baselines3 turns what is no picture into floats
        assert torch.equal(features(given.float()), expected)


@pytest.mark.parametrize("shape", [(2, NUM_SLOTS), (2 * NUM_SLOTS,)])
def test_stacks_are_encoded_memory_by_memory_oldest_first(shape: tuple[int, ...]) -> None:
    model, ram = make_model(), torch.from_numpy(draw_ram(3, 2, NUM_SLOTS))
    single = RamStateFeatures(model.encoder, None, (NUM_SLOTS,))
    stacked = RamStateFeatures(model.encoder, None, shape)
    assert stacked.num_frames == 2
    expected = torch.cat([single(ram[:, 0]), single(ram[:, 1])], 1)
    assert torch.equal(stacked(ram.view(3, *shape)), expected)


def test_stacks_of_bits_in_rows_are_taken_apart_in_both_layouts() -> None:
    model, ram = make_model(), torch.from_numpy(draw_ram(3, 2, NUM_SLOTS))
    bits = unpack_bits(ram.flatten(0, 1)).unflatten(0, (3, 2))  # [batch, memory, slot, bit]
    single = RamStateFeatures(model.encoder, None, (NUM_SLOTS,))
    expected = torch.cat([single(ram[:, 0]), single(ram[:, 1])], 1)
    apart = RamStateFeatures(model.encoder, None, (2, NUM_SLOTS, 8), ram_format="bits")
    beside = RamStateFeatures(model.encoder, None, (NUM_SLOTS, 16), ram_format="bits")  # as VecFrameStack joins them
    assert torch.equal(apart(bits), expected)
    assert torch.equal(beside(torch.cat([bits[:, 0], bits[:, 1]], 2)), expected)
    assert apart.num_frames == beside.num_frames == 2


@pytest.mark.parametrize(("shape", "form"), [((2, 2 * NUM_SLOTS), "bytes"), ((2, NUM_SLOTS, 16), "bits")])
def test_stacks_of_stacks_are_refused(shape: tuple[int, ...], form: RamForm) -> None:
    with pytest.raises(ValueError, match="stacks of stacks. Stack once"):
        RamStateFeatures(make_model().encoder, None, shape, ram_format=form)


def test_a_processor_of_a_world_without_actions_gets_none() -> None:
    encoder = AbstractModel(MpnnConfig(slot_dim=4).build(2), num_slots=2).encoder
    processor = MpnnConfig(slot_dim=4).build(2, num_actions=0)
    assert RamStateFeatures(encoder, processor, (2,))(torch.zeros(1, 2, dtype=torch.uint8)).shape == (1, 8)


def test_the_width_is_that_of_what_a_processor_predicts() -> None:
    processor = InteractionNetworkConfig().build(2)
    encoder = AbstractModel(processor, num_slots=2).encoder
    features = RamStateFeatures(encoder, processor, (2,))
    assert features(torch.zeros(1, 2, dtype=torch.uint8)).shape == (1, features.features_dim)


def test_an_empty_batch_gives_no_features() -> None:
    features = RamStateFeatures(make_model().encoder, None, (NUM_SLOTS,))
    assert features(torch.zeros(0, NUM_SLOTS, dtype=torch.uint8)).shape == (0, 4 * NUM_SLOTS)


@pytest.mark.parametrize(
    ("shape", "is_float", "expected"),
    [
        ((128,), False, "bytes"),
        ((128,), True, "float"),
        ((1024,), False, "bits"),
        ((1024,), True, "bits"),
        ((128, 8), False, "bits"),
        ((4, 128), False, "bytes"),
        ((4, 1024), False, "bits"),
        ((512,), False, "bytes"),
        ((512,), True, "float"),
        ((2048,), False, "bits"),
        ((), False, "bytes"),
    ],
)
def test_form_by_shape_and_dtype(shape: tuple[int, ...], is_float: bool, expected: RamForm) -> None:
    assert ram_format_of(shape, is_float=is_float) == expected


@pytest.mark.parametrize(("shape", "form"), [((7,), "bytes"), ((), "bytes"), ((0,), "bytes"), ((6,), "bits")])
def test_observations_that_hold_no_memory_are_refused(shape: tuple[int, ...], form: RamForm) -> None:
    with pytest.raises(ValueError, match=rf"numbers each, as the format '{form}' has it.*Pass the ram_format"):
        RamStateFeatures(make_model().encoder, None, shape, ram_format=form)


def test_observations_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(batch, \*\(6,\)\); got \(1, 12\)"):
        RamStateFeatures(make_model().encoder, None, (6,))(torch.zeros(1, 12))


def test_a_processor_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="slots of width 4; got width 8"):
        RamStateFeatures(make_model().encoder, MpnnConfig(slot_dim=8).build(6), (6,))


def test_unknown_choices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)  # users run without the checks of the tests
    with pytest.raises(ValueError, match="a known ram_format; got hex"):
        RamStateFeatures(make_model().encoder, None, (6,), ram_format="hex")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a known readout; got sum"):
        RamStateFeatures(make_model().encoder, None, (6,), readout="sum")  # type: ignore[arg-type]
