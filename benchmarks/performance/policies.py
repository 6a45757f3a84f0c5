"""Training throughput of PPO on Pong through a frozen encoder, beside Stable-Baselines3's NatureCNN from scratch.

The whole loop counts: environments, features, policy, updates. All agents have the settings of RL Baselines3 Zoo for
Atari, the fused kernel of Adam, and the same environments, stepped in this process (on two cores, processes of their
own are not faster); what differs is what turns pictures into features, and where.

    python -m benchmarks.performance --only policies
"""

from __future__ import annotations

import dataclasses
import functools
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

from benchmarks.performance.harness import Comparison, speed_ratio, take_turns
from benchmarks.performance.settings import Settings
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.models import Encoder
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.frozen_features import FrozenFeatures
from rmr_gym.sb3 import VecEncodeObservation, policy_kwargs_from
from rmr_gym.sb3.training.algorithms.ppo import PpoConfig
from rmr_gym.sb3.training.observing import head
from rmr_gym.sb3.training.pretrained import PROJECTION
from rmr_gym.sb3.training.tasks import GameOptions, Task, make_task_env

_PEER = "NatureCNN, from scratch"

_STACK = 4

_WIDE = 512
"""Width of the trained layer behind the features in NatureCNN."""

_SMALL: dict[str, Any] = {"num_envs": 2, "n_steps": 4, "batch_size": 4, "n_epochs": 1}
_FEW_SLOTS: dict[str, Any] = {"num_slots": 2, "slot_dim": 3}


class _TimedPpo(PPO):
    """PPO that keeps the seconds of its updates."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.update_seconds: list[float] = []

    def train(self) -> None:
        """Update the policy."""
        started = time.perf_counter()
        super().train()
        self.update_seconds.append(time.perf_counter() - started)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Variant:
    """A way from pictures to actions."""

    policy: str
    wrap: Callable[[VecEnv], VecEnv]
    policy_kwargs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    bar: float | None = None
    note: str = ""


def measure(settings: Settings) -> list[Comparison]:
    """Compare rollouts with their updates, one per turn, of agents that take turns."""
    # Every turn is a training of its own to Stable-Baselines3: annealed, each would end without a step.
    config = PpoConfig(anneal=False, **_SMALL if settings.quick else {})
    with initial_weights(0):  # what an encoder costs does not depend on its weights
        encoder = NatureCnnConfig(resolution="84x84", **_FEW_SLOTS if settings.quick else {}).build()
    variants = _variants(encoder)
    agents = {name: _agent(variant, config, settings.device) for name, variant in variants.items()}
    turn = functools.partial(_TimedPpo.learn, total_timesteps=config.steps_per_rollout, reset_num_timesteps=False)
    seconds = take_turns({name: functools.partial(turn, agent) for name, agent in agents.items()}, settings.repeats)
    for agent in agents.values():
        agent.get_env().close()  # type: ignore[union-attr]  # made with environments
    speeds = {name: _speed(agent, seconds[name], config.steps_per_rollout) for name, agent in agents.items()}
    versions = f"stable-baselines3 {version('stable-baselines3')}"
    size = (
        f"{config.num_envs} environments, {config.n_steps} steps, batch {config.batch_size}, {config.n_epochs} epochs"
    )
    return [
        Comparison(
            what=f"training of PPO on Pong, environment steps per second; {size}",
            ours=name,
            peer=_PEER,
            figure=speed_ratio(seconds, ours=name, peer=_PEER),
            bar=variant.bar,
            note=f"{variant.note}; {speeds[name]}, beside {speeds[_PEER]}; {versions}",
        )
        for name, variant in variants.items()
        if name != _PEER
    ]


def _variants(encoder: Encoder) -> dict[str, _Variant]:
    stacked = functools.partial(VecFrameStack, n_stack=_STACK)
    flat = functools.partial(VecEncodeObservation, features=FrozenFeatures(encoder), stack=_STACK)
    mean = functools.partial(VecEncodeObservation, features=FrozenFeatures(encoder, readout="mean"), stack=_STACK)
    width = _STACK * encoder.num_slots * encoder.slot_dim
    return {
        _PEER: _Variant(policy="CnnPolicy", wrap=stacked),
        "VecEncodeObservation, MlpPolicy": _Variant(
            policy="MlpPolicy", wrap=flat, bar=1.0, note=f"{width:,} features, then [64, 64] for actor and critic each"
        ),
        "VecEncodeObservation, mean of the slots, MlpPolicy": _Variant(
            policy="MlpPolicy",
            wrap=mean,
            bar=1.0,
            note=f"{_STACK * encoder.slot_dim:,} features, then [64, 64] for actor and critic each",
        ),
        f"VecEncodeObservation, a trained layer of {PROJECTION}": _Variant(
            policy="MlpPolicy",
            wrap=flat,
            policy_kwargs=head(PROJECTION, ()),
            bar=1.0,
            note=f"{width:,} features, then one layer that actor and critic share, as in agents.train",
        ),
        f"VecEncodeObservation, a trained layer of {_WIDE}": _Variant(
            policy="MlpPolicy",
            wrap=flat,
            policy_kwargs=head(_WIDE, ()),
            note=f"{width:,} features, then what follows them in NatureCNN",
        ),
        "EncoderFeaturesExtractor, frozen": _Variant(
            policy="CnnPolicy",
            wrap=stacked,
            policy_kwargs=policy_kwargs_from(encoder),
            bar=0.5,
            note="encodes every frame of a stack at every step and in every epoch",
        ),
    }


def _agent(variant: _Variant, config: PpoConfig, device: str) -> _TimedPpo:
    """Make an agent with environments of its own, all of which start alike."""
    task = Task(name="pong", game=GameOptions(), world=BallsConfig())
    venv = variant.wrap(make_task_env(task, num_envs=config.num_envs, seed=0))
    kwargs = {**config.policy_kwargs(), **variant.policy_kwargs}  # the optimizer is the same for all, NatureCNN too
    return _TimedPpo(variant.policy, venv, policy_kwargs=kwargs, seed=0, device=device, **config.keywords())


def _speed(agent: _TimedPpo, seconds: tuple[float, ...], num_steps: int) -> str:
    """Say how fast an agent was, and how much of its time its updates took."""
    share = sum(agent.update_seconds[-len(seconds) :]) / sum(seconds)
    return f"{num_steps / statistics.median(seconds):.0f} steps/s with {share:.0%} of the time in updates"
