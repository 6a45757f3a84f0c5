"""Trained agents as players, whose play is recorded: better data, better encoder, better agent."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from rmr_gym.envs.actions import ActionCodec
from rmr_gym.envs.atari import make_atari
from rmr_gym.envs.frames import resize_frame, to_gray
from rmr_gym.errors import explain, missing_extra
from rmr_gym.models.freezing import fingerprint
from rmr_gym.sb3.training import AgentConfig, checkpoints, read_config, read_evaluations
from rmr_gym.sb3.training.run_folder import MODEL_FILE
from rmr_gym.sb3.training.tasks import fires_at_start
from rmr_gym.wrappers.ram_format import encode_ram, ram_space

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

_DRAWING = threading.Lock()
"""Policies draw from PyTorch's global generator, which belongs to one player at a time."""

_STARTING_INDICES = (1, 2)
"""Actions that `FireResetEnv` takes at the start of a game."""


class AgentPlayer:
    """An agent of Stable-Baselines3 as a `rmr_gym.players.Player`.

    It sees the raw pictures of the console, 210x160 in colour, and does to them what was done in training: luminance,
    averaging to the trained size, the same frame stack and encoder (these are the very layers of the training, around
    the pictures of the player). What it does not have:

    - Pooling. A single picture does not show the frame before. Data sets are recorded with `max_pool=True` unless one
      says otherwise, and their pictures are then exactly the ones that the agent was trained on; without it sprites
      that are drawn on every second frame flicker.
    - Lives. At the start of a game it presses FIRE as in training; after a lost life it is left to the policy, its
      sampling and `epsilon`. In games that wait for FIRE after each life pass an `epsilon` of at least 0.01.

    What it draws comes from the seed of the episode alone. It computes on one thread, so that the number of processes
    that record does not matter.

    Args:
        model_file: a zip file of Stable-Baselines3, of `train_agent` or of anybody else, whose agent was trained on
            gray stacked pictures.
        config: how the agent was trained: task, algorithm, features, stack and the options of the game count.
        folder: of the training, where `config.features` has an encoder; it has to stay as long as the player plays.
        epsilon: probability in 0..1 of a random action instead of that of the agent.
        deterministic: take the likeliest action; None as in the evaluations of the training. Q values are always
            followed.
        skill: grade in 0..1, by which episodes are spread.
        name: stored with each episode; by default made from all that decides how it plays.

    Raises:
        ValueError: when the task is no game, a number is out of range, or the agent takes other observations.
        DependencyNotInstalled: when Stable-Baselines3 or ale-py is missing.
    """

    def __init__(
        self,
        model_file: str | Path,
        config: AgentConfig,
        *,
        folder: str | Path | None = None,
        epsilon: float = 0.01,
        deterministic: bool | None = None,
        skill: float = 0.5,
        name: str | None = None,
    ) -> None:
        _check(config, epsilon, skill)
        model = config.algorithm.algorithm_class().load(model_file, device="cpu")
        self.config, self.epsilon, self.skill = config, epsilon, skill
        self._policy: Any = model.policy
        vars(self._policy).pop("optimizer", None)  # twice the size of the weights
        self._deterministic = config.evaluates_deterministically if deterministic is None else deterministic
        self._deterministic |= config.algorithm.off_policy
        self._values, self._starts = _actions(config)
        self._feed = _Feed(config, len(self._values))
        self._folder = Path(folder or ".").resolve()  # another process may have another working directory
        how = "likeliest" if self._deterministic else "drawn"
        digest = fingerprint(self._policy)[:8]
        self.name = name or f"{type(model).__name__.lower()}-{model.num_timesteps}-{digest}-{how}-e{epsilon:g}"
        self.start_episode(self._values, seed=0)
        _check_space(self._policy.observation_space, self._layers.observation_space)

    def start_episode(self, legal_actions: Sequence[int], seed: int) -> None:
        """Forget everything and get ready for an episode.

        Raises:
            ValueError: when the game does not have the actions of the agent.
        """
        missing = sorted(set(self._values) - {int(action) for action in legal_actions})
        # Every console takes all 18, also that of Skiing, which tells only nine apart.
        if missing and not self.config.game.full_actions:
            fix = f"The agent plays {self.config.task}: record that game, with all actions only if it was trained so."
            raise ValueError(explain(expected="the actions of the agent to be legal", got=missing, fix=fix))
        self._generator = np.random.default_rng(seed)
        self._layers = _layers(self._feed, self.config, self._folder)
        self._pending = list(self._starts)
        self._memory: Any = None
        self._began = False

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        """Choose an action."""
        if self._pending:
            return self._values[self._pending.pop(0)]
        self._feed.show(observation)
        seen, first = self._advance()
        explores = self._generator.random() < self.epsilon
        seed, random_index = int(self._generator.integers(2**63)), int(self._generator.integers(len(self._values)))
        with _drawing_from(seed):
            # Asked even when it is not followed: its memory has to see every picture.
            chosen, self._memory = self._policy.predict(
                seen, state=self._memory, episode_start=np.array([first]), deterministic=self._deterministic
            )
        return self._values[random_index if explores else int(chosen[0])]

    def __getstate__(self) -> dict[str, Any]:
        # Wrappers of Stable-Baselines3 cannot be pickled; every episode makes its own.
        return {name: value for name, value in self.__dict__.items() if name != "_layers"}

    def _advance(self) -> tuple[Any, bool]:
        """Pass the present picture through the layers; say whether it is the first."""
        first, self._began = not self._began, True
        if first:
            return self._layers.reset(), True
        seen, _, _, _ = self._layers.step(np.zeros(1, dtype=np.int64))
        return seen, False


def agent_players(
    folder: str | Path, *, epsilons: Sequence[float] = (0.01, 0.1, 0.3), deterministic: bool | None = None
) -> list[AgentPlayer]:
    """Make players of graded skill from all checkpoints of a training.

    The skill of a player is where the score of its checkpoint lies between the worst and the best one, times the share
    of actions that are its own. The score is that of the nearest evaluation.

    Args:
        folder: of the training.
        epsilons: shares of random actions; each checkpoint plays with each.
        deterministic: see `AgentPlayer`.

    Returns:
        Players of different names, the best first of each epsilon, early and late ones mixed.

    Raises:
        ValueError: when the folder holds no checkpoints, or as `AgentPlayer`.
    """
    config, found = read_config(folder), checkpoints(folder)
    if not found or not epsilons:
        fix = "Train it first: python -m agents.train, or train_agent(config, folder)."
        raise ValueError(explain(expected=f"checkpoints in {folder}, and an epsilon", got=list(found), fix=fix))
    grades = _grades(folder, list(found))
    return [
        AgentPlayer(
            path / MODEL_FILE,
            config,
            folder=folder,
            epsilon=epsilon,
            deterministic=deterministic,
            skill=grades[steps] * (1 - epsilon),
        )
        for epsilon in epsilons
        for steps, path in reversed(found.items())
    ]


def _grades(folder: str | Path, steps: Sequence[int]) -> dict[int, float]:
    """Return where the score of each checkpoint lies between the worst and the best."""
    evaluations = [record for record in read_evaluations(folder) if record["mean_return"] is not None]
    if not evaluations:
        return dict.fromkeys(steps, 0.5)
    scores = {
        number: min(evaluations, key=lambda record: abs(record["env_steps"] - number))["mean_return"]
        for number in steps
    }
    low, high = min(scores.values()), max(scores.values())
    return {number: 0.5 if high == low else (value - low) / (high - low) for number, value in scores.items()}


class _Feed(gym.Env[NDArray[Any], Any]):
    """An environment that observes what it is shown, so that the layers of the training can stand around it."""

    def __init__(self, config: AgentConfig, num_actions: int) -> None:
        self._size, self._ram_format = config.game.size, config.features.ram_format
        self._pictures = config.features.observes == "pixels"
        space = spaces.Box(0, 255, (*self._size, 1), np.uint8) if self._pictures else ram_space(self._ram_format)
        self.observation_space = space
        self.action_space = spaces.Discrete(num_actions)
        self._shown: NDArray[Any] = np.zeros(space.shape, space.dtype)

    def show(self, observation: Mapping[str, NDArray[Any]]) -> None:
        """Take what a player sees."""
        if self._pictures:
            self._shown = resize_frame(to_gray(observation["pixels"]), self._size)[..., None]
        else:
            self._shown = encode_ram(observation["ram"], self._ram_format)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Observe it."""
        return self._shown, {}

    def step(self, action: Any) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Observe it."""
        return self._shown, 0.0, False, False, {}


def _layers(feed: _Feed, config: AgentConfig, folder: Path) -> VecEnv:
    try:
        from stable_baselines3.common.vec_env import DummyVecEnv
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    return config.features.wrap(DummyVecEnv([lambda: feed]), folder, stack=config.stack, device="cpu")


def _actions(config: AgentConfig) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the ALE value of each action of the agent, and the indices of those that start a game."""
    env = make_atari(config.task, full_actions=config.game.full_actions, paired=False)
    meanings: list[str] = env.get_wrapper_attr("get_action_meanings")()
    values = ActionCodec.of(env).values
    env.close()
    return values, _STARTING_INDICES if fires_at_start(meanings) else ()


def _check(config: AgentConfig, epsilon: float, skill: float) -> None:
    if not config.where.is_game:
        fix = "Players are recorded at the console; pass the folder of an agent that plays a game."
        raise ValueError(explain(expected="an agent of a game", got=config.task, fix=fix))
    for name, value in (("epsilon", epsilon), ("skill", skill)):
        if not 0.0 <= value <= 1.0:
            raise ValueError(explain(expected=f"{name} in 0..1", got=value, fix=f"Pass {name}=0.01."))


def _check_space(trained: spaces.Space[Any], made: spaces.Space[Any]) -> None:
    """Refuse an agent that was trained on other observations; channels first and last are both fine."""
    if sorted(trained.shape or ()) != sorted(made.shape or ()):
        fix = "Pass the config of its training: features, stack and size."
        got = f"observations {made.shape} from this config"
        raise ValueError(explain(expected=f"observations {trained.shape}, as the agent takes", got=got, fix=fix))


@contextmanager
def _drawing_from(seed: int) -> Iterator[None]:
    """Lend PyTorch's generator a seed, and compute on one thread: on several, sums depend on how many there are."""
    with _DRAWING, torch.random.fork_rng(devices=()):
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
