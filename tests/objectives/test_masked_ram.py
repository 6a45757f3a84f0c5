import math

import pytest
import torch

from rmr_gym.models import RamPrediction, unpack_bits
from rmr_gym.objectives import MaskedRamConfig, masked_ram_loss

BEFORE = unpack_bits(torch.tensor([[0, 255, 7]], dtype=torch.uint8))
AFTER = unpack_bits(torch.tensor([[0, 254, 7]], dtype=torch.uint8))


def predict(mask: list[float], bit: float = 0.0) -> RamPrediction:
    return RamPrediction(torch.tensor([mask]), torch.full((1, 3, 8), bit).requires_grad_())


def test_loss_matches_a_hand_computed_case() -> None:
    terms = masked_ram_loss(predict([0.0, 0.0, 0.0], bit=1.0), BEFORE, AFTER, MaskedRamConfig(bit_weight=2.0))
    assert terms.logged["mask_loss"].item() == pytest.approx(math.log(2))
    # Byte 1 became 0b11111110: seven ones at logit 1 and one zero.
    bit_loss = (7 * math.log(1 + math.exp(-1)) + math.log(1 + math.exp(1))) / 8
    assert terms.logged["bit_loss"].item() == pytest.approx(bit_loss)
    assert terms.total.item() == pytest.approx(math.log(2) + 2 * bit_loss)
    assert terms.logged["changed_slots"].item() == pytest.approx(1 / 3)


def test_copied_bytes_give_the_bit_decoder_no_gradient() -> None:
    prediction = predict([0.0, 0.0, 0.0])
    masked_ram_loss(prediction, BEFORE, AFTER, MaskedRamConfig()).total.backward()
    touched = prediction.bit_logits.grad.abs().sum(-1)[0] > 0
    assert touched.tolist() == [False, True, False]


def test_all_bytes_count_without_teacher_forcing() -> None:
    prediction = predict([0.0, 0.0, 0.0])
    masked_ram_loss(prediction, BEFORE, AFTER, MaskedRamConfig(teacher_forcing=False)).total.backward()
    assert (prediction.bit_logits.grad.abs().sum(-1) > 0).all()


def test_loss_is_finite_when_nothing_changes() -> None:
    terms = masked_ram_loss(predict([-50.0] * 3), BEFORE, BEFORE, MaskedRamConfig())
    assert terms.total.item() == pytest.approx(0.0, abs=1e-6)


def test_perfect_prediction_costs_nothing() -> None:
    logits = 100 * (2 * AFTER - 1)
    terms = masked_ram_loss(
        RamPrediction(torch.tensor([[-99.0, 99.0, -99.0]]), logits), BEFORE, AFTER, MaskedRamConfig()
    )
    assert terms.total.item() == pytest.approx(0.0, abs=1e-6)


def test_config_refuses_a_weight_that_is_not_positive() -> None:
    with pytest.raises(ValueError, match="bit_weight > 0"):
        MaskedRamConfig(bit_weight=0.0)
