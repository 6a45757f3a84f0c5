from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector.utils import batch_space

from rmr_gym.wrappers.pair_space import PairSpace

PARTS = {"pixels": spaces.Box(0, 255, (2, 3), np.uint8), "ram": spaces.Box(0, 255, (128,), np.uint8)}


def test_pair_space_equals_the_plain_dictionary_both_ways() -> None:
    assert PairSpace(PARTS) == spaces.Dict(PARTS)
    assert spaces.Dict(PARTS) == PairSpace(PARTS)
    assert PairSpace(PARTS) != spaces.Dict({"ram": PARTS["ram"]})
    assert str(PairSpace(PARTS)) == str(spaces.Dict(PARTS))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda space: pickle.loads(pickle.dumps(space))])
def test_copies_are_plain_dictionaries_that_draw_the_same_samples(copied: Callable[[PairSpace], spaces.Dict]) -> None:
    space = PairSpace(PARTS)
    space.seed(3)
    again = copied(space)
    assert type(again) is spaces.Dict
    assert again == space
    np.testing.assert_array_equal(again.sample()["ram"], space.sample()["ram"])


def test_vector_environments_can_batch_it() -> None:
    assert batch_space(PairSpace(PARTS), 5) == batch_space(spaces.Dict(PARTS), 5)


def test_type_prints_as_advice() -> None:
    assert "Put PairedObservation outside" in f"{PairSpace}"
