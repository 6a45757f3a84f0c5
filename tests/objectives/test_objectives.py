"""Contract of all contrastive objectives, and hand-computed cases of each."""

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from rmr_gym.models import NaturalModel, freeze
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import LatentDecoder
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.interfaces import Encoder
from rmr_gym.models.processors import DeepSetsConfig
from rmr_gym.objectives import (
    OBJECTIVES,
    AlignmentUniformityConfig,
    HingeConfig,
    InfoNceConfig,
    LazyTerms,
    NaturalBatch,
    NaturalObjectiveConfig,
    SupervisedConfig,
)

CONTRASTIVE = (HingeConfig(), InfoNceConfig(), AlignmentUniformityConfig())


class ReadsTheFirstPixel(Encoder):
    """One slot with one feature, the value of the first pixel: energies can be worked out by hand."""

    num_slots, slot_dim, input_shape = 1, 1, (1, 1, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.float().flatten(1)[:, :1].unsqueeze(1)


def make_hand_model() -> NaturalModel:
    """Predicts `z' = z`: processor and action encoder give zero, the decoder is the identity."""
    processor = DeepSetsConfig(slot_dim=1).build(1)
    with torch.no_grad():
        for parameter in processor.parameters():
            parameter.zero_()
    return NaturalModel(ReadsTheFirstPixel(), processor, LatentDecoder(slot_dim=1, initialisation="identity"))


def make_batch(current: list[float], following: list[float], permutation: list[int]) -> NaturalBatch:
    return NaturalBatch(
        pixels=torch.tensor(current).view(-1, 1, 1, 1),
        action=torch.zeros(len(current), dtype=torch.int64),
        next_pixels=torch.tensor(following).view(-1, 1, 1, 1),
        permutation=torch.tensor(permutation),
        ram=torch.zeros(len(current), 1, dtype=torch.uint8),
    )


def make_pixel_batch(batch: int = 6) -> NaturalBatch:
    generator = torch.Generator().manual_seed(0)
    return NaturalBatch(
        pixels=torch.randint(0, 256, (batch, 1, 84, 84), dtype=torch.uint8, generator=generator),
        action=torch.arange(batch),
        next_pixels=torch.randint(0, 256, (batch, 1, 84, 84), dtype=torch.uint8, generator=generator),
        permutation=torch.roll(torch.arange(batch), 1),
        ram=torch.randint(0, 256, (batch, 4), dtype=torch.uint8, generator=generator),
    )


def make_pixel_model() -> NaturalModel:
    with initial_weights(0):
        encoder = NatureCnnConfig(resolution="84x84", num_slots=4, slot_dim=3, maps_per_slot=1).build()
        processor = DeepSetsConfig(slot_dim=3).build(4)
        return NaturalModel(encoder, processor, LatentDecoder(slot_dim=3))


def test_hinge_matches_a_hand_computed_case() -> None:
    batch = make_batch([0.0, 0.5], [0.5, 0.5], [1, 0])
    terms = HingeConfig(sigma=0.5, margin=1.0).build()(make_hand_model(), batch)
    # Positives 2 * (.25, 0); negatives 2 * .25 for both, so that the hinge leaves .5.
    assert terms.logged["positive"].item() == pytest.approx(0.25)
    assert terms.logged["negative"].item() == pytest.approx(0.5)
    assert terms.total.item() == pytest.approx(0.25 + 0.5)
    assert terms.logged["active_margins"] == 1


def test_hinge_switches_off_beyond_the_margin() -> None:
    terms = HingeConfig(margin=1.0).build()(make_hand_model(), make_batch([0.0, 5.0], [0.0, 5.0], [1, 0]))
    assert terms.total == 0
    assert terms.logged["active_margins"] == 0


def test_hinge_compares_negatives_with_the_next_frame_on_request() -> None:
    batch = make_batch([0.0, 0.5], [0.5, 0.5], [1, 0])
    terms = HingeConfig(negatives="next").build()(make_hand_model(), batch)
    # z' = (.5, .5) against the permuted z = (.5, 0): energies 0 and .5.
    assert terms.logged["negative"].item() == pytest.approx(0.25)


def test_info_nce_matches_a_hand_computed_case() -> None:
    terms = InfoNceConfig(sigma=0.5, temperature=2.0).build()(make_hand_model(), make_batch([0, 1], [0, 2], [1, 0]))
    # Energies 2 * [[0, 4], [1, 1]], halved by the temperature.
    expected = (math.log(1 + math.exp(-4)) + math.log(2)) / 2
    assert terms.total.item() == pytest.approx(expected, rel=1e-5)
    assert terms.logged["positive"].item() == pytest.approx(1.0)
    assert terms.logged["negative"].item() == pytest.approx(5.0)


def test_alignment_uniformity_matches_a_hand_computed_case() -> None:
    # Frames -1, 1 and -1, 1 standardise to -c, c, -c, c and, at unit length, to -1, 1, -1, 1; the prediction is z.
    objective = AlignmentUniformityConfig(alignment_weight=3.0, sharpness=0.5).build()
    terms = objective(make_hand_model(), make_batch([-1, 1], [-1, 1], [1, 0]))
    # Each frame has one equal frame at distance 0 and two opposite ones at squared distance 4.
    assert terms.total.item() == pytest.approx(math.log(1 + 2 * math.exp(-2)), rel=1e-5)
    assert terms.logged["negative"].item() == pytest.approx(8 / 3)
    swapped = objective(make_hand_model(), make_batch([-1, 1], [1, -1], [1, 0]))
    assert swapped.logged["positive"].item() == pytest.approx(4.0)
    assert (swapped.total - terms.total).item() == pytest.approx(12.0, rel=1e-5)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_is_finite_and_reaches_every_trainable_part(name: str) -> None:
    model = make_pixel_model()
    terms = OBJECTIVES[name]().build()(model, make_pixel_batch())
    terms.total.backward()
    assert torch.isfinite(terms.total)
    for part in (model.encoder, model.processor, model.decoder):
        assert sum(float(parameter.grad.abs().sum()) for parameter in part.parameters()) > 0
    assert not any(term.requires_grad for term in terms.logged.values())


@pytest.mark.parametrize("config", CONTRASTIVE)
def test_contrastive_objectives_watch_energies_and_collapse(config: NaturalObjectiveConfig) -> None:
    logged = config.build()(make_pixel_model(), make_pixel_batch()).logged
    assert {"positive", "negative", "slot_std", "effective_rank"} <= set(logged)
    # Not whether they waited until they were read: the check of types reads them.
    assert isinstance(logged, LazyTerms)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_reaches_the_encoder_through_a_frozen_processor(name: str) -> None:
    model = make_pixel_model()
    freeze(model.processor)
    OBJECTIVES[name]().build()(model, make_pixel_batch()).total.backward()
    assert all(parameter.grad is None for parameter in model.processor.parameters())
    assert float(model.encoder.trunk[0].weight.grad.abs().sum()) > 0


@pytest.mark.parametrize("name", OBJECTIVES)
def test_bfloat16_lowers_the_networks_and_not_the_energies(name: str) -> None:
    model, batch, objective = make_pixel_model(), make_pixel_batch(), OBJECTIVES[name]().build()
    exact = objective(model, batch).total
    model.precision = "bfloat16"
    low = objective(model, batch).total
    assert low.dtype == model.encode(batch.pixels).dtype == torch.float32
    assert low != exact
    torch.testing.assert_close(low, exact, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objective_does_not_look_at_the_ram(name: str) -> None:
    batch = make_pixel_batch()
    model, objective = make_pixel_model(), OBJECTIVES[name]().build()
    other = batch._replace(ram=255 - batch.ram)
    assert torch.equal(objective(model, batch).total, objective(model, other).total)


def test_supervised_predicts_the_chosen_bits_only() -> None:
    batch, model = make_pixel_batch(), make_pixel_model()
    targets = torch.zeros(32, dtype=torch.bool)
    targets[[0, 9, 31]] = True
    objective = SupervisedConfig().build(targets, 12)
    assert objective.head.out_features == 3
    other = batch.ram.clone()
    other[:, 2] ^= 0b1111_1111  # bits 16..23 are no targets
    assert torch.equal(objective(model, batch).total, objective(model, batch._replace(ram=other)).total)
    other[:, 3] ^= 1  # bit 31 is
    assert not torch.equal(objective(model, batch).total, objective(model, batch._replace(ram=other)).total)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
@pytest.mark.parametrize("config", CONTRASTIVE)
def test_contrastive_objectives_refuse_a_number_that_is_not_positive(
    config: NaturalObjectiveConfig, value: float
) -> None:
    numbers = [field.name for field in dataclasses.fields(config) if isinstance(field.default, float)]
    assert numbers
    for number in numbers:
        with pytest.raises(ValueError, match=f"{number} > 0"):
            type(config)(**{number: value})


def test_lazy_terms_are_computed_once_and_only_when_read() -> None:
    calls = []

    def compute() -> dict[str, Tensor]:
        calls.append(1)
        return {"first": torch.tensor(1.0), "second": torch.tensor(2.0)}

    terms = LazyTerms(compute)
    assert not calls
    assert {name: float(term) for name, term in terms.items()} == {"first": 1.0, "second": 2.0}
    assert len(terms) == 2
    assert calls == [1]
