"""What an agent does first with vectors that come from a wrapper or from the task itself."""

from __future__ import annotations

from gymnasium import spaces
from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.errors import missing_extra
from rmr_gym.sb3.training.standardising import Motion, Standardise

try:
    from stable_baselines3.common.preprocessing import get_flattened_obs_dim
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
except ImportError as error:
    raise missing_extra("stable_baselines3", "sb3") from error

_POSITION_AXES, _COORDINATES = 2, 2
"""Positions of balls have an axis for the balls and one for x and y, along which they are stacked."""


class Projection(BaseFeaturesExtractor):
    """One linear layer with ReLU, as the last one of `NatureCNN`, which actor and critic share.

    With it, and `net_arch=[]`, an agent on the features of an encoder differs from one with `NatureCNN` in what makes
    the features, and in nothing behind them.

    Args:
        observation_space: a Box; it is flattened.
        features_dim: width of the layer; None leaves it out.
        standardise: whether to bring each number to mean 0 and deviation 1 before (`Standardise`).
        motion: whether to show stacked positions `(ball, 2 * states)` as the last ones and how they got there
            (`Motion`), standardised; vectors stay as they are.

    Example:
        >>> import numpy as np, torch
        >>> Projection(spaces.Box(-1, 1, (30,), np.float32), features_dim=5)(torch.zeros(2, 30)).shape
        torch.Size([2, 5])
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        features_dim: int | None = 512,
        *,
        standardise: bool = False,
        motion: bool = False,
    ) -> None:
        width, shape = get_flattened_obs_dim(observation_space), observation_space.shape
        moves = motion and len(shape) == _POSITION_AXES
        super().__init__(observation_space, width if features_dim is None else features_dim)
        layers: list[nn.Module] = [Motion(shape[-1] // _COORDINATES)] if moves else []
        layers.append(nn.Flatten())
        if standardise or moves:
            layers.append(Standardise(width))
        if features_dim is not None:
            layers += [nn.Linear(width, features_dim), nn.ReLU()]
        self.layers = nn.Sequential(*layers)

    def forward(self, observations: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch feature"]:
        """Compute the features of a batch."""
        features: Tensor = self.layers(observations)
        return features
