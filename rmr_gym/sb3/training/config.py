"""What decides how an agent is trained."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated

import tyro

from rmr_gym.documents import ConfigJson
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.errors import explain
from rmr_gym.sb3.training.algorithms import ALGORITHMS, AnyAlgorithmConfig, PpoConfig
from rmr_gym.sb3.training.features import FEATURES, AnyFeatures, NatureCnnFeatures, StateFeatures
from rmr_gym.sb3.training.features.nature_cnn import LEAST_SIDE
from rmr_gym.sb3.training.tasks import GameOptions, PushOptions, Task, task_name

DOCUMENTS = ConfigJson([ALGORITHMS, FEATURES])
"""Turns the configs of this package into JSON and back."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationConfig:
    """How agents are scored: whole games by their points, see `make_task_env`."""

    every: int = 50_000
    """Environment steps between two evaluations; there is one before the first step and one after the last, too."""

    num_episodes: int = 5
    """Episodes of an evaluation while it is trained."""

    num_final_episodes: int = 20
    """Episodes of the evaluation at the end."""

    deterministic: bool | None = None
    """Take the likeliest action instead of drawing one. None: as RL Baselines3 Zoo, drawn in games, likeliest in
    balls; algorithms that learn Q values draw a random action as often as at the end of their exploration."""

    max_frames: int = 18_000
    """Emulated frames after which a game is cut off, so that an agent that got stuck ends: five minutes (Mnih et al.
    2015). Episodes of balls have 100 steps."""

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        if min(self.every, self.num_episodes, self.num_final_episodes, self.max_frames) < 1:
            raise ValueError(explain(expected="positive numbers of steps and episodes", got=self, fix="Raise them."))


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentConfig:
    """One agent: what it plays, what it sees, how it learns."""

    task: Annotated[str, tyro.conf.arg(name="game")] = "pong"
    """Game to play, by rom id (ms_pacman) or any other of its names; or balls_push."""

    algorithm: Annotated[AnyAlgorithmConfig, tyro.conf.arg(name="algo")] = field(default_factory=PpoConfig)
    """How it learns."""

    features: AnyFeatures = field(default_factory=NatureCnnFeatures)
    """What it sees."""

    steps: int = 1_000_000
    """Environment steps, of all environments together; the last rollout is finished (RL Baselines3 Zoo: 10 million)."""

    stack: int = 4
    """Pictures that make an observation (RL Baselines3 Zoo: 4). Encoders of windows take as many as they were
    trained for: 3 for those of `rmr-gym balls`."""

    seed: int = 0
    """Seed of the environments, of initial weights and of exploration, each by a stream of its own."""

    normalize_rewards: bool = False
    """Divide rewards of training by the running deviation of the return (`VecNormalize`), for tasks whose rewards are
    not clipped; evaluations count them as they are."""

    num_checkpoints: int = 10
    """States that are kept along the way, at equal distances; training that was killed continues from the last."""

    subprocesses: bool = False
    """Step each environment in a process of its own, for machines with as many cores."""

    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    """How it is scored."""

    game: GameOptions = field(default_factory=GameOptions)
    """How a game is played and shown."""

    world: BallsConfig = field(default_factory=BallsConfig)
    """The world of balls_push; encoders know the one that they were trained in."""

    push: PushOptions = field(default_factory=PushOptions)
    """What a push does in balls_push."""

    MEANT_BEFORE = MappingProxyType({"push": MappingProxyType({"push_speed": 0.1, "max_speed": 0.5})})
    """What it means that a field is absent from a document that was written before the field existed."""

    def __post_init__(self) -> None:
        """Translate the name of the task and refuse numbers out of range."""
        object.__setattr__(self, "task", task_name(self.task))
        if min(self.steps, self.stack, self.num_checkpoints) < 1:
            got = f"steps={self.steps}, stack={self.stack}, num_checkpoints={self.num_checkpoints}"
            raise ValueError(explain(expected="steps, stack and checkpoints of at least 1", got=got, fix="Raise them."))
        features = self.features
        if self.algorithm.off_policy and isinstance(features, StateFeatures) and features.critic_arch is not None:
            fix = "Leave critic_arch out, or take PPO or A2C."
            got = f"critic_arch={features.critic_arch} for {type(self.algorithm).__name__}"
            raise ValueError(explain(expected="an algorithm with a critic for critic_arch", got=got, fix=fix))
        self._check_sides()

    def _check_sides(self) -> None:
        """Refuse pictures that are too small for the convolutions of NatureCNN."""
        if not isinstance(self.features, NatureCnnFeatures):
            return
        size = self.world.picture_size
        name, sides = ("game.size", self.game.size) if self.where.is_game else ("world.picture_size", (size, size))
        if min(sides) < LEAST_SIDE:
            expected = f"{name} of at least {LEAST_SIDE} pixels a side for nature_cnn"
            fix = f"Raise {name}, or choose other features."
            raise ValueError(explain(expected=expected, got=" x ".join(map(str, sides)), fix=fix))

    @property
    def where(self) -> Task:
        """The task with its options."""
        return Task(name=self.task, game=self.game, world=self.world, push=self.push)

    @property
    def evaluates_deterministically(self) -> bool:
        """Whether evaluations take the likeliest action."""
        return not self.where.is_game if self.evaluation.deterministic is None else self.evaluation.deterministic
