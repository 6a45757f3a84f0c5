"""Every part in a registry keeps the contract of its kind, without a test of its own."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from rmr_gym.models import Processor
from rmr_gym.models.encoders import ENCODERS
from rmr_gym.models.processors import PROCESSORS
from rmr_gym.testing import check_encoder, check_processor


@pytest.mark.parametrize("name", PROCESSORS)
def test_processor_keeps_its_contract(name: str) -> None:
    check_processor(PROCESSORS[name](slot_dim=8), equivariant=name != "mlp")


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_keeps_its_contract(name: str) -> None:
    check_encoder(ENCODERS[name](resolution="84x84", slot_dim=8, maps_per_slot=1))


class _IgnoresTheAction(Processor):
    def __init__(self) -> None:
        super().__init__(slot_dim=4)
        nn.init.zeros_(self.action_encoder.weight)

    def process(self, inputs: Tensor) -> Tensor:
        return torch.zeros_like(inputs)


@dataclass(frozen=True)
class _IgnoresTheActionConfig:
    slot_dim: int = 4

    def build(self, num_slots: int) -> Processor:
        return _IgnoresTheAction()


def test_check_processor_bites_when_the_action_is_ignored() -> None:
    with pytest.raises(AssertionError, match="the action must matter"):
        check_processor(_IgnoresTheActionConfig())


def test_check_processor_bites_when_slots_are_not_equivariant() -> None:
    with pytest.raises(AssertionError):
        check_processor(PROCESSORS["mlp"](slot_dim=8), equivariant=True)
