"""Numbers of unit size for a policy: how states move, and what a first look at the task says of their size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.seeding import numpy_generator

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

FIRST_LOOK = 1_024
"""Observations of random play from which `Standardise` learns what is usual, before the first step of training."""

LEAST_SHARE = 0.01
"""Deviations below this share of the mean one are taken for it: what hardly changes is no signal to be blown up."""


class Motion(nn.Module):
    """Shows a stack of states as the last state and the differences between each and the one before it.

    Args:
        stack: number of states on the last axis, oldest first. Before an episode there are zeros, as `VecFrameStack`
            puts them: a state of nothing but zeros counts as one that did not differ from the next.

    Example:
        >>> Motion(3)(torch.tensor([[[0.0, 1.0, 3.0]]])).tolist()
        [[[3.0, 2.0, 0.0]]]
    """

    def __init__(self, stack: int) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, states: Float[Tensor, "batch *thing numbers"]) -> Float[Tensor, "batch *thing numbers"]:
        """Return the last state, the newest difference, and so on to the oldest."""
        newest, *older = reversed(states.chunk(self.stack, dim=-1))
        shown, after = [newest], newest
        for state in older:
            there = state.flatten(1).any(dim=1).view(-1, *[1] * (state.ndim - 1))
            shown.append(torch.where(there, after - state, torch.zeros_like(state)))
            after = state
        return torch.cat(shown, dim=-1)


class Standardise(nn.Module):
    """Subtracts a mean and divides by a deviation that stay as they are once they are set.

    Both are buffers: they are saved with the agent, optimizers do not see them, and another agent that is loaded has
    its own. Until they are set, numbers pass as they are.

    Args:
        width: numbers in a vector.

    Example:
        >>> layer = Standardise(2)
        >>> layer.fit(torch.tensor([[0.0, 5.0], [2.0, 5.0]]))
        >>> layer(torch.tensor([[3.0, 5.0]])).round().tolist()
        [[2.0, 0.0]]
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    @torch.no_grad()
    def fit(self, vectors: Float[Tensor, "sample number"]) -> None:
        """Set mean and deviation to those of some vectors."""
        variance = vectors.var(dim=0, correction=0)
        floor = LEAST_SHARE**2 * variance.mean()
        self.mean.copy_(vectors.mean(dim=0))
        self.deviation.copy_(torch.where(variance.maximum(floor) > 0, variance.maximum(floor), 1.0).sqrt())

    def forward(self, vectors: Float[Tensor, "batch number"]) -> Float[Tensor, "batch number"]:
        """Standardise a batch."""
        return (vectors - self.mean) / self.deviation


def standardises(policy: nn.Module) -> bool:
    """Tell whether a policy has a `Standardise`, which wants a first look."""
    return bool(_layers(policy))


def take_a_first_look(policy: nn.Module, venv: VecEnv, seed: int) -> None:
    """Let every `Standardise` in a policy see random play, all of them the same.

    Args:
        policy: of Stable-Baselines3. Without such a layer nothing is played.
        venv: environments as the policy sees them, not those of a training: they are left in the middle of an episode,
            with which Stable-Baselines3's `EpisodicLifeEnv` goes on when it is reset, whatever seed it is given.
        seed: of environments and actions.
    """
    layers = _layers(policy)
    if not layers:
        return
    played = play_randomly(venv, numpy_generator(seed, "first look"), seed=seed, count=FIRST_LOOK)
    seen = torch.as_tensor(played, device=layers[0].mean.device).float()
    # What stands before the layer is in the policy as well, so the policy is asked what arrives there.
    for layer in layers:
        layer.fit(_arriving(policy, layer, seen))


def play_randomly(venv: VecEnv, generator: np.random.Generator, *, seed: int, count: int) -> np.ndarray:
    """Return what random play shows from the start on.

    Args:
        venv: the environments.
        generator: draws the actions.
        seed: of the environments.
        count: observations, rounded down to a multiple of the number of environments.

    Returns:
        The observations, those of one step after those of the other.
    """
    venv.seed(seed)
    observations: list[Any] = [venv.reset()]
    for _ in range(count // venv.num_envs - 1):
        actions = generator.integers(venv.action_space.n, size=venv.num_envs)  # type: ignore[attr-defined]
        observations.append(venv.step(actions)[0])
    return np.concatenate(observations)


def _layers(policy: nn.Module) -> list[Standardise]:
    return [layer for layer in policy.modules() if isinstance(layer, Standardise)]


def _arriving(policy: nn.Module, layer: Standardise, seen: Tensor) -> Tensor:
    """Return what arrives at a layer."""
    caught: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    owner = next(module for module in policy.modules() if layer in set(module.children()))
    try:
        with torch.no_grad():
            owner(seen)
    finally:
        hook.remove()
    return torch.cat(caught)
