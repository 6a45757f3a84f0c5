"""What a behaviour policy must offer so that its play can be recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import gymnasium as gym
from numpy.typing import NDArray

from rmr_gym.envs.console import Console


@runtime_checkable
class Player(Protocol):
    """A behaviour policy of a stated skill: random, looking ahead in the emulator, or a trained agent.

    A collector copies the player for every episode (`copy.deepcopy`), so an episode cannot depend on the one before,
    and players need not be safe to share between threads. They are picklable for the same reason.
    `rmr_gym.players` lists those that come with the package; any object with these four members does as well. Players
    that need more than what they observe are `AttachablePlayer`s.
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


@runtime_checkable
class AttachablePlayer(Player, Protocol):
    """A player that needs the game itself, to look ahead in copies of it for example."""

    def attach(self, env: Console | gym.Env[Any, Any]) -> None:
        """Say which game is going to be played.

        Collectors call it on their copy of the player, before `start_episode`.

        Args:
            env: the game, from which to read and copy, and which is not to be changed.
        """
        ...


def attach(player: Player, env: Console | gym.Env[Any, Any]) -> None:
    """Say to a player which game it is going to play, if it wants to know.

    Args:
        player: any player.
        env: a `Console`, or an Atari environment with 18 actions, as `rmr_gym.make_atari` makes it.

    Example:
        >>> from rmr_gym import make_atari
        >>> from rmr_gym.players import LookaheadConfig, LookaheadPlayer
        >>> env, player = make_atari("pong"), LookaheadPlayer(LookaheadConfig(budget=2))
        >>> attach(player, env)
        >>> player.start_episode(range(18), seed=0)
        >>> observation, info = env.reset(seed=0)
        >>> for _ in range(10):
        ...     observation, *_ = env.step(player.act(observation))
    """
    if isinstance(player, AttachablePlayer):
        player.attach(env)


def lookahead_steps(player: Player) -> float:
    """Return how many steps a player tries out in its mind for each one that it plays; by default 0.

    A player says so by an attribute of this name. Collections are estimated by it.
    """
    return float(getattr(player, "lookahead_steps", 0.0))
