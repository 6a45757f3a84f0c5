"""Natural decoder: predicted slots to the latent of the next frame."""

from __future__ import annotations

from typing import Literal, get_args

from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.errors import require_choice

Initialisation = Literal["identity", "orthogonal"]


def check_initialisation(initialisation: str) -> None:
    """Refuse a misspelt initialisation, which would mean another one.

    Raises:
        ValueError: when it is none of `Initialisation`.
    """
    require_choice("initialisation of the decoder", initialisation, get_args(Initialisation))


class LatentDecoder(nn.Module):
    """One linear layer shared by the slots, `g~` of the paper.

    Source: paper, section 5 ("a single linear projection to 64 dimensions").

    Args:
        slot_dim: width of a slot.
        initialisation: "identity" starts as `z' = z + P(z)` (the form of C-SWM); "orthogonal" as a random rotation.

    Raises:
        ValueError: when the initialisation is unknown.
    """

    def __init__(self, *, slot_dim: int, initialisation: Initialisation = "orthogonal") -> None:
        super().__init__()
        check_initialisation(initialisation)
        self.linear = nn.Linear(slot_dim, slot_dim)
        if initialisation == "identity":
            nn.init.eye_(self.linear.weight)
        else:
            nn.init.orthogonal_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, slots: Float[Tensor, "batch slot dim"]) -> Float[Tensor, "batch slot dim"]:
        """Project predicted slots into the space of the encoder."""
        latent: Tensor = self.linear(slots)
        return latent
