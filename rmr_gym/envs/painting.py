"""What draws bouncing balls, chosen by the parameters of their world."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.disc_painter import DiscPainter


@runtime_checkable  # for the checks of types in the tests
class BallPainter(Protocol):
    """Draws the balls of one world where they are."""

    def render(self, positions: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Draw a state in metres, `(ball, 2)`, as RGB, `(picture_size, picture_size, 3)`."""

    def render_all(self, positions: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Draw many states, `(frame, ball, 2)`, each as `render` does."""

    def close(self) -> None:
        """Free what is held; a later `render` takes it again."""


def open_painter(config: BallsConfig) -> BallPainter:
    """Make what `config.painter` names: `DiscPainter` or `BallRenderer`.

    No graphics library is loaded before the first picture, and none at all for "discs".
    """
    if config.painter == "discs":
        return DiscPainter(config)
    from rmr_gym.envs.ball_renderer import BallRenderer  # which is to be loaded by who wants it only

    return BallRenderer(config)
