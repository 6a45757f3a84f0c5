"""The two pipelines around one processor."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Bool, Float, Int, Num, UInt8
from torch import Tensor, nn

from rmr_gym.errors import explain, require_choice
from rmr_gym.models.blocks import mixed_precision
from rmr_gym.models.decoders import LatentDecoder, RamDecoder
from rmr_gym.models.encoders.ram import NUM_BITS, RamEncoder
from rmr_gym.models.interfaces import Encoder, Processor

Precision = Literal["float32", "bfloat16"]


def check_precision(precision: str) -> None:
    """Refuse a misspelt precision, which would mean float32.

    Raises:
        ValueError: when it is none of `Precision`.
    """
    require_choice("precision", precision, get_args(Precision))


class RamPrediction(NamedTuple):
    """Logits of the abstract pipeline."""

    mask_logits: Float[Tensor, "batch slot"]
    bit_logits: Float[Tensor, "batch slot 8"]


class Latents(NamedTuple):
    """Slots of a transition, as the contrastive objectives need them."""

    current: Float[Tensor, "batch slot dim"]
    predicted: Float[Tensor, "batch slot dim"]
    following: Float[Tensor, "batch slot dim"]


def unpack_bits(ram: UInt8[Tensor, "batch slot"], dtype: torch.dtype = torch.float32) -> Float[Tensor, "batch slot 8"]:
    """Spread bytes into bits, most significant first (as `numpy.unpackbits`)."""
    shifts = torch.arange(NUM_BITS - 1, -1, -1, device=ram.device, dtype=torch.uint8)
    return ((ram.unsqueeze(-1) >> shifts) & 1).to(dtype)


class AbstractModel(nn.Module):
    """`g(P(f(x), a))`: predicts the next memory from the memory and the action.

    Source: paper, section 5 (abstract pipeline) and appendix F.

    Args:
        processor: the latent transition model, trained here and reused on pixels.
        num_slots: bytes of memory.
    """

    def __init__(self, processor: Processor, *, num_slots: int) -> None:
        super().__init__()
        self.encoder = RamEncoder(num_slots=num_slots, slot_dim=processor.slot_dim)
        self.processor = processor
        self.decoder = RamDecoder(slot_dim=processor.slot_dim)

    def forward(self, bits: Float[Tensor, "batch slot 8"], action: Int[Tensor, " batch"]) -> RamPrediction:
        """Return the logits of the mask and of the new bits."""
        return RamPrediction(*self.decoder(self.processor(self.encoder(bits), action)))

    @torch.no_grad()
    def predict(
        self, bits: Float[Tensor, "batch slot 8"], action: Int[Tensor, " batch"]
    ) -> tuple[Bool[Tensor, "batch slot 8"], Bool[Tensor, "batch slot"]]:
        """Predict the next bits: new ones where the mask says so, the old ones elsewhere.

        Equation 5 as printed would zero the untouched bytes; appendix B says that the mask marks the bytes to be
        overwritten, so the others are copied.

        Returns:
            Next bits and the mask of overwritten bytes.
        """
        mask_logits, bit_logits = self(bits, action)
        overwritten = mask_logits > 0
        return torch.where(overwritten.unsqueeze(-1), bit_logits > 0, bits > 0), overwritten


class NaturalModel(nn.Module):
    """`g~(P(f~(x), a))`: predicts the latent of the next frame from a frame and the action.

    Source: paper, section 5 (natural pipeline).

    Args:
        encoder: pictures to slots.
        processor: shared with the abstract pipeline, usually frozen.
        decoder: linear map of the predicted slots.
        precision: of encoder and processor; energies and the decoder are always computed in float32.

    Raises:
        ValueError: when encoder and processor disagree about the width of a slot.
    """

    def __init__(
        self, encoder: Encoder, processor: Processor, decoder: LatentDecoder, *, precision: Precision = "float32"
    ) -> None:
        super().__init__()
        if encoder.slot_dim != processor.slot_dim:
            raise ValueError(
                explain(
                    expected=f"an encoder with slots of width {processor.slot_dim}, as the processor",
                    got=f"width {encoder.slot_dim}",
                    fix="Set slot_dim of the encoder to that of the processor.",
                )
            )
        self.encoder = encoder
        self.processor = processor
        self.decoder = decoder
        self.precision = precision

    def encode(self, pixels: Num[Tensor, "batch channel height width"]) -> Float[Tensor, "batch slot dim"]:
        """Encode pictures with the precision of the model; the slots are float32."""
        with mixed_precision(pixels.device, enabled=self.precision == "bfloat16"):
            slots: Tensor = self.encoder(pixels)
        return slots.float()

    def forward(
        self,
        pixels: Num[Tensor, "batch channel height width"],
        action: Int[Tensor, " batch"],
        next_pixels: Num[Tensor, "batch channel height width"],
    ) -> Latents:
        """Encode both frames and predict the second from the first."""
        current, following = self.encode(torch.cat([pixels, next_pixels])).chunk(2)
        with mixed_precision(current.device, enabled=self.precision == "bfloat16"):
            predicted = self.processor(current, action)
        return Latents(current, self.decoder(predicted.float()), following)
