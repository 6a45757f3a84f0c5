"""A trained layer behind features that come from a wrapper."""

from __future__ import annotations

from gymnasium import spaces
from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.errors import missing_extra

try:
    from stable_baselines3.common.preprocessing import get_flattened_obs_dim
    from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
except ImportError as error:
    raise missing_extra("stable_baselines3", "sb3") from error


class Projection(BaseFeaturesExtractor):
    """One linear layer with ReLU, as the last one of `NatureCNN`, which actor and critic share.

    With it, and `net_arch=[]`, an agent on the features of an encoder differs from one with `NatureCNN` in what makes
    the features, and in nothing behind them.

    Args:
        observation_space: a Box; it is flattened.
        features_dim: width of the layer.

    Example:
        >>> import numpy as np, torch
        >>> Projection(spaces.Box(-1, 1, (30,), np.float32), features_dim=5)(torch.zeros(2, 30)).shape
        torch.Size([2, 5])
    """

    def __init__(self, observation_space: spaces.Box, features_dim: int = 512) -> None:
        super().__init__(observation_space, features_dim)
        width = get_flattened_obs_dim(observation_space)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(width, features_dim), nn.ReLU())

    def forward(self, observations: Float[Tensor, "batch *shape"]) -> Float[Tensor, "batch feature"]:
        """Compute the features of a batch."""
        features: Tensor = self.layers(observations)
        return features
