from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.preprocessing import preprocess_obs

from rmr_gym.sb3.input_format import input_format
from tests.sb3.tiny_worlds import LAYOUTS

BYTES = [spaces.Box(0, 255, shape, np.uint8) for shape in LAYOUTS.values()]
OTHERS = [spaces.Box(0, 255, (4, 84, 84), np.float32), spaces.Box(0, 255, (3, 84, 84), np.int64)]


@pytest.mark.parametrize("normalize_images", [True, False])
@pytest.mark.parametrize("space", [*BYTES, *OTHERS], ids=str)
def test_pictures_are_in_unit_range_however_stable_baselines3_passes_them(
    space: spaces.Box, normalize_images: bool
) -> None:
    pictures = torch.arange(256).repeat(2 * 84 * 84)[: 2 * np.prod(space.shape)].reshape(2, *space.shape)
    passed = preprocess_obs(pictures, space, normalize_images=normalize_images)
    unit = input_format(space, normalize_images=normalize_images).accept(passed)
    assert torch.equal(unit, pictures.float() / 255)


def test_floats_in_unit_range_and_bytes_are_left_alone() -> None:
    pictures = torch.rand(2, 84, 84, generator=torch.Generator().manual_seed(0))
    assert input_format(spaces.Box(0, 1, (84, 84), np.float32)).accept(pictures) is pictures
    whole = torch.zeros(2, 84, 84, dtype=torch.uint8)
    assert input_format(spaces.Box(0, 255, (84, 84), np.uint8)).accept(whole) is whole


def test_policy_that_does_not_divide_behind_the_extractors_back_is_found_out() -> None:
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    passed = preprocess_obs(torch.full((1, 4, 84, 84), 7, dtype=torch.uint8), space, normalize_images=False)
    with pytest.raises(ValueError, match=r"values from 7 to 7.*normalize_images=False to the policy and to"):
        input_format(space).accept(passed)


def test_policy_that_divides_behind_the_extractors_back_is_found_out() -> None:
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    passed = preprocess_obs(torch.full((1, 4, 84, 84), 51, dtype=torch.uint8), space)
    with pytest.raises(ValueError, match=r"whole numbers; got values from 0.2 to 0.2.*say it to the policy as well"):
        input_format(space, normalize_images=False).accept(passed)


@pytest.mark.parametrize("value", [-0.5, 1.5, float("nan")])
def test_values_outside_the_space_are_refused(value: float) -> None:
    arriving = input_format(spaces.Box(0, 1, (84, 84), np.float32))
    with pytest.raises(ValueError, match=r"in 0..1; got values from"):
        arriving.accept(torch.full((1, 84, 84), value))


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-10, 10, (84, 84), np.float32),  # what VecNormalize makes
        spaces.Box(0, 1, (84, 84), np.uint8),
        spaces.Box(-128, 127, (84, 84), np.int8),
        spaces.Box(0, np.inf, (84, 84), np.float32),
    ],
    ids=str,
)
def test_spaces_whose_range_says_nothing_are_refused(space: spaces.Box) -> None:
    with pytest.raises(ValueError, match=r"0..255 or in 0..1; got a Box .* VecNormalize"):
        input_format(space)


def test_space_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="a Box of pictures"):
        input_format(spaces.Discrete(3))
