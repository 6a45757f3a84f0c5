"""A player that tries out in its mind what it might do, on an emulator of its own, and then does what went best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from rmr_gym.envs.console import Console
from rmr_gym.envs.simulator import Simulator
from rmr_gym.errors import explain
from rmr_gym.players.familiarity import Familiarity
from rmr_gym.players.lookahead_config import LookaheadConfig
from rmr_gym.players.planner import Planner


class LookaheadPlayer:
    """Look ahead in copies of the game, then play the best plan for a while.

    It goes for score, keeps away from what costs a life, and where nothing is to be won within its horizon goes where
    the memory of the console is unfamiliar, or to places that it has not been to where `LookaheadConfig.place` tells
    them. `LookaheadConfig.budget`, the steps tried out for each one that is played,
    is its skill and its cost: about half a millisecond each. `epsilon` spoils its play.

    It cannot play by what it observes alone: `attach` tells it which game it plays, and collectors do that. A copy, or
    what comes out of a pickle, is a player of the same kind that has not been attached nor started.

    Args:
        config: how far and how carefully it looks.
        skill: grade in 0..1, by which episodes are spread.
        name: stored with each episode; by default made from the config.

    Raises:
        ValueError: when the skill is not in 0..1.

    Example:
        >>> from rmr_gym.envs.console import ConsoleConfig
        >>> console = Console(ConsoleConfig(game="pong"))
        >>> player = LookaheadPlayer(LookaheadConfig(budget=2))
        >>> player.attach(console)
        >>> player.start_episode(console.legal_actions, seed=3)
        >>> pair = console.reset(seed=0)
        >>> for _ in range(10):
        ...     pair, reward, ended = console.step(player.act({"ram": pair.ram}))
        >>> player.name
        'lookahead-b2-3x3of20-e0p0.5-d0.99-l100-c0.01'
    """

    def __init__(self, config: LookaheadConfig, *, skill: float = 1.0, name: str | None = None) -> None:
        if not 0.0 <= skill <= 1.0:
            raise ValueError(explain(expected="a skill in 0..1", got=skill, fix="Pass skill=1.0."))
        self.config = config
        self.skill = skill
        self.name = name or f"lookahead-{config.label}"
        self._simulator: Simulator | None = None
        self.start_episode((), seed=0)

    @property
    def lookahead_steps(self) -> float:
        """Steps tried out for each one that is played; by them the time of a collection is estimated."""
        return float(self.config.budget)

    def attach(self, env: Console | gym.Env[Any, Any]) -> None:
        """Say which game is going to be played; its state is read and nothing else.

        Raises:
            ValueError: when the environment is no Atari one, has sticky actions, a random frame skip or fewer than 18
                actions, or a wrapper around it changes or repeats actions.
        """
        self._simulator = Simulator(env)

    def start_episode(self, legal_actions: Sequence[int], seed: int) -> None:
        """Forget everything; the actions are those that make a difference in the game, all of them legal."""
        self._generator = np.random.default_rng(seed)
        self._familiarity = Familiarity(place=self.config.place)
        self._planner: Planner | None = None
        self._pending: list[int] = []
        self._noise: int | None = None
        self._num_played = self._num_tried = 0

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        """Choose an action.

        Args:
            observation: only `ram` is looked at, to know what is familiar.

        Raises:
            RuntimeError: when the player was not attached to a game.
        """
        if self._simulator is None:
            fix = "Call player.attach(env) before start_episode; copies have to be attached again."
            raise RuntimeError(explain(expected="to know the game that is played", got="a player by itself", fix=fix))
        self._familiarity.add(observation["ram"])
        if self._num_played < self.config.opening:
            self._num_played += 1
            return self._draw(self._simulator)
        if not self._pending:
            self._plan(self._simulator)
        self._num_played += 1
        return self._pending.pop(0)

    def __getstate__(self) -> dict[str, Any]:
        # Emulators and their states cannot be pickled. What a collector copies has not begun to play.
        return {"config": self.config, "skill": self.skill, "name": self.name}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["config"], skill=state["skill"], name=state["name"])  # type: ignore[misc]

    def _plan(self, simulator: Simulator) -> None:
        """Look ahead, and decide on the next steps."""
        planner, present = self._planner, simulator.present()
        if self._familiarity.places is not None:
            self._familiarity.places.survey()
        if planner is None:
            planner = self._planner = Planner(self.config, self._generator, present, self._familiarity)
        elif planner.root.moment.same(present):
            planner.refresh()
        else:
            planner.restart(present)
        config = self.config
        allowance = config.budget * (self._num_played + config.hold * config.commit) - self._num_tried
        self._num_tried += planner.look_ahead(simulator, allowance)
        for _ in range(config.commit):
            action = self._spoil(simulator, planner.best_action())
            before = planner.root.depth
            node, taken = planner.follow(simulator, action)
            self._num_tried += taken
            self._pending += [action] * (node.depth - before)
            if node.life_lost or node.moment.over:
                break

    def _spoil(self, simulator: Simulator, planned: int | None) -> int:
        """Return what is done in the place of a planned action: itself, but for noise and the end of the plan."""
        probability = self.config.epsilon if self._noise is None else self.config.persistence
        spoils = self._generator.random() < probability
        if not spoils or self._noise is None:
            self._noise = self._draw(simulator) if spoils else None
        if self._noise is not None:
            return self._noise
        return self._draw(simulator) if planned is None else planned

    def _draw(self, simulator: Simulator) -> int:
        return simulator.actions[int(self._generator.integers(len(simulator.actions)))]
