"""How the agents of the comparison are trained: the same on a task for all arms, but for what the table says."""

from __future__ import annotations

import dataclasses

from benchmarks.control.arms import ARMS, Kind
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.errors import explain
from rmr_gym.sb3.training import (
    BALLS_PUSH,
    AgentConfig,
    AnyFeatures,
    EncoderFeatures,
    EvaluationConfig,
    FineTunedFeatures,
    NatureCnnFeatures,
    PpoConfig,
    PushOptions,
    StateFeatures,
)

_BALLS_STEPS, _GAME_STEPS = 7_680, 61_440
"""Environment steps of a training where --steps says nothing."""

WORLD = BallsConfig(num_balls=4, radius=0.1)
"""That of the quick profile of `rmr-gym balls`, on which the encoders of balls_push were trained."""

_GAME_LEARNING_RATES: dict[Kind, float] = {"scratch": 5e-4, "frozen": 1e-3, "fine_tuned": 5e-4, "privileged": 1e-3}
"""Step size of each kind of arm on games: small layers on finished features bear a larger one."""

_BALLS_LEARNING_RATES: dict[Kind, float] = {"scratch": 1e-3, "frozen": 3e-4, "fine_tuned": 3e-4, "privileged": 3e-3}
"""The same on balls: each the best of a list that was the same for all, on seeds that are in no result. The list was
tried on RMR for all frozen encoders; nothing was tried for fine-tuned ones."""

_ENCODER_LEARNING_RATE = 5e-5
"""Step size of an encoder that is fine-tuned, a tenth of that of NatureCNN."""

_BALLS_PROJECTION, _GAME_PROJECTION = 512, 64
"""Width of the trained layer behind the features, on balls also behind positions. On games 4 x 8,192 features meet it:
64 units have 2.1 million weights, beside the 1.7 million of a NatureCNN; on balls it is as wide as in NatureCNN."""

_BALL_HISTORY, _GAME_HISTORY = 3, 4

_GAME_PPO = PpoConfig(n_steps=64, batch_size=128, clip_range=0.2, anneal=False, fused_adam=False)
"""Made for short trainings: updates every 512 steps, twice as often as in RL Baselines3 Zoo, and nothing annealed.
Games were begun without the fused kernel of Adam and go on so."""

_BALLS_PPO = PpoConfig(
    num_envs=16, n_steps=16, batch_size=64, clip_range=0.2, anneal=False, gamma=0.9, ent_coef=0.0, vf_coef=0.5
)
"""For still shorter ones: updates every 256 steps, out of 16 worlds, whose steps are less alike than those of 8. A push
pays at once, so that ten steps are far enough ahead."""

PUSH = PushOptions(push_speed=0.3)
"""Three times the default, so that the reward tells of single pushes; with the default few agents get far in 10,000
steps, since what follows from a push drowns in what else happens."""


def agent_config(task: str, arm: str, seed: int, encoder: str | None, steps: int | None = None) -> AgentConfig:
    """Return the settings of one agent.

    Args:
        task: a game or balls_push.
        arm: name of an arm that is there on the task.
        seed: of the agent.
        encoder: folder of its encoder; None for arms without one.
        steps: environment steps; None takes the default of the task.

    Raises:
        ValueError: when the arm is not there on the task, or needs an encoder and gets none.
    """
    if not ARMS[arm].plays(task):
        fix = "Leave it out, or leave --arms out."
        raise ValueError(explain(expected=f"an arm that is there on {task}", got=arm, fix=fix))
    on_balls, kind = task == BALLS_PUSH, ARMS[arm].kind
    algorithm = dataclasses.replace(
        _BALLS_PPO if on_balls else _GAME_PPO,
        learning_rate=(_BALLS_LEARNING_RATES if on_balls else _GAME_LEARNING_RATES)[kind],
    )
    return AgentConfig(
        task=task,
        algorithm=algorithm,
        features=_features(task, arm, encoder),
        steps=(_BALLS_STEPS if on_balls else _GAME_STEPS) if steps is None else steps,
        stack=_BALL_HISTORY if on_balls else _GAME_HISTORY,
        seed=seed,
        num_checkpoints=1,
        evaluation=evaluation(task),
        world=WORLD,
        push=PUSH if on_balls else PushOptions(),
    )


def evaluation(task: str) -> EvaluationConfig:
    """Return how the agents of a task are scored."""
    if task == BALLS_PUSH:
        return EvaluationConfig(every=1_536, num_episodes=10, num_final_episodes=20)
    return EvaluationConfig(every=10_240, num_episodes=4, num_final_episodes=10, max_frames=7_200)


def _features(task: str, arm: str, encoder: str | None) -> AnyFeatures:
    kind, on_balls = ARMS[arm].kind, task == BALLS_PUSH
    projection = _BALLS_PROJECTION if on_balls else _GAME_PROJECTION
    if kind == "scratch":
        return NatureCnnFeatures()
    if kind == "privileged" and on_balls:
        return StateFeatures(motion=True, projection=projection, net_arch=())
    if kind == "privileged":
        return StateFeatures(motion=False)
    if encoder is None:
        fix = f"Pass --encoders with a folder that holds {task}."
        raise ValueError(explain(expected=f"an encoder for the arm {arm}", got="none", fix=fix))
    if kind == "fine_tuned":
        return FineTunedFeatures(path=encoder, learning_rate=_ENCODER_LEARNING_RATE, projection=projection)
    return EncoderFeatures(path=encoder, projection=projection, standardise=on_balls)
