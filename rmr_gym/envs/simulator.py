"""An emulator beside the one that is played: it goes on from any moment of the game, and the game does not notice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import AtariPreprocessing
from numpy.typing import NDArray

from rmr_gym.envs.actions import NUM_ACTIONS, ActionCodec
from rmr_gym.envs.atari import require_deterministic
from rmr_gym.envs.console import Console, check_rom, load_emulator
from rmr_gym.envs.layers import class_names, layers
from rmr_gym.errors import explain

if TYPE_CHECKING:
    from ale_py import ALEState

_REPEATING = frozenset({"RepeatAction", "MaxAndSkipObservation", "MaxAndSkipEnv"})
"""Class names of wrappers that play an action several times, the last of Stable-Baselines3."""


@dataclass(slots=True, eq=False)
class Moment:
    """A moment of a game, to go on from as often as one likes. Not to be changed."""

    state: ALEState
    """Everything that decides what follows."""

    ram: NDArray[np.uint8]
    """The console's memory, `(128,)`."""

    lives: int
    """Lives left, 0 in games without lives."""

    over: bool
    """Whether the game is over."""

    def same(self, other: Moment) -> bool:
        """Whether the same follows from both."""
        return self.state.equals(other.state)


@dataclass(slots=True, eq=False)
class Outcome:
    """What holding an action led to."""

    moment: Moment
    """Where it led."""

    reward: float
    """Sum of the rewards on the way."""

    num_steps: int
    """Steps it took: fewer than asked for when a life or the game was lost."""

    life_lost: bool
    """Whether a life was lost, with the game or without it. Games without lives end without losing one."""


class Simulator:
    """Try out actions from copies of a game's present state, on an emulator of its own.

    Of the game that is played nothing but its state is read, so that it goes on bit for bit as it would without.
    Without sticky actions what is tried out is what happens. (Q*bert alone differs now and then, by parts of the
    console that are not in its saved state: compare what is with what was expected, `Moment.same`.)

    Args:
        env: what is played: a `Console`, or an environment of ale-py with all 18 actions, so that an index is an ALE
            value. Any wrappers may be around it that leave actions alone, and Gymnasium's `AtariPreprocessing`, of
            whose frame skip the steps are then.

    Raises:
        ValueError: when the environment is no Atari one, has sticky actions, a random frame skip or other actions, or a
            wrapper repeats or changes actions; the message names it.
        DependencyNotInstalled: when ale-py is missing.

    Example:
        >>> from rmr_gym.envs.console import ConsoleConfig
        >>> console = Console(ConsoleConfig(game="pong"))
        >>> console.reset(seed=0)[1].shape
        (128,)
        >>> simulator = Simulator(console)
        >>> tried = simulator.hold(simulator.present(), action=3, num_steps=2)
        >>> pairs = [console.step(3) for _ in range(2)]
        >>> tried.moment.same(simulator.present()), bool((tried.moment.ram == pairs[-1][0].ram).all())
        (True, True)
    """

    def __init__(self, env: Console | gym.Env[Any, Any]) -> None:
        if isinstance(env, Console):
            self._played, frame_skip = env.emulator, env.config.frame_skip
        else:
            frame_skip, self._played = _frame_skip(env), env.unwrapped.ale  # type: ignore[attr-defined]
        # The same cartridge; mode and difficulty are part of the state.
        self._ale = load_emulator(check_rom(Path(self._played.getString("rom_file"))), frame_skip=frame_skip)
        self.actions = tuple(int(action.value) for action in self._ale.getMinimalActionSet())
        """ALE values of the actions that make a difference in this game."""
        self._at: Moment | None = None
        self.num_simulated = 0
        """Steps tried out so far."""

    def present(self) -> Moment:
        """Copy the present state of the game that is played."""
        played = self._played
        return Moment(played.cloneState(), played.getRAM(), played.lives(), played.game_over(with_truncation=False))

    def hold(self, moment: Moment, action: int, num_steps: int) -> Outcome:
        """Hold an action from a moment on, until a life is lost or the game is over.

        Args:
            moment: where to start; going on from where the last call ended saves a tenth of the time.
            action: ALE value.
            num_steps: most steps, each of the frame skip of the game.
        """
        ale = self._ale
        if moment is not self._at:
            ale.restoreState(moment.state)
        reward, before, lives, over, steps = 0.0, moment.lives, moment.lives, False, 0
        while steps < num_steps and lives >= before and not over:
            reward += ale.act(action)
            steps += 1
            lives, over = ale.lives(), ale.game_over()
        self.num_simulated += steps
        self._at = Moment(ale.cloneState(), ale.getRAM(), lives, over)
        return Outcome(self._at, reward, steps, lives < before)


def _frame_skip(env: gym.Env[Any, Any]) -> int:
    """Count the emulated frames of a step, and refuse environments in which a step is not what was chosen."""
    require_deterministic(env)
    for layer in layers(env):
        if isinstance(layer, gym.ActionWrapper) or _REPEATING & class_names(layer):
            expected = "an environment that plays each chosen action once, as it is"
            fix = "Leave that wrapper out; make_atari(game, frame_skip=4) skips frames by itself."
            raise ValueError(explain(expected=expected, got=type(layer).__name__, fix=fix))
    if ActionCodec.of(env).values != tuple(range(NUM_ACTIONS)):
        fix = "Make it with full_action_space=True, or with make_atari(game, full_actions=True), as Skiing needs."
        expected = f"an environment with all {NUM_ACTIONS} actions, whose indices are ALE values"
        raise ValueError(explain(expected=expected, got=f"the action space {env.action_space}", fix=fix))
    own: int = env.unwrapped._frameskip  # type: ignore[attr-defined]
    return own * math.prod(layer.frame_skip for layer in layers(env) if isinstance(layer, AtariPreprocessing))
