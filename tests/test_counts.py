from __future__ import annotations

import json

import numpy as np
import pytest

from rmr_gym.counts import as_count, as_seed


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integers_come_back_as_those_of_python(value: object) -> None:
    count = as_count("size", value)
    assert type(count) is int
    assert json.dumps(count) == "3"


@pytest.mark.parametrize("value", [True, np.True_, 3.0, np.float64(3), "3", None, 1])
def test_anything_else_is_named(value: object) -> None:
    with pytest.raises(ValueError, match=r"size as an integer of at least 2; got .*\. Pass for example size=4"):
        as_count("size", value, least=2)


def test_seeds_are_integers_of_any_sign() -> None:
    for value in (np.int64(-3), -3):
        assert type(as_seed(value)) is int
        assert as_seed(value) == -3
    for wrong in (True, 3.0, "3", None):
        with pytest.raises(ValueError, match=r"an integer as seed; got"):
            as_seed(wrong)
