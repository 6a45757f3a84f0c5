"""Sizes of the comparison of bouncing balls, and the name of our side."""

from __future__ import annotations

from dataclasses import dataclass

from rmr_gym.errors import explain

OURS = "rmr_gym"


@dataclass(frozen=True, kw_only=True, slots=True)
class BallsSizes:
    """How much every variant does in a turn."""

    num_worlds: int = 512
    """Worlds of the comparison of states."""

    num_frames: int = 100
    """Frames of every world by `simulate`, and of a recorded trajectory, as in a data set."""

    loop_frames: int = 10
    """Frames of every world by the loop, whose speed does not depend on their number."""

    num_pairs: int = 20
    """Pairs that a slow variant makes in a turn; fast ones make ten times as many."""

    num_episodes: int = 20
    """Trajectories that are recorded in a turn by `collect_balls`."""

    error_worlds: int = 8
    """Worlds whose energy and overlap are followed for `num_frames` frames."""

    num_pictures: int = 20
    """States whose pictures are compared."""

    def __post_init__(self) -> None:
        """Refuse numbers that are not positive."""
        for name in self.__slots__:
            if getattr(self, name) < 1:
                fix = "Leave it at its default."
                raise ValueError(explain(expected=f"{name} of at least 1", got=getattr(self, name), fix=fix))


QUICK_SIZES = BallsSizes(
    num_worlds=4, num_frames=10, loop_frames=2, num_pairs=2, num_episodes=2, error_worlds=2, num_pictures=2
)
"""So small that the figures mean nothing."""
