"""The comparison of training steps runs, and compares models that compute the same."""

from __future__ import annotations

import pytest
import torch

from benchmarks.performance.message_peers import LAYOUTS, Layout
from benchmarks.performance.settings import Settings
from benchmarks.performance.step_peers import StraightforwardModel, edge_list_mpnn
from benchmarks.performance.steps import (
    DENSE,
    EDGE_LIST,
    TRAINED,
    measure,
    num_operations,
    random_frames,
    random_memory,
    training_step,
)
from rmr_gym.models import fingerprint
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors import MpnnConfig
from rmr_gym.objectives import HingeConfig
from rmr_gym.training import NaturalConfig, build_natural_model


@pytest.mark.parametrize("layout", LAYOUTS)
def test_edge_list_processor_predicts_what_ours_predicts(layout: Layout) -> None:
    with initial_weights(0):
        ours = MpnnConfig(slot_dim=6).build(5).double()
    slots = torch.randn(3, 5, 6, dtype=torch.float64)
    action = torch.tensor([0, 4, 17])
    torch.testing.assert_close(edge_list_mpnn(ours, layout).double()(slots, action), ours(slots, action))


@pytest.mark.parametrize("arm", ["rmr", "c_swm"])
def test_straightforward_model_has_our_loss_and_our_gradients(arm: str) -> None:
    config = NaturalConfig(encoder=NatureCnnConfig(resolution="84x84", num_slots=6, slot_dim=8))
    with initial_weights(0):
        processor = MpnnConfig(slot_dim=8).build(6)
    ours = build_natural_model(arm, config, processor, num_slots=6, seed=0)
    batch = random_frames(3, (84, 84), "cpu")
    peer = StraightforwardModel(ours)
    losses = [HingeConfig().build()(ours, batch).total, peer(*batch[:4])]
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-6)
    for loss in losses:
        loss.backward()
    pairs = [(ours.encoder.trunk[0], peer.trunk[0]), (ours.encoder.head, peer.head)]
    for one, other in [*pairs, (ours.decoder.linear, peer.decoder)]:
        torch.testing.assert_close(one.weight.grad, other.weight.grad, rtol=1e-3, atol=1e-6)
    assert all((parameter.grad is None) == (arm == "rmr") for parameter in peer.processor.parameters())


def test_training_step_moves_what_may_move_and_refuses_an_infinite_loss() -> None:
    moving, fixed = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1).requires_grad_(False)
    before = fingerprint(moving), fingerprint(fixed)
    training_step(lambda: (moving(torch.ones(1, 2)) + fixed(torch.ones(1, 2))).sum(), [moving, fixed])()
    assert fingerprint(moving) != before[0]
    assert fingerprint(fixed) == before[1]
    with pytest.raises(FloatingPointError, match="not finite"):
        training_step(lambda: moving(torch.full((1, 2), torch.inf)).sum(), [moving])()


def test_drawn_data_look_like_those_of_a_game() -> None:
    ram, action, next_ram = random_memory(50)
    assert 0.05 < (ram != next_ram).float().mean() < 0.15
    assert 0 <= action.min() <= action.max() < 18
    batch = random_frames(4, (84, 84), "cpu")
    assert batch.pixels.shape == batch.next_pixels.shape == (4, 1, 84, 84)
    assert 3 <= batch.pixels.unique().numel() <= 6
    assert not torch.equal(batch.pixels, batch.next_pixels)


def test_operations_are_those_of_the_products() -> None:
    left, right, picture, kernel = torch.ones(3, 4), torch.ones(4, 5), torch.ones(2, 1, 6, 6), torch.ones(7, 1, 3, 3)

    def work() -> None:
        (left @ right).sum()
        torch.nn.functional.conv2d(picture, kernel)

    assert num_operations(work) == 2 * 3 * 4 * 5 + 2 * (2 * 7 * 4 * 4) * 9


def test_measure_gives_the_bars_of_the_issue() -> None:
    lines = measure(Settings(repeats=1, quick=True))
    bars = {line.peer: line.bar for line in lines if line.bar is not None}
    assert bars == {EDGE_LIST: 5.0, DENSE: 2.5, TRAINED: 1.2}
    assert all(0 < line.figure.lowest <= line.figure.median <= line.figure.highest for line in lines)
