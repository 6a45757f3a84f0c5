"""Without a GPU at hand: on the meta device a tensor that was left on the CPU is refused as on any other device."""

import pytest
import torch

from rmr_gym.models import AbstractModel, NaturalModel, freeze, unpack_bits
from rmr_gym.models.decoders import LatentDecoder
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors import PROCESSORS, MpnnConfig
from rmr_gym.objectives import OBJECTIVES, MaskedRamConfig, NaturalBatch, SupervisedConfig, masked_ram_loss

META = torch.device("meta")


def make_batch(batch: int = 4, slots: int = 6) -> NaturalBatch:
    return NaturalBatch(
        pixels=torch.zeros(batch, 1, 84, 84, dtype=torch.uint8, device=META),
        action=torch.zeros(batch, dtype=torch.int64, device=META),
        next_pixels=torch.zeros(batch, 1, 84, 84, dtype=torch.uint8, device=META),
        permutation=torch.zeros(batch, dtype=torch.int64, device=META),
        ram=torch.zeros(batch, slots, dtype=torch.uint8, device=META),
    )


def make_model(name: str = "mpnn") -> NaturalModel:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=6, slot_dim=8, maps_per_slot=1).build()
    return NaturalModel(encoder, PROCESSORS[name](slot_dim=8).build(6), LatentDecoder(slot_dim=8)).to(META)


def test_the_meta_device_refuses_a_tensor_of_another_device() -> None:
    with pytest.raises(RuntimeError, match=r"device"):
        make_model()(torch.zeros(4, 1, 84, 84), *make_batch()[1:3])


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("processor", PROCESSORS)
def test_natural_step_stays_on_the_device(processor: str, objective: str, frozen: bool) -> None:
    model = make_model(processor)
    if frozen:
        freeze(model.processor)
    terms = OBJECTIVES[objective]().build().to(META)(model, make_batch())
    terms.total.backward()
    assert {term.device for term in (terms.total, *terms.logged.values())} == {META}


@pytest.mark.parametrize("reduction", ["mean", "sum", "max"])
def test_abstract_step_stays_on_the_device(reduction: str) -> None:
    model = AbstractModel(MpnnConfig(slot_dim=8, reduction=reduction).build(6), num_slots=6).to(META)
    batch = make_batch()
    bits = unpack_bits(batch.ram)
    masked_ram_loss(model(bits, batch.action), bits, bits, MaskedRamConfig()).total.backward()
    predicted, overwritten = model.predict(bits, batch.action)
    assert {predicted.device, overwritten.device} == {META}


def test_supervised_step_stays_on_the_device() -> None:
    objective = SupervisedConfig().build(torch.ones(48, dtype=torch.bool), 48).to(META)
    assert objective(make_model(), make_batch()).total.device == META
