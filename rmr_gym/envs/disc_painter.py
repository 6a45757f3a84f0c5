"""Pictures of bouncing balls without a graphics library: discs with smooth edges, painted by numpy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.balls_config import BallsConfig

_CHUNK_NUMBERS = 2**18  # that are accumulated at once: they fit into a cache, and large pictures into memory
_ONE_PIXEL = 1 / 12  # variance of a place in a pixel, per coordinate
_CHANNELS = np.arange(3)

Floats = NDArray[np.float64]


class DiscPainter:
    """Paints the balls as flat discs in their colours, with smooth edges, seen from straight above.

    The picture shows exactly the box: its first row is the largest y, its first column the smallest x. A pixel takes
    from each disc the share of it that the disc covers, so that touching discs share their pixels. The share is read
    off the distance of the pixel's centre from the edge, clamped; that differs from the true area by 4 of 255 in the
    mean of the pixels on an edge (MuJoCo's renderer, with four samples per pixel: 21), and the whole disc has its area.
    Where two balls are in one another during a contact, each keeps the side on which its centre is, as spheres seen
    from above.

    The same positions give the same bytes on every machine. Costs grow with the pixels that the balls cover.

    Args:
        config: the parameters of the world; `picture_size`, `colors` and `background` decide how it looks.

    Example:
        >>> painter = DiscPainter(BallsConfig(num_balls=1))
        >>> picture = painter.render(np.array([[0.0, 0.25]]))
        >>> picture.shape, picture[16, 32].tolist(), picture[48, 32].tolist()
        ((64, 64, 3), [255, 0, 0], [0, 0, 0])
    """

    def __init__(self, config: BallsConfig) -> None:
        self.config = config
        size = self._size = config.picture_size
        self._scale = np.array([size, -size]) / config.box_size  # pixels per metre; rows count downwards
        # Clamping the distance spreads a disc of radius r over pi (r^2 + 1/12): so a smaller one has the right area.
        radius, smallest = config.radius * size / config.box_size, math.sqrt(0.25 + _ONE_PIXEL)
        self._radius = math.sqrt(max(radius, smallest) ** 2 - _ONE_PIXEL)
        strength = min(1.0, radius / smallest) ** 2  # of balls much smaller than a pixel
        self._background = np.array(config.background, dtype=np.float64)
        self._colored = bool(self._background.any())
        self._paints = strength * (np.array(config.palette) - self._background)
        self._solid = strength == 1.0
        self._reach = self._radius + 0.5  # of what is not quite nothing
        self._window = np.arange(math.ceil(2 * self._reach))
        self._first, self._second = np.triu_indices(config.num_balls, k=1)

    def render(self, positions: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Paint a state.

        Args:
            positions: metres, `(ball, 2)`.

        Returns:
            RGB, `(picture_size, picture_size, 3)`.
        """
        picture: NDArray[np.uint8] = self._paint(positions[None])[0]
        return picture

    def render_all(self, positions: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Paint many states, each as `render` does, in less time.

        Args:
            positions: metres, `(frame, ball, 2)`.

        Returns:
            RGB, `(frame, picture_size, picture_size, 3)`.
        """
        pictures = np.empty((len(positions), self._size, self._size, 3), dtype=np.uint8)
        numbers = 3 * max((self._size + 2) ** 2, self.config.num_balls * len(self._window) ** 2)
        chunk = max(1, _CHUNK_NUMBERS // numbers)
        for first in range(0, len(positions), chunk):
            pictures[first : first + chunk] = self._paint(positions[first : first + chunk])
        return pictures

    def close(self) -> None:
        """Do nothing: there is nothing to free."""

    def _paint(self, positions: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Paint states at once: add what each ball does to the pixels of a window around it."""
        width = self._size + 2  # a pixel on each side takes what lies outside of the picture
        centres = positions * self._scale + self._size / 2  # (frame, ball, xy), in pixels
        corners = np.ceil(centres - (self._reach + 0.5))
        offsets = (corners + 0.5 - centres)[..., None] + self._window  # (frame, ball, xy, window)
        shares = self._shares(offsets)
        crowded = self._divide(shares, offsets, centres) or not self._solid
        pixels = np.clip(corners[..., None].astype(np.intp) + (self._window + 1), 0, width - 1)
        frames = np.arange(len(positions))[:, None, None] * width
        rows, columns = 3 * width * (frames + pixels[:, :, 1]), 3 * pixels[:, :, 0, :, None] + _CHANNELS
        numbers = rows[..., None, None] + columns[:, :, None]  # (frame, ball, window, window, channel)
        amounts = shares[..., None] * self._paints[:, None, None]
        sums = np.bincount(numbers.ravel(), amounts.ravel(), len(positions) * width * width * 3)
        pictures = sums.reshape(-1, width, width, 3)[:, 1:-1, 1:-1] + 0.5  # is cut off to the nearest integer
        if self._colored:
            pictures += self._background
        return (np.clip(pictures, 0.0, 255.5) if crowded else pictures).astype(np.uint8)

    def _shares(self, offsets: Floats) -> Floats:
        """Return the shares of pixels that lie on a disc, from their distances, `(frame, ball, window, window)`."""
        squares = offsets * offsets
        shares: Floats = squares[:, :, 1, :, None] + squares[:, :, 0, None]
        np.sqrt(shares, out=shares)
        np.subtract(self._reach, shares, out=shares)
        np.minimum(shares, 1.0, out=shares)
        return np.maximum(shares, 0.0, out=shares)

    def _divide(self, shares: Floats, offsets: Floats, centres: Floats) -> bool:
        """Take from balls that are in one another what is nearer to the other; return whether there are any."""
        apart = centres.take(self._first, axis=1) - centres.take(self._second, axis=1)
        apart *= apart
        inside = apart[..., 0] + apart[..., 1] < (2 * self._radius) ** 2
        if not self._solid or not inside.any():
            return False
        for frame, pair in np.argwhere(inside).tolist():
            for one, other in (self._first[pair], self._second[pair]), (self._second[pair], self._first[pair]):
                across = centres[frame, other] - centres[frame, one]
                distance = math.hypot(*across)
                x, y = (across / distance)[:, None] * offsets[frame, one] if distance else offsets[frame, one] * 0.0
                own = np.clip(0.5 + distance / 2 - y[:, None] - x, 0.0, 1.0)
                np.minimum(shares[frame, one], own, out=shares[frame, one])
        return True
