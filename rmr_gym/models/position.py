"""Where a cell of a feature map lies, as a learned embedding."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.models.blocks import mixed_precision


class PositionEmbedding(nn.Module):
    """Adds a linear map of `(x, y, 1 - x, 1 - y)` to every cell; x and y run from 0 to 1 over the map.

    Convolutions and slots do not know where they are; encoder and decoder both need it.

    Source: Locatello et al. 2020, appendix E.2 (Slot Attention).

    Args:
        channels: width of a cell.
        size: height and width of the map.
    """

    grid: Tensor

    def __init__(self, *, channels: int, size: tuple[int, int]) -> None:
        super().__init__()
        axes = [torch.linspace(0.0, 1.0, length) for length in size]
        y, x = torch.meshgrid(*axes, indexing="ij")
        self.register_buffer("grid", torch.stack([x, y, 1 - x, 1 - y], dim=-1), persistent=False)
        self.linear = nn.Linear(4, channels)

    def forward(self, maps: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel height width"]:
        """Add the embedding to feature maps."""
        with mixed_precision(maps.device, enabled=False):  # neighbouring cells differ by little
            embedding: Tensor = self.linear(self.grid)
        return maps + embedding.permute(2, 0, 1)
