"""Abstract decoder: slots to a mask of overwritten bytes and their new bits."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.encoders.ram import NUM_BITS


@dataclass(frozen=True, kw_only=True, slots=True)
class RamDecoderConfig:
    """Size of the abstract decoder."""

    slot_dim: int = 64
    """Width of a slot (paper, section 5)."""

    def __post_init__(self) -> None:
        if self.slot_dim < 1:
            raise ValueError(explain(expected="slot_dim >= 1", got=self.slot_dim, fix="Pass 64."))

    def build(self) -> RamDecoder:
        """Build the decoder."""
        return RamDecoder(slot_dim=self.slot_dim)


class RamDecoder(nn.Module):
    """Two linear read-outs of each slot, as logits.

    Source: paper, appendix F, equations 4 and 5.

    Args:
        slot_dim: width of a slot.

    Attributes:
        config: that width.
    """

    def __init__(self, *, slot_dim: int) -> None:
        super().__init__()
        self.config = RamDecoderConfig(slot_dim=slot_dim)
        self.mask = nn.Linear(slot_dim, 1)
        self.bits = nn.Linear(slot_dim, NUM_BITS)

    def forward(
        self, slots: Float[Tensor, "batch slot dim"]
    ) -> tuple[Float[Tensor, "batch slot"], Float[Tensor, "batch slot 8"]]:
        """Return the logit that a byte is overwritten, and the logits of its new bits."""
        return self.mask(slots).squeeze(-1), self.bits(slots)
