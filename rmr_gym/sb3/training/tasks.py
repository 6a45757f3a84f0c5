"""What agents are trained on: the games, and bouncing balls of which one can be pushed."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import gymnasium as gym

from rmr_gym.envs.atari import make_atari
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.frames import check_size
from rmr_gym.envs.games import GAMES, get_game
from rmr_gym.errors import explain, missing_extra
from rmr_gym.registry import UnknownNameError
from rmr_gym.wrappers import PairedObservation
from rmr_gym.wrappers.ram_format import RamFormat

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

BALLS_PUSH = "balls_push"
"""Name of the task `rmr/BouncingBallsPush-v0`; all others are names of games."""

MOST_FRAMES = 108_000
"""Emulated frames of the longest episode of training: half an hour, the limit of `make_atari`."""

Observed = Literal["pixels", "ram"]
"""What a policy may see: pictures, or the RAM of a game and the positions of balls."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GameOptions:
    """How a game is played and shown; `rmr_gym.make_atari` says more."""

    size: tuple[int, int] = (84, 84)
    """Height and width of the gray pictures, in pixels."""

    frame_skip: int = 4
    """Emulated frames per step, all with the same action."""

    max_pool: bool = True
    """Show the brighter of the last two emulated frames at every pixel."""

    sticky: float = 0.0
    """Probability with which the console repeats its previous action at an emulated frame."""

    full_actions: bool = False
    """All 18 actions instead of those that do something in the game."""

    life_is_episode: bool = True
    """Let an episode of training end with each life, as RL Baselines3 Zoo does but for recurrent PPO."""

    clip_rewards: bool = True
    """Train on the sign of the reward; evaluations always count points."""

    def __post_init__(self) -> None:
        """Refuse sizes that make no sense; the environment checks the rest."""
        object.__setattr__(self, "size", check_size(self.size))


@dataclass(frozen=True, kw_only=True, slots=True)
class PushOptions:
    """What a push does in balls_push; `BouncingBallsPushEnv` says more."""

    push_speed: float = 0.1
    """Speed that a push adds, in metres per second."""

    max_speed: float = 0.5
    """Speed above which no push takes the ball, in metres per second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """One task with everything that decides what an agent meets there."""

    name: str
    """Name of a game, or "balls_push"."""

    game: GameOptions
    """For games."""

    world: BallsConfig
    """For bouncing balls."""

    push: PushOptions = field(default_factory=PushOptions)
    """The same."""

    @property
    def is_game(self) -> bool:
        """Whether it is played on the console."""
        return self.name != BALLS_PUSH


def task_name(name: str) -> str:
    """Return the name of a task as it is stored: the rom id of a game, or "balls_push".

    Raises:
        ValueError: when there is no such task; the message lists them and the nearest.

    Example:
        >>> task_name("MsPacman"), task_name("balls_push")
        ('ms_pacman', 'balls_push')
    """
    if name == BALLS_PUSH:
        return BALLS_PUSH
    try:
        return get_game(name).rom_id
    except UnknownNameError:
        names = (BALLS_PUSH, *GAMES)
        near = difflib.get_close_matches(name.lower(), names, n=1)
        fix = f"Did you mean {near[0]!r}?" if near else "Choose one of these."
        raise UnknownNameError(explain(expected=f"a task out of {', '.join(names)}", got=name, fix=fix)) from None


def make_task_env(
    task: Task,
    *,
    num_envs: int,
    seed: int,
    observe: Observed = "pixels",
    ram_format: RamFormat = "bits",
    max_frames: int | None = None,
    subprocesses: bool = False,
) -> VecEnv:
    """Make the environments of a task, without frame stack and encoder.

    A game is wrapped as RL Baselines3 Zoo does it, by Stable-Baselines3's own wrappers: `Monitor` inside of
    `EpisodicLifeEnv`, `FireResetEnv` (where the game has FIRE) and `ClipRewardEnv`. So the policy is trained on single
    lives and signs of rewards, while the monitor, and with it every evaluation, counts the points of whole games.

    Args:
        task: the task.
        num_envs: environments that are stepped together.
        seed: environment i starts with `seed + i`.
        observe: pictures, gray `(height, width, 1)` or of balls RGB `(size, size, 3)`; or what is behind them.
        ram_format: form of the RAM of a game.
        max_frames: emulated frames after which a game is truncated; None is `MOST_FRAMES`.
        subprocesses: a process for each environment, for machines with as many cores.

    Returns:
        A `DummyVecEnv` or `SubprocVecEnv` with a Box observation.

    Raises:
        ValueError: when a number is out of range.
        DependencyNotInstalled: when Stable-Baselines3, ale-py or MuJoCo is missing.

    Example:
        >>> task = Task(name="pong", game=GameOptions(), world=BallsConfig())
        >>> venv = make_task_env(task, num_envs=2, seed=0)
        >>> venv.reset().shape, venv.action_space
        ((2, 84, 84, 1), Discrete(6))
    """
    try:
        from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    if num_envs < 1:
        raise ValueError(explain(expected="num_envs of at least 1", got=num_envs, fix="Pass num_envs=8."))
    make = functools.partial(_make, task, observe, ram_format, max_frames)  # goes to other processes by name
    makers: list[Callable[[], gym.Env[Any, Any]]] = [make] * num_envs
    venv: VecEnv = SubprocVecEnv(makers) if subprocesses else DummyVecEnv(makers)
    venv.seed(seed)
    return venv


def _make(task: Task, observe: Observed, ram_format: RamFormat, max_frames: int | None) -> gym.Env[Any, Any]:
    if task.is_game:
        return _make_game(task, observe, ram_format, max_frames)
    return _make_balls(task, observe)


def _make_game(task: Task, observe: Observed, ram_format: RamFormat, max_frames: int | None) -> gym.Env[Any, Any]:
    try:
        from stable_baselines3.common.atari_wrappers import ClipRewardEnv, EpisodicLifeEnv, FireResetEnv
        from stable_baselines3.common.monitor import Monitor
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    options, pictures = task.game, observe == "pixels"
    env: gym.Env[Any, Any] = make_atari(
        task.name,
        frame_skip=options.frame_skip,
        sticky=options.sticky,
        gray=pictures,
        gray_newaxis=pictures,
        size=options.size if pictures else None,
        max_pool=options.max_pool and pictures,
        full_actions=options.full_actions,
        paired=False,
        max_frames=MOST_FRAMES if max_frames is None else max_frames,
    )
    if not pictures:
        env = _only(PairedObservation(env, ram_format=ram_format), "ram")
    env = Monitor(env)
    if options.life_is_episode:
        env = EpisodicLifeEnv(env)
    meanings: list[str] = env.get_wrapper_attr("get_action_meanings")()
    if fires_at_start(meanings):
        env = FireResetEnv(env)
    return ClipRewardEnv(env) if options.clip_rewards else env


def fires_at_start(meanings: list[str]) -> bool:
    """Tell whether `FireResetEnv` can be put around a game: its second action is FIRE, and there is a third."""
    return len(meanings) >= 3 and meanings[1] == "FIRE"


def _make_balls(task: Task, observe: Observed) -> gym.Env[Any, Any]:
    try:
        from stable_baselines3.common.monitor import Monitor
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    key = "pixels" if observe == "pixels" else "state"
    keywords = dataclasses.asdict(task.world) | dataclasses.asdict(task.push)
    env = gym.make("rmr/BouncingBallsPush-v0", observations=key, **keywords)
    return Monitor(_only(env, key))


def _only(env: gym.Env[Any, Any], key: str) -> gym.Env[Any, Any]:
    """Keep one part of a dictionary."""
    space = env.observation_space[key]  # type: ignore[index]
    return gym.wrappers.TransformObservation(env, lambda observation: observation[key], space)
