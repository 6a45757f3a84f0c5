from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from rmr_gym.ops import edge_products
from rmr_gym.ops.edge_products import edge_layer, edge_layer_backward

SHAPES = [(1, 1, 1), (1, 3, 5), (2, 16, 1), (3, 7, 7), (1, 40, 9)]
"""Samples, receivers and senders: fewer and more than the 16 pictures from which on PyTorch asks oneDNN."""


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("convolution", [True, False])
@pytest.mark.parametrize("widths", [(1, 1), (1, 6), (6, 1), (4, 3)], ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products_are_those_of_float64(
    shape: tuple[int, int, int],
    widths: tuple[int, int],
    convolution: bool,
    threads: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(edge_products, "_by_convolution", lambda edges: convolution)
    (hidden, dim), generator = widths, torch.Generator().manual_seed(0)
    edges, weight = torch.randn(*shape, hidden, generator=generator), torch.randn(dim, hidden, generator=generator)
    bias, grad = torch.randn(dim, generator=generator), torch.randn(*shape, dim, generator=generator)
    torch.testing.assert_close(edge_layer(edges, weight, bias), (edges.double() @ weight.double().T + bias).float())
    of_edges, of_weight = edge_layer_backward(grad, edges, weight, needs_weight=True)
    torch.testing.assert_close(of_edges, (grad.double() @ weight.double()).float())
    expected = torch.einsum("brsd,brsh->dh", grad.double(), edges.double())
    torch.testing.assert_close(of_weight, expected.float())
    again, nothing = edge_layer_backward(grad, edges, weight, needs_weight=False)
    assert nothing is None
    torch.testing.assert_close(again, of_edges)


@pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this PyTorch has no oneDNN")
def test_onednn_is_asked_also_with_one_thread(threads: int) -> None:
    pictures = edge_products._as_pictures(torch.randn(1, 128, 128, 64))
    assert pictures.is_contiguous(memory_format=torch.channels_last)
    kernel = edge_products._as_kernel(torch.randn(64, 64))
    chosen = torch._C._select_conv_backend(  # type: ignore[attr-defined]
        pictures, kernel, None, *edge_products._NO_PADDING
    )
    assert chosen.name.startswith("Mkldnn")
