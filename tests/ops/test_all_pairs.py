import inspect
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rmr_gym.ops import REDUCTIONS, all_pairs_messages, edge_chunks
from rmr_gym.ops.edge_products import edge_layer

Parts = tuple[Tensor, Tensor, list[Tensor], list[Tensor]]


def edge_list_messages(parts: Parts, reduction: str, *, self_edges: bool = True) -> Tensor:
    """The plain definition: every edge in memory."""
    receiver, sender, weights, biases = parts
    edges = receiver.unsqueeze(-2) + sender.unsqueeze(-3)
    for weight, bias in zip(weights, biases, strict=True):
        edges = edges.relu() @ weight.mT.unsqueeze(-3).unsqueeze(-3) + bias[..., None, None, None, :]
    edges = edges.movedim(-2, 0)  # the sender in front
    if reduction == "max":
        return edges.amax(0)
    is_sender = torch.ones(edges.shape[0], edges.shape[-2], dtype=edges.dtype)
    is_sender -= 0 if self_edges else torch.eye(edges.shape[0], dtype=edges.dtype)
    total = torch.einsum("s...rd,sr->...rd", edges, is_sender)
    return total if reduction == "sum" else total / is_sender.sum(0)[:, None]


def make_parts(
    batch: int, slots: int, widths: Sequence[int], seed: int = 0, *, ensemble: tuple[int, ...] = ()
) -> Parts:
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*ensemble, *shape, dtype=torch.float64, generator=generator).requires_grad_()

    weights = [draw(wide, narrow) for narrow, wide in itertools.pairwise(widths)]
    biases = [draw(wide) for wide in widths[1:]]
    return draw(batch, slots, widths[0]), draw(batch, slots, widths[0]), weights, biases


def flat(parts: Parts) -> list[Tensor]:
    receiver, sender, weights, biases = parts
    return [receiver, sender, *weights, *biases]


def unflat(tensors: Sequence[Tensor]) -> Parts:
    half = (len(tensors) - 2) // 2
    return tensors[0], tensors[1], list(tensors[2 : 2 + half]), list(tensors[2 + half :])


def assert_equal_with_gradients(ours: Tensor, plain: Tensor, parts: Parts) -> None:
    torch.testing.assert_close(ours, plain)
    cotangent = torch.randn(ours.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    got, want = (torch.autograd.grad(out, flat(parts), cotangent) for out in (ours, plain))
    torch.testing.assert_close(got, want)


def test_messages_match_a_hand_computed_case() -> None:
    receiver, sender = torch.tensor([[[1.0], [-1.0]]]), torch.tensor([[[0.0], [2.0]]])
    layers = [torch.tensor([[2.0]]), torch.tensor([[3.0]])], [torch.tensor([-1.0]), torch.tensor([0.5])]

    def messages(**options: Any) -> list[float]:
        return list(all_pairs_messages(receiver, sender, *layers, **options).flatten().tolist())

    # Edges (receiver, sender): (1+0)->1->1->3.5, (1+2)->3->5->15.5; (-1+0)->0->0->0.5, (-1+2)->1->1->3.5.
    assert messages(reduction="sum") == [19.0, 4.0]
    assert messages(reduction="mean") == [9.5, 2.0]
    assert messages(reduction="max") == [15.5, 3.5]
    assert messages(reduction="sum", self_edges=False) == [15.5, 0.5]
    assert messages(reduction="mean", self_edges=False) == [15.5, 0.5]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@given(
    batch=st.integers(1, 4),
    slots=st.integers(1, 6),
    widths=st.lists(st.integers(1, 5), min_size=3, max_size=5),
    ensemble=st.sampled_from([(), (1,), (3,)]),
    numbers_per_chunk=st.sampled_from([1, 40, 10**6]),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25, deadline=None)
def test_messages_and_gradients_equal_the_edge_list(
    reduction: str,
    batch: int,
    slots: int,
    widths: list[int],
    ensemble: tuple[int, ...],
    numbers_per_chunk: int,
    seed: int,
) -> None:
    with pytest.MonkeyPatch.context() as patch:  # some receivers of a sample, some samples, or everything at once
        patch.setitem(edge_chunks.CHUNK_NUMBERS, "cpu", numbers_per_chunk)
        parts = make_parts(batch, slots, widths, seed, ensemble=ensemble)
        ours = all_pairs_messages(*parts, reduction=reduction)
        assert_equal_with_gradients(ours, edge_list_messages(parts, reduction), parts)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_slots_do_not_hear_themselves_without_self_edges(reduction: str) -> None:
    parts = make_parts(2, 5, (3, 4, 3, 2), ensemble=(2,))
    ours = all_pairs_messages(*parts, reduction=reduction, self_edges=False)
    assert_equal_with_gradients(ours, edge_list_messages(parts, reduction, self_edges=False), parts)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_lonely_slot_hears_nothing_without_self_edges(reduction: str) -> None:
    parts = make_parts(2, 1, (3, 4, 2))
    assert all_pairs_messages(*parts, reduction=reduction, self_edges=False).abs().max() == 0


@pytest.mark.parametrize(("reduction", "self_edges"), [(name, True) for name in REDUCTIONS] + [("mean", False)])
@pytest.mark.parametrize(("batch", "slots"), [(0, 5), (3, 0), (0, 0)])
@pytest.mark.parametrize("ensemble", [(), (2,)], ids=str)
def test_no_samples_or_no_slots_give_no_messages(
    reduction: str, self_edges: bool, batch: int, slots: int, ensemble: tuple[int, ...]
) -> None:
    parts = make_parts(batch, slots, (3, 4, 2), ensemble=ensemble)
    messages = all_pairs_messages(*parts, reduction=reduction, self_edges=self_edges)
    assert messages.shape == (*ensemble, batch, slots, 2)
    assert all(grad.abs().sum() == 0 for grad in torch.autograd.grad(messages.sum(), flat(parts)))
    frozen = [part.detach() for part in flat(parts)]
    assert torch.equal(all_pairs_messages(*unflat(frozen), reduction=reduction, self_edges=self_edges), messages)
    if ensemble:
        mapped = torch.func.vmap(
            lambda *some: all_pairs_messages(*unflat(some), reduction=reduction, self_edges=self_edges)
        )
        assert mapped(*frozen).shape == messages.shape


def test_mean_without_self_edges_is_finite_in_float16_where_the_sum_is_not() -> None:
    slots = torch.full((1, 1_200, 2), 30.0, dtype=torch.float16).requires_grad_()
    layers = [torch.eye(2, dtype=torch.float16)] * 2, [torch.zeros(2, dtype=torch.float16)] * 2
    mean, total = (
        all_pairs_messages(slots, slots, *layers, reduction=reduction, self_edges=False)  # type: ignore[arg-type]
        for reduction in ("mean", "sum")
    )
    assert (mean == 60).all()
    assert (total == torch.inf).all()  # 1,199 * 60
    (grad,) = torch.autograd.grad(mean.sum(), slots)
    torch.testing.assert_close(grad.float(), torch.full_like(grad, 2.0).float(), rtol=5e-3, atol=0)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("numbers_per_chunk", [1, 10**6])
def test_gradients_of_senders_in_bfloat16_do_not_stop_growing(
    reduction: str, numbers_per_chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(edge_chunks.CHUNK_NUMBERS, "cpu", numbers_per_chunk)
    one, zero = torch.ones(1, 1, dtype=torch.bfloat16), torch.zeros(1, dtype=torch.bfloat16)
    sender = torch.ones(1, 512, 1, dtype=torch.bfloat16, requires_grad=True)
    all_pairs_messages(torch.zeros_like(sender), sender, [one, one], [zero, zero], reduction=reduction).sum().backward()
    assert sender.grad is not None
    expected = {"max": [512.0] + 511 * [0.0], "mean": 512 * [1.0], "sum": 512 * [512.0]}[reduction]
    assert sender.grad.flatten().tolist() == expected


@pytest.mark.parametrize("shapes", [((2, 5, 2), (2, 7, 2)), ((2, 5, 2), (1, 5, 2)), ((5, 2), (5, 2))])
def test_receivers_and_senders_that_are_not_the_same_slots_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    linear, (receiver, sender) = nn.Linear(2, 2), (torch.ones(shape) for shape in shapes)
    with pytest.raises(ValueError, match="receiver and sender of one shape"):
        inspect.unwrap(all_pairs_messages)(receiver, sender, [linear.weight] * 2, [linear.bias] * 2, reduction="sum")


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_messages_equal_those_of_torch_scatter_on_an_edge_list(reduction: str) -> None:
    from torch_scatter import scatter  # `make test` builds it

    parts = make_parts(3, 5, (4, 4, 4))
    receiver, sender, weights, biases = parts
    targets, sources = torch.cartesian_prod(torch.arange(5), torch.arange(5)).T
    edges = torch.relu(receiver[:, targets] + sender[:, sources])
    edges = torch.relu(edges @ weights[0].T + biases[0]) @ weights[1].T + biases[1]
    plain = scatter(edges, targets, dim=1, dim_size=5, reduce=reduction)
    assert_equal_with_gradients(all_pairs_messages(*parts, reduction=reduction), plain, parts)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("numbers_per_chunk", [1, 15])
def test_gradients_pass_gradcheck(reduction: str, numbers_per_chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # One receiver at a time, or one sample of 2 x 2 x 3 numbers. Gradients of more are compared with the edge list.
    monkeypatch.setitem(edge_chunks.CHUNK_NUMBERS, "cpu", numbers_per_chunk)
    for ensemble in ((), (2,)):
        tensors = flat(make_parts(2, 2, (2, 3, 2), ensemble=ensemble))
        assert torch.autograd.gradcheck(lambda *some: all_pairs_messages(*unflat(some), reduction=reduction), tensors)


def test_gradients_of_gradients_are_refused() -> None:
    parts = make_parts(1, 2, (2, 2, 2))
    grad = torch.autograd.grad(all_pairs_messages(*parts).square().sum(), parts[0], create_graph=True)[0]
    with pytest.raises(NotImplementedError, match="first gradients"):
        grad.sum().backward()


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("mapped", ["weights", "slots", "both"])
def test_vmap_equals_a_loop(reduction: str, mapped: str) -> None:
    parts = flat(make_parts(2, 4, (3, 5, 2), ensemble=(3,)))
    in_dims = [0 if mapped in ("both", "slots" if index < 2 else "weights") else None for index in range(len(parts))]
    given = [part.detach() if dim == 0 else part[0].detach() for part, dim in zip(parts, in_dims, strict=True)]

    def loss(*tensors: Tensor) -> Tensor:
        return all_pairs_messages(*unflat(tensors), reduction=reduction).square().sum()

    def of_member(member: int) -> list[Tensor]:
        return [one[member] if dim == 0 else one for one, dim in zip(given, in_dims, strict=True)]

    every = tuple(range(len(parts)))
    looped = [loss(*of_member(member)) for member in range(3)]
    torch.testing.assert_close(torch.func.vmap(loss, tuple(in_dims))(*given), torch.stack(looped))
    grads = torch.func.vmap(torch.func.grad(loss, every), tuple(in_dims))(*given)
    expected = [torch.func.grad(loss, every)(*of_member(member)) for member in range(3)]
    torch.testing.assert_close(grads, tuple(torch.stack(one) for one in zip(*expected, strict=True)))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradients_of_stacked_weights_through_vmap_equal_the_ensemble_axis(reduction: str) -> None:
    parts = make_parts(2, 4, (3, 5, 2), ensemble=(3,))
    mapped = torch.func.vmap(lambda *some: all_pairs_messages(*unflat(some), reduction=reduction))(*flat(parts))
    assert_equal_with_gradients(all_pairs_messages(*parts, reduction=reduction), mapped, parts)


def test_jacobian_maps_over_cotangents_alone() -> None:
    receiver, sender, weights, biases = (
        part.detach() if isinstance(part, Tensor) else [one.detach() for one in part]
        for part in make_parts(1, 3, (2, 3, 2))
    )

    def messages(slots: Tensor) -> Tensor:
        return all_pairs_messages(slots, sender, weights, biases, reduction="max")

    torch.testing.assert_close(
        torch.func.jacrev(messages)(receiver), torch.autograd.functional.jacobian(messages, receiver)
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_functional_call_with_stacked_weights_equals_every_module(reduction: str) -> None:
    from rmr_gym.models.processors import MpnnConfig

    modules = [MpnnConfig(slot_dim=6, reduction=reduction, num_passes=2).build(5).double() for _ in range(3)]
    stacked, _ = torch.func.stack_module_state(modules)
    slots, action = torch.randn(4, 5, 6, dtype=torch.float64), torch.tensor([0, 3, 17, 2])

    def process(parameters: dict[str, Tensor]) -> Tensor:
        result: Tensor = torch.func.functional_call(modules[0], parameters, (slots, action))
        return result

    torch.testing.assert_close(
        torch.func.vmap(process)(stacked), torch.stack([module(slots, action) for module in modules])
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    "widths", [(3, 3, 3), (4, 6, 4), (8, 5, 2, 8)], ids=str
)  # with four slots bits fill bytes or not
@pytest.mark.parametrize("ensemble", [(), (2,)], ids=str)
@pytest.mark.parametrize("numbers_per_chunk", [1, 10**6])
def test_frozen_weights_get_no_gradient_and_inputs_the_same(
    reduction: str,
    widths: tuple[int, ...],
    ensemble: tuple[int, ...],
    numbers_per_chunk: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(edge_chunks.CHUNK_NUMBERS, "cpu", numbers_per_chunk)
    parts = flat(make_parts(2, 4, widths, ensemble=ensemble))
    frozen = [part.detach().requires_grad_(index < 2) for index, part in enumerate(parts)]
    trained_out, frozen_out = (all_pairs_messages(*unflat(many), reduction=reduction) for many in (parts, frozen))
    assert torch.equal(trained_out, frozen_out)
    trained_grads = torch.autograd.grad(trained_out.square().sum(), parts[:2])
    frozen_out.square().sum().backward()
    assert all(part.grad is None for part in frozen[2:])
    torch.testing.assert_close((frozen[0].grad, frozen[1].grad), trained_grads)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize(("kept", "slots"), [(True, 4), (False, 3)])
def test_backward_of_a_mean_makes_the_last_layer_again_only_where_bits_do_not_fill_bytes(
    kept: bool, slots: int, frozen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers_made: list[int] = []
    monkeypatch.setattr(edge_chunks, "edge_layer", lambda *args: layers_made.append(1) or edge_layer(*args))
    parts = flat(make_parts(1, slots, (6, 6, 6)))
    parts = [part.detach().requires_grad_(index < 2 or not frozen) for index, part in enumerate(parts)]
    out = all_pairs_messages(*unflat(parts), reduction="mean").sum()
    assert len(layers_made) == 1
    out.backward()
    assert len(layers_made) == (1 if kept else 2)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_winners_of_equal_messages_are_the_first_and_only_they_get_gradients(reduction: str) -> None:
    receiver, sender = torch.zeros(1, 3, 1), torch.ones(1, 3, 1, requires_grad=True)
    layers = [torch.ones(1, 1), torch.ones(1, 1)], [torch.zeros(1), torch.zeros(1)]
    all_pairs_messages(receiver, sender, *layers, reduction=reduction).sum().backward()
    assert sender.grad is not None
    expected = {"max": [3.0, 0.0, 0.0], "mean": [1.0] * 3, "sum": [3.0] * 3}[reduction]
    torch.testing.assert_close(sender.grad.flatten(), torch.tensor(expected))


def test_inputs_are_left_as_they_are() -> None:
    parts = make_parts(2, 4, (3, 3, 3))
    copies = [part.detach().clone() for part in flat(parts)]
    all_pairs_messages(*parts, reduction="mean").sum().backward()
    for part, copy in zip(flat(parts), copies, strict=True):
        assert torch.equal(part, copy)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_bfloat16_stays_near_float64_in_value_and_gradients(reduction: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(edge_chunks.CHUNK_NUMBERS, "cpu", 1)  # sums of weight gradients must not stop growing
    parts = flat(make_parts(40, 16, (8, 8, 8)))
    low = [part.detach().to(torch.bfloat16 if index < 2 else torch.float32) for index, part in enumerate(parts)]
    exact = [part.double().requires_grad_() for part in low]
    low = [part.requires_grad_() for part in low]
    ours = all_pairs_messages(*unflat(low), reduction=reduction)
    plain = edge_list_messages(unflat(exact), reduction)
    assert ours.dtype == torch.bfloat16
    grads, expected = (
        torch.autograd.grad(out.double().square().mean(), ins) for out, ins in ((ours, low), (plain, exact))
    )
    for got, want in zip((ours, *grads), (plain, *expected), strict=True):
        assert (got.double() - want).norm() < (0.05 if reduction != "max" else 0.3) * want.norm()


def test_memory_grows_with_the_edges_by_a_bit_per_unit() -> None:
    batch, slots, width = 8, 64, 32
    parts = make_parts(batch, slots, (width, width, width))
    saved: list[int] = []

    def record(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel() * tensor.element_size())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor):
        all_pairs_messages(*parts, reduction="mean")
    bits, numbers = batch * slots * slots * width // 8, batch * slots * width * parts[0].element_size()
    assert max(saved) == bits
    assert all(size <= numbers for size in saved if size != bits)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(("slots", "width"), [(1, 1), (3, 5), (10, 16), (33, 64)])
@pytest.mark.parametrize("numbers_per_chunk", [1_000, 10**6])
def test_float32_stays_near_float64_in_value_and_gradients(
    reduction: str, slots: int, width: int, numbers_per_chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # float32 has products of its own on a CPU, hence odd sizes and chunks.
    monkeypatch.setitem(edge_chunks.CHUNK_NUMBERS, "cpu", numbers_per_chunk)
    exact = flat(make_parts(3, slots, (width, width, width, width), ensemble=(2,)))
    single = [part.detach().float().requires_grad_() for part in exact]
    exact = [part.detach().double().requires_grad_() for part in single]
    ours = all_pairs_messages(*unflat(single), reduction=reduction)
    plain = edge_list_messages(unflat(exact), reduction)
    grads, expected = (torch.autograd.grad(out.sum(), ins) for out, ins in ((ours, single), (plain, exact)))
    for got, want in zip((ours, *grads), (plain, *expected), strict=True):
        assert (got.double() - want).norm() <= 1e-5 * want.norm()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reduction": "median"}, "a known reduction"),
        ({"reduction": "max", "self_edges": False}, "self-edges with the maximum"),
        ({"biases": []}, "two or more layers"),
        ({"weights": [torch.ones(2, 2)], "biases": [torch.ones(2)]}, "two or more layers"),
    ],
)
def test_impossible_requests_are_refused(change: dict[str, Any], message: str) -> None:
    linear = nn.Linear(2, 2)
    layers = {"weights": [linear.weight] * 2, "biases": [linear.bias] * 2}
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(all_pairs_messages)(torch.ones(1, 2, 2), torch.ones(1, 2, 2), **(layers | change))
