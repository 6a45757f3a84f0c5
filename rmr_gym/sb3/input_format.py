"""In which range Stable-Baselines3 hands the pictures of an observation space to a features extractor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from gymnasium import spaces
from jaxtyping import Float, Num
from torch import Tensor

from rmr_gym.errors import explain, missing_extra

try:
    from stable_baselines3.common.preprocessing import is_image_space
except ImportError as error:
    raise missing_extra("stable_baselines3", "sb3") from error

_BYTE, _ROUNDING = 255.0, 1e-4
_HERE = "in 0..255, divided by 255 here"


@dataclass(frozen=True, kw_only=True, slots=True)
class InputFormat:
    """What arrives at a features extractor, and what it is divided by.

    Attributes:
        shape: of one observation, as the policy sees it.
        highest: of the values that arrive; the lowest is 0.
        whole: whether the values that arrive are whole numbers.
        divisor: brings pictures into 0..1.
        origin: what arrives and who scales it, for readers.
    """

    shape: tuple[int, ...]
    highest: float
    whole: bool
    divisor: float = 1.0
    origin: str

    def __str__(self) -> str:
        return f"{self.shape} {self.origin}"

    def accept(self, values: Num[Tensor, "batch ..."]) -> Num[Tensor, "batch ..."]:
        """Check what arrived, and divide it.

        Whoever calls an extractor with bytes, which Stable-Baselines3 never does, gets them back as they are.

        Args:
            values: what Stable-Baselines3 passes: floats.

        Returns:
            The quotient, or the bytes.

        Raises:
            ValueError: when the values cannot be what the observation space and `normalize_images` promise.
        """
        if values.dtype == torch.uint8 or not len(values):
            return values
        self._check(values)
        return values if self.divisor == 1 else values / self.divisor

    def _check(self, values: Float[Tensor, "batch ..."]) -> None:
        """Refuse another range. The scale never depends on the data; only this error does."""
        low, high = torch.stack(torch.aminmax(values)).tolist()  # one transfer, where the values are on a GPU
        got = f"values from {low:g} to {high:g}"
        if not (low >= 0 and high <= self.highest * (1 + _ROUNDING)):  # also when one is not a number
            fix = "Keep the values of the environment within its observation space."
            if self.highest == 1 and high > 1:
                fix = (
                    "Say normalize_images=False to the policy and to the extractor alike, as "
                    "policy_kwargs_from(..., normalize_images=False) does, or to neither."
                )
            raise ValueError(explain(expected=f"values {self.origin}", got=got, fix=fix))
        if self.whole and bool((values != values.round()).any()):
            fix = (
                "Leave normalize_images=False away, or say it to the policy as well; and keep the values of the "
                "environment as they are."
            )
            raise ValueError(explain(expected=f"values {self.origin}, whole numbers", got=got, fix=fix))


def input_format(space: spaces.Space[np.ndarray], *, normalize_images: bool = True) -> InputFormat:
    """Work out what arrives, by the rule of Stable-Baselines3 for what a picture is.

    It divides by 255 exactly where a space has three axes, dtype uint8 and the bounds 0 and 255 (`is_image_space`),
    unless the policy says `normalize_images=False`. Everything else arrives as floats of the values that it had: stacks
    with four axes and single pictures with two are in 0..255 then. Features extractors are not told what the policy
    says; only two of Stable-Baselines3's own are.

    Args:
        space: of the pictures, as the policy sees it: after `VecTransposeImage`, if there is one.
        normalize_images: what the policy says.

    Raises:
        ValueError: when the space is no box of pictures in 0..255 or 0..1.

    Example:
        >>> print(input_format(spaces.Box(0, 255, (4, 84, 84), np.uint8)))
        (4, 84, 84) in 0..255, divided by 255 by Stable-Baselines3
        >>> print(input_format(spaces.Box(0, 255, (4, 84, 84, 1), np.uint8)))
        (4, 84, 84, 1) in 0..255, divided by 255 here
        >>> print(input_format(spaces.Box(0, 1, (84, 84), np.float32)))
        (84, 84) in 0..1
    """
    if not isinstance(space, spaces.Box):
        fix = "Give the key of the pictures, if there is another one (key=...)."
        raise ValueError(explain(expected="a Box of pictures", got=space, fix=fix))
    low, high, whole = float(space.low.min()), float(space.high.max()), bool(np.issubdtype(space.dtype, np.integer))
    shape = tuple(int(length) for length in space.shape)
    if whole and low >= 0 and 1 < high <= _BYTE:
        if normalize_images and is_image_space(space):
            origin = "in 0..255, divided by 255 by Stable-Baselines3"
            return InputFormat(shape=shape, highest=1.0, whole=False, origin=origin)
        return InputFormat(shape=shape, highest=_BYTE, whole=True, divisor=_BYTE, origin=_HERE)
    if not whole and low == 0 and high == 1:
        return InputFormat(shape=shape, highest=1.0, whole=False, origin="in 0..1")
    if not whole and low == 0 and high == _BYTE:
        return InputFormat(shape=shape, highest=_BYTE, whole=False, divisor=_BYTE, origin=_HERE)
    fix = (
        "Declare bytes with bounds 0 and 255, or floats with bounds 0 and 1. VecNormalize changes the bounds: exclude "
        "the pictures with norm_obs=False or norm_obs_keys=[...]."
    )
    got = f"a Box of {space.dtype} with bounds {low:g} and {high:g}"
    raise ValueError(explain(expected="pictures in 0..255 or in 0..1", got=got, fix=fix))
