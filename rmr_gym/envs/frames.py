"""Arithmetic on frames: gray, pooling, resizing; shared by environments and stored datasets, so both show the same.

Three sources of gray pictures agree bit for bit on the console's palette: `ale.getScreenGrayscale()`, which
Gymnasium's `AtariPreprocessing` uses, OpenCV's `COLOR_RGB2GRAY`, and `to_gray` below.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rmr_gym.errors import explain, missing_extra

_GRAY_WEIGHTS = np.array([9798, 19235, 3735], dtype=np.uint32)  # 0.299, 0.587, 0.114 in units of 2**-15
_GRAY_BITS = 15


def to_gray(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert RGB colours to luminance.

    Works on a frame, on a batch of frames and on a palette alike, because every colour is converted by itself:
    the gray frame of a stored frame of palette indices is `to_gray(palette)[index]`.

    Source: ITU-R BT.601 weights in 15-bit fixed point, rounded; equal to OpenCV's `COLOR_RGB2GRAY` on all 2^24 colours.

    Args:
        colors: uint8 array whose last axis is red, green, blue: `(height, width, 3)` or a palette `(256, 3)`.

    Returns:
        uint8 array of the same shape without the last axis.

    Raises:
        ValueError: when the array is not uint8 or its last axis is not 3.

    Example:
        >>> to_gray(np.array([[255, 255, 255], [255, 0, 0]], dtype=np.uint8))
        array([255,  76], dtype=uint8)
    """
    if colors.dtype != np.uint8 or colors.ndim < 1 or colors.shape[-1] != 3:
        raise ValueError(
            explain(
                expected="a uint8 array whose last axis holds red, green, blue",
                got=f"{colors.dtype} of shape {colors.shape}",
                fix="Pass an RGB frame (height, width, 3) or a palette (256, 3).",
            )
        )
    weighted = colors.astype(np.uint32) @ _GRAY_WEIGHTS
    rounded = (weighted + (1 << (_GRAY_BITS - 1))) >> _GRAY_BITS
    return np.asarray(rounded, dtype=np.uint8)


def pool_frames(
    earlier: NDArray[np.uint8],
    later: NDArray[np.uint8],
    *,
    earlier_gray: NDArray[np.uint8],
    later_gray: NDArray[np.uint8],
) -> NDArray[np.uint8]:
    """Keep at every pixel the brighter of two frames, so that sprites drawn on every second frame are seen.

    The winner is taken whole, by luminance. `AtariPreprocessing` takes the maximum of each colour channel, which is the
    same on gray pictures but in colour can make a colour that neither frame has, and that no palette index stands for.
    Ties keep the later frame.

    Args:
        earlier: frame before the last, `(height, width)` gray or palette index, or `(height, width, 3)` RGB.
        later: last frame, of the same shape.
        earlier_gray: luminance of `earlier`, `(height, width)`.
        later_gray: luminance of `later`, `(height, width)`.

    Returns:
        A new array shaped like `later`.

    Example:
        >>> index, gray = np.array([[3, 7]], dtype=np.uint8), np.array([[10, 200]], dtype=np.uint8)
        >>> pool_frames(index, index[:, ::-1], earlier_gray=gray, later_gray=gray[:, ::-1])
        array([[7, 7]], dtype=uint8)
    """
    is_earlier = earlier_gray > later_gray
    if later.ndim == 3:
        is_earlier = is_earlier[..., None]
    return np.where(is_earlier, earlier, later)


def resize_frame(frame: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize a frame by averaging areas, as `AtariPreprocessing` and `ResizeObservation` do (OpenCV's `INTER_AREA`).

    Args:
        frame: uint8 picture `(height, width)` or `(height, width, 3)`.
        size: new height and width in pixels.

    Returns:
        A new array `(*size)` or `(*size, 3)`.

    Raises:
        ValueError: when `size` is not two positive integers.
        DependencyNotInstalled: when OpenCV is missing and the size changes.

    Example:
        >>> resize_frame(np.array([[0, 2], [4, 6]], dtype=np.uint8), (1, 2))
        array([[2, 4]], dtype=uint8)
    """
    height, width = check_size(size)
    if frame.shape[:2] == (height, width):
        return frame.copy()
    try:
        import cv2
    except ImportError as error:
        raise missing_extra("cv2", "atari") from error
    return np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def check_size(size: object) -> tuple[int, int]:
    """Return `size` as a tuple, or raise `ValueError` when it is not a positive height and width in pixels."""
    sides = tuple(size) if isinstance(size, (tuple, list)) else ()
    if len(sides) != 2 or any(isinstance(side, bool) or not isinstance(side, int) or side < 1 for side in sides):
        raise ValueError(
            explain(
                expected="size as (height, width) in pixels, both positive integers",
                got=size,
                fix="Pass for example size=(84, 84).",
            )
        )
    return sides[0], sides[1]
