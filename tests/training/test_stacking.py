"""Loss terms and gradients of stacked members against those of each member, with the models of the natural stage."""

import pytest
import torch
from torch import nn

from rmr_gym.models import Precision, fingerprint
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors import DeepSetsConfig, MlpConfig, MpnnConfig, ProcessorConfig
from rmr_gym.objectives import (
    AlignmentUniformityConfig,
    HingeConfig,
    InfoNceConfig,
    LossTerms,
    NaturalBatch,
    NaturalObjectiveConfig,
    SupervisedConfig,
)
from rmr_gym.training import NaturalConfig, build_natural_model
from rmr_gym.training.encoders import NaturalLoss
from rmr_gym.training.stacking import Stack

BATCH = 6


def make_members(
    arms: list[str],
    processor: ProcessorConfig | None = None,
    objective: NaturalObjectiveConfig | None = None,
    precision: Precision = "float32",
) -> list[NaturalLoss]:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=16, slot_dim=8, maps_per_slot=1)
    config = NaturalConfig(encoder=encoder, objective=objective or InfoNceConfig(), precision=precision)
    with initial_weights(99):
        pretrained = (processor or DeepSetsConfig(slot_dim=8)).build(16)
    models = [build_natural_model(arm, config, pretrained, num_slots=16, seed=seed) for seed, arm in enumerate(arms)]
    return [NaturalLoss(model, config.objective.build()) for model in models]


def make_batches(count: int) -> list[NaturalBatch]:
    generator = torch.Generator().manual_seed(0)

    def integers(top: int, *shape: int, dtype: torch.dtype = torch.uint8) -> torch.Tensor:
        return torch.randint(0, top, shape, dtype=dtype, generator=generator)

    return [
        NaturalBatch(
            integers(256, BATCH, 1, 84, 84),
            integers(18, BATCH, dtype=torch.int64),
            integers(256, BATCH, 1, 84, 84),
            torch.randperm(BATCH, generator=generator),
            integers(256, BATCH, 16),
        )
        for _ in range(count)
    ]


def assert_equal_gradients(members: list[NaturalLoss], *, unfold: bool = False, tolerance: float = 1e-4) -> None:
    batches = make_batches(len(members))
    stack = Stack(members, unfold=unfold)
    terms = stack(batches)
    terms.total.sum().backward()
    names = [name for name, parameter in members[0].named_parameters() if parameter.requires_grad]
    stacked = dict(zip(names, stack.trained, strict=True))
    for index, (member, batch) in enumerate(zip(members, batches, strict=True)):
        expected = member(*batch)
        expected.total.backward()
        assert terms.total[index].item() == pytest.approx(expected.total.item(), rel=tolerance)
        assert {name: values[index].item() for name, values in terms.logged.items()} == pytest.approx(
            {name: value.item() for name, value in expected.logged.items()}, rel=10 * tolerance, abs=1e-3
        )
        for name, parameter in member.named_parameters():
            assert parameter.requires_grad == (name in stacked)
            assert (parameter.grad is None) == (name not in stacked or stacked[name].grad is None)
        found, alone = (
            torch.cat([grad.flatten() for grad in gradients])
            for gradients in (
                [value.grad[index] for value in stacked.values() if value.grad is not None],
                [value.grad for value in member.parameters() if value.grad is not None],
            )
        )
        assert (found - alone).norm() <= tolerance * alone.norm()


@pytest.mark.parametrize("unfold", [False, True])
@pytest.mark.parametrize("objective", [HingeConfig(), InfoNceConfig(), AlignmentUniformityConfig()])
def test_every_objective_can_be_stacked(objective: NaturalObjectiveConfig, unfold: bool) -> None:
    assert_equal_gradients(make_members(["c_swm"] * 3, objective=objective), unfold=unfold)


@pytest.mark.parametrize("arm", ["rmr", "c_swm"])
@pytest.mark.parametrize(
    "processor",
    [
        MlpConfig(slot_dim=8, hidden_dim=16),
        MpnnConfig(slot_dim=8),
        MpnnConfig(slot_dim=8, reduction="max"),
        MpnnConfig(slot_dim=8, reduction="sum", num_passes=2),
    ],
)
def test_every_processor_can_be_stacked_trained_or_frozen(processor: ProcessorConfig, arm: str) -> None:
    assert_equal_gradients(make_members([arm] * 3, processor))


def test_supervised_members_can_be_stacked() -> None:
    members = make_members(["supervised"] * 2)
    for seed, member in enumerate(members):
        with initial_weights(seed):
            member.objective = SupervisedConfig().build(torch.arange(128) % 3 > 0, 128)
    assert_equal_gradients(members)


@pytest.mark.parametrize("processor", [DeepSetsConfig(slot_dim=8), MpnnConfig(slot_dim=8)])
def test_bfloat16_works_inside(processor: ProcessorConfig) -> None:
    assert_equal_gradients(make_members(["c_swm"] * 2, processor, HingeConfig(), "bfloat16"), tolerance=0.1)


def test_frozen_weights_are_kept_once_where_they_are_equal_and_get_no_gradient() -> None:
    equal, different = Stack(make_members(["rmr"] * 3)), Stack(make_members(["frozen_random"] * 3))

    def size(stack: Stack) -> int:
        return sum(buffer.numel() for buffer in stack.buffers())

    frozen = sum(value.numel() for value in make_members(["rmr"])[0].model.processor.parameters())
    assert size(different) - size(equal) == 2 * frozen
    assert not any(buffer.requires_grad for buffer in (*equal.buffers(), *different.buffers()))


def test_write_back_brings_every_member_its_own_weights() -> None:
    members = make_members(["rmr"] * 3)
    before = [fingerprint(member) for member in members]
    stack = Stack(members)
    stack.write_back()
    assert [fingerprint(member) for member in members] == before
    with torch.no_grad():
        for parameter in stack.trained:
            parameter[1] += 1.0
    stack.write_back()
    assert [fingerprint(member) == old for member, old in zip(members, before, strict=True)] == [True, False, True]


class Normalised(nn.Module):
    """Keeps statistics of what it sees."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.BatchNorm1d(3)

    def forward(self, inputs: torch.Tensor) -> LossTerms:
        return LossTerms(self.layer(inputs).square().sum())


def test_buffers_that_a_forward_pass_changes_are_stacked() -> None:
    members, expected = [Normalised() for _ in range(2)], [Normalised() for _ in range(2)]
    batches = [(torch.randn(8, 3, generator=torch.Generator().manual_seed(seed)) + seed,) for seed in range(2)]
    stack = Stack(members)
    stack(batches)
    stack.write_back()
    for member, alone, batch in zip(members, expected, batches, strict=True):
        alone(*batch)
        torch.testing.assert_close(member.layer.running_mean, alone.layer.running_mean)
        torch.testing.assert_close(member.layer.running_var, alone.layer.running_var)
        assert int(member.layer.num_batches_tracked) == 1
