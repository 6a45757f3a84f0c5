import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rmr_gym.ops import REDUCTIONS, all_pairs, all_pairs_messages


def edge_list_messages(parts: list[Tensor], reduction: str) -> Tensor:
    """The plain definition: every edge in memory."""
    receiver, sender, hidden_weight, hidden_bias, output_weight, output_bias = parts
    edges = torch.relu(receiver.unsqueeze(2) + sender.unsqueeze(1))
    edges = torch.relu(edges @ hidden_weight.T + hidden_bias) @ output_weight.T + output_bias
    return edges.amax(2) if reduction == "max" else getattr(edges, reduction)(2)


def make_parts(batch: int, slots: int, widths: tuple[int, int, int], seed: int = 0) -> list[Tensor]:
    first, second, out = widths
    shapes = [(batch, slots, first), (batch, slots, first), (second, first), (second,), (out, second), (out,)]
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]


def test_messages_match_a_hand_computed_case() -> None:
    receiver = torch.tensor([[[1.0], [-1.0]]])
    sender = torch.tensor([[[0.0], [2.0]]])
    parts = [receiver, sender, torch.tensor([[2.0]]), torch.tensor([-1.0]), torch.tensor([[3.0]]), torch.tensor([0.5])]
    # Edges (receiver, sender): (1+0)->1->1->3.5, (1+2)->3->5->15.5; (-1+0)->0->0->0.5, (-1+2)->1->1->3.5.
    assert all_pairs_messages(*parts, reduction="sum").flatten().tolist() == [19.0, 4.0]
    assert all_pairs_messages(*parts, reduction="mean").flatten().tolist() == [9.5, 2.0]
    assert all_pairs_messages(*parts, reduction="max").flatten().tolist() == [15.5, 3.5]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@given(
    batch=st.integers(1, 4),
    slots=st.integers(1, 6),
    widths=st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25, deadline=None)
def test_messages_and_gradients_equal_the_edge_list(
    reduction: str, batch: int, slots: int, widths: tuple[int, int, int], seed: int
) -> None:
    parts = make_parts(batch, slots, widths, seed)
    ours, plain = all_pairs_messages(*parts, reduction=reduction), edge_list_messages(parts, reduction)
    torch.testing.assert_close(ours, plain)
    cotangent = torch.randn(ours.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        torch.autograd.grad(ours, parts, cotangent), torch.autograd.grad(plain, parts, cotangent)
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_messages_equal_those_of_torch_scatter_on_an_edge_list(reduction: str) -> None:
    from torch_scatter import scatter  # `make test` builds it

    parts = make_parts(3, 5, (4, 4, 4))
    receiver, sender, hidden_weight, hidden_bias, output_weight, output_bias = parts
    targets, sources = torch.cartesian_prod(torch.arange(5), torch.arange(5)).T
    edges = torch.relu(receiver[:, targets] + sender[:, sources])
    edges = torch.relu(edges @ hidden_weight.T + hidden_bias) @ output_weight.T + output_bias
    plain = scatter(edges, targets, dim=1, dim_size=5, reduce=reduction)
    ours = all_pairs_messages(*parts, reduction=reduction)
    torch.testing.assert_close(ours, plain)
    grads = (torch.autograd.grad(out.square().sum(), parts) for out in (ours, plain))
    torch.testing.assert_close(*grads)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_gradients_pass_gradcheck_when_a_chunk_holds_several_samples_or_one(
    reduction: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for edges_per_chunk in (1, 2 * 3**2):  # one sample a chunk; two, with one left over
        monkeypatch.setitem(all_pairs._EDGES_PER_CHUNK, "cpu", edges_per_chunk)
        parts = make_parts(3, 3, (2, 3, 2))
        assert torch.autograd.gradcheck(lambda *args: all_pairs_messages(*args, reduction=reduction), parts)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_frozen_weights_get_no_gradient_and_inputs_the_same(reduction: str) -> None:
    parts = make_parts(2, 4, (3, 3, 3))
    frozen = [part.detach().requires_grad_(index < 2) for index, part in enumerate(parts)]
    trained_grads = torch.autograd.grad(all_pairs_messages(*parts, reduction=reduction).sum(), parts[:2])
    all_pairs_messages(*frozen, reduction=reduction).sum().backward()
    assert all(part.grad is None for part in frozen[2:])
    torch.testing.assert_close((frozen[0].grad, frozen[1].grad), trained_grads)


def test_inputs_are_left_as_they_are() -> None:
    parts = make_parts(2, 4, (3, 3, 3))
    copies = [part.detach().clone() for part in parts]
    all_pairs_messages(*parts, reduction="mean").sum().backward()
    for part, copy in zip(parts, copies, strict=True):
        assert torch.equal(part, copy)


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_bfloat16_stays_near_float64_in_value_and_gradients(reduction: str) -> None:
    parts = make_parts(40, 16, (8, 8, 8))  # 40 chunks: sums of weight gradients must not stop growing
    low = [part.detach().to(torch.bfloat16 if index < 2 else torch.float32) for index, part in enumerate(parts)]
    exact = [part.double().requires_grad_() for part in low]
    low = [part.requires_grad_() for part in low]
    ours, plain = all_pairs_messages(*low, reduction=reduction), edge_list_messages(exact, reduction)
    assert ours.dtype == torch.bfloat16
    grads, expected = (
        torch.autograd.grad(out.double().square().mean(), ins) for out, ins in ((ours, low), (plain, exact))
    )
    for got, want in zip((ours, *grads), (plain, *expected), strict=True):
        assert (got.double() - want).norm() < (0.05 if reduction != "max" else 0.3) * want.norm()


def test_memory_does_not_grow_with_the_edges_of_the_whole_batch() -> None:
    # 8 samples x 64 x 64 edges x 32 floats would be 4.2 MB per edge tensor; saved for backward must be far less.
    batch, slots, width = 8, 64, 32
    parts = make_parts(batch, slots, (width, width, width))
    saved: list[int] = []

    def record(tensor: Tensor) -> Tensor:
        saved.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(record, lambda tensor: tensor):
        all_pairs_messages(*parts, reduction="mean")
    assert max(saved) <= batch * slots * width
