"""What a behaviour policy must offer so that its play can be recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray


@runtime_checkable
class Player(Protocol):
    """A behaviour policy of a stated skill: random, looking ahead in the emulator, or a trained agent.

    A collector copies the player for every episode (`copy.deepcopy`), so an episode cannot depend on the one before,
    and players need not be safe to share between threads. They are picklable for the same reason.
    `rmr_gym.players` lists those that come with the package; any object with these four members does as well.
    """

    name: str
    """Says how the player was made: players that play differently have different names. Stored with each episode."""

    skill: float
    """Grade in 0..1, by which episodes are spread evenly over training and validation."""

    def start_episode(self, legal_actions: Sequence[int], seed: int) -> None:
        """Forget everything and get ready for an episode.

        Args:
            legal_actions: ALE action values that the game tells apart (18, nine for Skiing).
            seed: seed of everything random that the player does in this episode.
        """
        ...

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        """Choose an action.

        Args:
            observation: `pixels`, uint8 RGB `(210, 160, 3)`, and `ram`, uint8 `(128,)`, as in `rmr/<Game>-v0`.

        Returns:
            An ALE action value out of the legal ones.
        """
        ...
