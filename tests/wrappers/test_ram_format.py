from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from rmr_gym.wrappers.ram_format import RamFormat, encode_ram, ram_space

RAM = arrays(np.uint8, 128)


@pytest.mark.parametrize("ram_format", ["bytes", "bits", "float"])
@given(ram=RAM)
def test_encoded_ram_is_a_new_array_of_its_space(ram_format: RamFormat, ram: np.ndarray) -> None:
    encoded = encode_ram(ram, ram_format)
    assert ram_space(ram_format).contains(encoded)
    assert not np.shares_memory(encoded, ram)


@given(ram=RAM)
def test_bits_and_floats_keep_the_bytes(ram: np.ndarray) -> None:
    np.testing.assert_array_equal(np.packbits(encode_ram(ram, "bits").reshape(128, 8), axis=1)[:, 0], ram)
    np.testing.assert_array_equal(np.rint(encode_ram(ram, "float") * 255), ram)


def test_bits_start_with_the_most_significant() -> None:
    bits = encode_ram(np.array([0b10000001, 0b01000000], dtype=np.uint8), "bits")
    np.testing.assert_array_equal(bits, [1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0])


def test_floats_reach_from_zero_to_one() -> None:
    np.testing.assert_array_equal(encode_ram(np.array([0, 51, 255], dtype=np.uint8), "float"), np.float32([0, 0.2, 1]))
