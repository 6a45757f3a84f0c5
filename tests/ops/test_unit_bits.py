from __future__ import annotations

import pytest
import torch

from rmr_gym.ops.unit_bits import pack_open_, unpack_open

DTYPES = [torch.float64, torch.float32, torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(1, 1, 1, 8), (2, 3, 4, 6), (1, 16, 16, 64), (3, 2, 8, 1)], ids=str)
def test_bits_tell_which_units_are_positive(shape: tuple[int, int, int, int], dtype: torch.dtype) -> None:
    layer = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype).relu()
    positive = layer > 0
    bits = pack_open_(layer)
    assert bits.dtype == torch.uint8
    assert bits.numel() * 8 == layer.numel()
    found = unpack_open(bits, shape[3], dtype)
    assert found.dtype == dtype
    assert torch.equal(found, positive.to(dtype))


def test_smallest_and_largest_numbers_are_open_and_both_zeros_closed() -> None:
    layer = torch.tensor([1e-45, 3e38, 0.0, -0.0, float("inf"), 1.0, 2e9, 0.0]).view(1, 1, 1, 8)
    assert unpack_open(pack_open_(layer), 8, torch.float32).flatten().tolist() == [1, 1, 0, 0, 1, 1, 1, 0]


def test_a_number_that_is_none_spoils_no_other() -> None:
    layer = torch.full((1, 1, 2, 8), 1.0)
    layer[0, 0, 0, 3], layer[0, 0, 1, 5] = float("nan"), -float("nan")
    others = layer.isnan().logical_not()
    assert unpack_open(pack_open_(layer), 8, torch.float32)[others].tolist() == [1] * 14
