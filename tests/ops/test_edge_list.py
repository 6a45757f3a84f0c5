import importlib.util
import inspect
import sys
from typing import Any

import pytest
import torch
from gymnasium.error import DependencyNotInstalled
from torch import Tensor

from rmr_gym.ops import REDUCTIONS, all_pairs_messages, edge_list_messages, radius_edges

BACKENDS = ("torch", "torch_scatter")
LOW_PRECISION = {torch.bfloat16: 0.01, torch.float16: 0.002}
"""With the largest relative error, by the norm."""


def make_parts(nodes: int, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = [(nodes, 4), (nodes, 4), (5, 4), (3, 5), (5,), (3,)]
    return [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]


def messages(parts: list[Tensor], edge_index: Tensor, **options: Any) -> Tensor:
    return edge_list_messages(parts[0], parts[1], edge_index, parts[2:4], parts[4:], **options)


def one_by_one(parts: list[Tensor], edge_index: Tensor, reduction: str) -> Tensor:
    receiver, sender, hidden, output, hidden_bias, output_bias = parts
    arrived: list[list[Tensor]] = [[] for _ in receiver]
    for source, target in edge_index.T.tolist():
        first = (receiver[target] + sender[source]).relu()
        arrived[target].append(output @ (hidden @ first + hidden_bias).relu() + output_bias)
    reduce = {"sum": lambda some: some.sum(0), "mean": lambda some: some.mean(0), "max": lambda some: some.amax(0)}
    nothing = torch.zeros(3, dtype=torch.float64)
    return torch.stack([reduce[reduction](torch.stack(some)) if some else nothing for some in arrived])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_messages_and_gradients_equal_edges_taken_one_by_one(reduction: str, backend: str) -> None:
    edge_index = torch.tensor([[0, 1, 2, 2, 5, 3, 0], [1, 0, 0, 1, 1, 3, 1]])  # nodes 2, 4 and 5 hear nothing
    parts = make_parts(6)
    ours, plain = (
        messages(parts, edge_index, reduction=reduction, backend=backend),
        one_by_one(parts, edge_index, reduction),
    )
    torch.testing.assert_close(ours, plain)
    assert (ours[[2, 4, 5]] == 0).all()
    torch.testing.assert_close(*(torch.autograd.grad(out.square().sum(), parts) for out in (ours, plain)))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_complete_graphs_give_the_messages_of_all_pairs(reduction: str, backend: str) -> None:
    parts = make_parts(8)
    pairs = torch.cartesian_prod(torch.arange(4), torch.arange(4)).T
    edge_index = torch.cat([pairs, pairs + 4], dim=1)  # two samples
    ours = messages(parts, edge_index, reduction=reduction, backend=backend)
    dense = all_pairs_messages(
        parts[0].view(2, 4, 4), parts[1].view(2, 4, 4), parts[2:4], parts[4:], reduction=reduction
    )
    torch.testing.assert_close(ours, dense.flatten(0, 1))


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_of_equal_winners_takes_the_gradient(backend: str) -> None:
    sender = torch.ones(3, 1, requires_grad=True)
    layers = [torch.ones(1, 1)], [torch.zeros(1)]
    edge_index = torch.tensor([[2, 0, 1], [0, 0, 0]])
    edge_list_messages(
        torch.zeros(3, 1), sender, edge_index, *layers, reduction="max", backend=backend
    ).sum().backward()
    assert sender.grad is not None
    assert sender.grad.flatten().tolist() == [0.0, 0.0, 1.0]  # the first edge comes from node 2


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_nan_is_passed_on_as_between_all_pairs(reduction: str, backend: str) -> None:
    parts = [part.detach() for part in make_parts(8)]
    parts[1][2, 0] = float("nan")  # in the first of two samples
    pairs = torch.cartesian_prod(torch.arange(4), torch.arange(4)).T
    edge_index = torch.cat([pairs, pairs + 4], dim=1)
    ours = messages(parts, edge_index, reduction=reduction, backend=backend)
    dense = all_pairs_messages(
        parts[0].view(2, 4, 4), parts[1].view(2, 4, 4), parts[2:4], parts[4:], reduction=reduction
    )
    torch.testing.assert_close(ours, dense.flatten(0, 1), equal_nan=True)
    assert ours[:4].isnan().all()
    assert ours[4:].isfinite().all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_message_that_is_nan_makes_a_maximum_nan(backend: str) -> None:
    sender = torch.tensor([[float("nan")], [2.0], [3.0]], requires_grad=True)
    layers = [torch.ones(1, 1)], [torch.zeros(1)]
    edge_index = torch.tensor([[1, 0, 2, 2], [0, 0, 0, 1]])  # node 2 hears nothing
    out = edge_list_messages(torch.zeros(3, 1), sender, edge_index, *layers, reduction="max", backend=backend)
    assert out[0].isnan().all()
    assert out[1:].flatten().tolist() == [3.0, 0.0]
    out.sum().backward()
    assert sender.grad is not None
    assert sender.grad[1].item() == 0.0, "node 1 wins nowhere"


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_graph_without_edges_is_silent(reduction: str, backend: str) -> None:
    parts = make_parts(3)
    out = messages(parts, torch.empty(2, 0, dtype=torch.int64), reduction=reduction, backend=backend)
    assert out.shape == (3, 3)
    assert (out == 0).all()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("dtype", LOW_PRECISION, ids=str)
def test_low_precision_stays_near_float64_at_nodes_with_many_edges(dtype: torch.dtype, reduction: str) -> None:
    parts = [part.detach().to(dtype).requires_grad_() for part in make_parts(4)]
    exact = [part.detach().double().requires_grad_() for part in parts]
    edge_index = torch.randint(0, 4, (2, 12_000), generator=torch.Generator().manual_seed(0))
    plain = messages(exact, edge_index, reduction=reduction, backend="torch")
    cotangent = torch.randn(plain.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    expected = plain, *torch.autograd.grad(plain, exact, cotangent.double())
    found = []
    for backend in BACKENDS:
        ours = messages(parts, edge_index, reduction=reduction, backend=backend)
        found.append((ours, *torch.autograd.grad(ours, parts, cotangent)))
        for got, want in zip(found[-1], expected, strict=True):
            assert got.dtype == dtype
            assert (got.double() - want).norm() < LOW_PRECISION[dtype] * want.norm()
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_sums_of_bfloat16_are_not_rounded_before_the_output_layer(backend: str) -> None:
    # 1,003 edges into node 3, all with 1 in the first unit, 1,000 with 1 in the second: bfloat16 has 1,000 and 1,004.
    sender = torch.tensor([[1.0, 1.0], [1.0, 0.0], [0.0, 0.0], [0.0, 0.0]], dtype=torch.bfloat16)
    layers = [torch.tensor([[1.0, -1.0]], dtype=torch.bfloat16)], [torch.zeros(1, dtype=torch.bfloat16)]
    edge_index = torch.tensor([[0] * 1_000 + [1] * 3, [3] * 1_003])
    total = edge_list_messages(torch.zeros_like(sender), sender, edge_index, *layers, reduction="sum", backend=backend)
    assert total.flatten().tolist() == [0.0, 0.0, 0.0, 3.0]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mixed", [False, True])
def test_mean_in_range_is_finite_in_float16_where_the_sum_is_not(mixed: bool, backend: str) -> None:
    slots = torch.tensor([[20.0], [10.0]], dtype=torch.float16, requires_grad=True)
    one, zero = torch.ones(1, 1, dtype=torch.float16), torch.zeros(1, dtype=torch.float16)
    layers = [one.float() if mixed else one] * 2, [zero.float() if mixed else zero] * 2
    edge_index = torch.tensor([[0] * 4_000, [1] * 4_000])
    options: dict[str, Any] = {"backend": backend}
    with torch.autocast("cpu", torch.float16, enabled=mixed):
        mean, total = (
            edge_list_messages(slots, slots, edge_index, *layers, reduction=name, **options) for name in ("mean", "sum")
        )
    assert mean.flatten().tolist() == [0.0, 30.0]
    assert total.flatten().tolist() == [0.0, 120_000.0 if mixed else torch.inf]  # mixed, it is float32
    (grad,) = torch.autograd.grad(mean.sum(), slots)
    torch.testing.assert_close(grad.flatten().float(), torch.ones(2), rtol=5e-3, atol=0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_graph_without_nodes_gives_nothing(reduction: str, backend: str) -> None:
    parts = make_parts(0)
    out = messages(parts, torch.empty(2, 0, dtype=torch.int64), reduction=reduction, backend=backend)
    assert out.shape == (0, 3)
    assert all(grad.abs().sum() == 0 for grad in torch.autograd.grad(out.sum(), parts))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_plain_pytorch_maps_over_samples(reduction: str) -> None:
    parts = [part.detach() for part in make_parts(8)]
    edge_index = torch.tensor([[0, 1, 2], [1, 1, 3]])

    def of_sample(receiver: Tensor, sender: Tensor) -> Tensor:
        return messages([receiver, sender, *parts[2:]], edge_index, reduction=reduction, backend="torch")

    samples = parts[0].view(2, 4, 4), parts[1].view(2, 4, 4)
    mapped = torch.func.vmap(of_sample)(*samples)
    torch.testing.assert_close(mapped, torch.stack([of_sample(*one) for one in zip(*samples, strict=True)]))


def test_radius_edges_connect_near_slots_of_the_same_sample() -> None:
    positions = torch.tensor([[[0.0, 0.0], [0.3, 0.4], [2.0, 0.0]], [[0.0, 0.0], [9.0, 9.0], [0.0, 0.5]]])
    edges = set(map(tuple, radius_edges(positions, 0.5).T.tolist()))
    assert edges == {(0, 1), (1, 0), (3, 5), (5, 3)}


def test_radius_edges_of_many_slots_far_from_the_origin_are_those_of_float64() -> None:
    places = torch.cartesian_prod(torch.arange(5), torch.arange(6)).float()
    positions = torch.stack([0.1 * places + 100, 0.01 * places - 30])
    exact = positions.double()
    distance = (exact.unsqueeze(2) - exact.unsqueeze(1)).norm(dim=-1)
    for sample, radius in ((0, 0.12), (1, 0.012)):  # the diagonals of the grids are 0.14 and 0.014
        near = (distance[sample] <= radius) & ~torch.eye(30, dtype=torch.bool)
        source, target = radius_edges(positions[sample : sample + 1], radius)
        found = torch.zeros(30, 30, dtype=torch.bool)
        found[target, source] = True
        assert torch.equal(found, near)
        assert torch.equal(found, found.T)
        assert near.any(dim=1).all()


def test_auto_uses_plain_pytorch_where_torch_scatter_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    parts, edge_index = make_parts(3), torch.tensor([[0, 1], [1, 2]])
    torch.testing.assert_close(messages(parts, edge_index), messages(parts, edge_index, backend="torch"))


def test_torch_scatter_that_is_asked_for_and_missing_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch_scatter", None)
    with pytest.raises(DependencyNotInstalled, match=r"--no-build-isolation \"rmr-gym\[scatter\]"):
        messages(make_parts(3), torch.tensor([[0, 1], [1, 2]]), backend="torch_scatter")


@pytest.mark.parametrize("options", [{"reduction": "median"}, {"backend": "dgl"}, {"biases": []}])
def test_impossible_requests_are_refused(options: dict[str, Any]) -> None:
    parts = make_parts(2)
    arguments = {"weights": parts[2:4], "biases": parts[4:], "edge_index": torch.zeros(2, 1, dtype=torch.int64)}
    with pytest.raises(ValueError, match="xpected"):
        inspect.unwrap(edge_list_messages)(parts[0], parts[1], **(arguments | options))
