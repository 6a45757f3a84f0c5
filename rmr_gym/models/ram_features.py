"""Features of a policy that sees the memory: the abstract pipeline up to its processor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.encoders.ram import NUM_BITS, RamEncoder
from rmr_gym.models.interfaces import Processor
from rmr_gym.models.picture_features import Readout
from rmr_gym.models.world_model import unpack_bits

RamForm = Literal["bytes", "bits", "float"]
"""Bytes in 0..255, as uint8 or as floats of these values; 8 bits per byte, most significant first; bytes over 255."""

NOOP = 0
"""ALE value of doing nothing."""


class RamStateFeatures(nn.Module):
    """Memory to one vector per observation, by the encoder and the processor of the abstract pipeline.

    With a processor the features are the slots that it predicts for doing nothing, `P(f(x) + alpha) + f(x) + alpha`.
    They take the place of `f(x)` and do not stand beside it: the skip connection carries it on, and twice the width
    would double the first layer of a policy. When features are computed no action is chosen yet; the constant alpha of
    doing nothing is one that the processor was trained on.

    Observations that hold several memories (stacks) are encoded memory by memory and joined, oldest first.

    Args:
        encoder: of memory (equation 1 of appendix F); becomes a part of this module, not a copy.
        processor: as trained with it; None leaves the slots of the encoder as they are.
        observation_shape: shape of one observation: `(128,)`, `(1024,)` bits, `(128, 8)` bits, and stacks of them
            joined in the last axis or in an axis of their own in front.
        readout: "flatten" joins the slots, "mean" averages them.
        ram_format: form of the memory, see `RamForm`.

    Attributes:
        num_frames: memories in an observation.
        features_dim: width of the result.

    Raises:
        ValueError: when observations of that shape hold no memories in that form, or the widths of encoder and
            processor differ.

    Source: paper, section 5 and appendix F, equations 1 to 3.

    Example:
        >>> features = RamStateFeatures(RamEncoder(num_slots=128, slot_dim=4), None, (1024,), ram_format="bits")
        >>> features(torch.zeros(2, 1024, dtype=torch.uint8)).shape
        torch.Size([2, 512])
    """

    def __init__(
        self,
        encoder: RamEncoder,
        processor: Processor | None,
        observation_shape: Sequence[int] = (128,),
        *,
        readout: Readout = "flatten",
        ram_format: RamForm = "bytes",
    ) -> None:
        super().__init__()
        self.encoder, self.processor = encoder, processor
        self.observation_shape: tuple[int, ...] = tuple(int(length) for length in observation_shape)
        self.readout: Readout = readout
        self.ram_format: RamForm = ram_format
        num_slots, slot_dim = encoder.config.num_slots, encoder.config.slot_dim
        _check_choices(readout, ram_format)
        if processor is not None and processor.slot_dim != slot_dim:
            expected, fix = f"a processor of slots of width {slot_dim}", "Take both from one folder."
            raise ValueError(explain(expected=expected, got=f"width {processor.slot_dim}", fix=fix))
        self._memory_shape = _memory_shape(self.observation_shape, num_slots, ram_format)
        self.num_frames = math.prod(self.observation_shape) // math.prod(self._memory_shape)
        output_dim = slot_dim if processor is None else processor.output_dim
        self.features_dim = self.num_frames * output_dim * (num_slots if readout == "flatten" else 1)

    def forward(self, ram: Num[Tensor, "batch ..."]) -> Float[Tensor, "batch feature"]:
        """Encode observations of memory.

        Raises:
            ValueError: when the observations have another shape.
        """
        if tuple(ram.shape[1:]) != self.observation_shape:
            expected, fix = f"observations of shape (batch, *{self.observation_shape})", "Build it for that shape."
            raise ValueError(explain(expected=expected, got=tuple(ram.shape), fix=fix))
        if not len(ram):
            return torch.zeros(0, self.features_dim, device=ram.device)
        slots: Tensor = self.encoder(self._bits(self._memories(ram)))
        if self.processor is not None:
            actions = self.processor.num_actions
            slots = self.processor(slots, slots.new_full((len(slots),), NOOP, dtype=torch.int64) if actions else None)
        vectors = slots.mean(1) if self.readout == "mean" else slots
        return vectors.float().reshape(len(ram), self.features_dim)

    def _memories(self, ram: Tensor) -> Tensor:
        """Take stacks apart: one row per memory."""
        *rows, width = self._memory_shape
        if rows:  # bits of several memories stand beside each other in the row of a byte
            ram = ram.reshape(-1, *rows, ram.shape[-1] // width, width).transpose(1, 2)
        return ram.reshape(-1, math.prod(self._memory_shape))

    def _bits(self, ram: Tensor) -> Tensor:
        dtype = self.encoder.address.dtype
        if self.ram_format == "bits":
            return ram.to(dtype).view(len(ram), -1, NUM_BITS)
        whole = (ram * 255).round() if self.ram_format == "float" else ram
        return unpack_bits(whole.to(torch.uint8), dtype)


def _memory_shape(observation: tuple[int, ...], num_slots: int, ram_format: RamForm) -> tuple[int, ...]:
    """Return the shape of one memory in an observation: one axis, or for bits also a row of eight per byte.

    Raises:
        ValueError: when the observation holds no memories in that form, or stacks of stacks, whose order is lost.
    """
    flat, in_rows = (num_slots * (NUM_BITS if ram_format == "bits" else 1),), (num_slots, NUM_BITS)
    for memory in (flat, in_rows) if ram_format == "bits" else (flat,):
        in_front, own = observation[: -len(memory)], observation[-len(memory) :]
        if len(own) == len(memory) and own[:-1] == memory[:-1] and own[-1] > 0 and own[-1] % memory[-1] == 0:
            if own[-1] > memory[-1] and math.prod(in_front) > 1:
                fix = "Stack once: in the last axis, or in an axis of its own."
                got = f"observations of shape {observation}, stacks of stacks"
                raise ValueError(explain(expected="memories, or one stack of them", got=got, fix=fix))
            if math.prod(in_front) > 0:
                return memory
    expected = f"memories of {flat[0]} numbers each, as the format {ram_format!r} has it"
    fix = 'Pass the ram_format of the environment: "bytes", "bits" or "float".'
    raise ValueError(explain(expected=expected, got=f"observations of shape {observation}", fix=fix))


def ram_format_of(observation_shape: Sequence[int], *, is_float: bool, num_slots: int = 128) -> RamForm:
    """Return the form of memory that observations must have, by the rule by which environments of this package give it.

    Args:
        observation_shape: shape of one observation; the last axis decides. As many numbers as a memory has bits, or a
            multiple, are bits, so that eight memories in one axis must be announced as what they are.
        is_float: whether the numbers are floats, which are then bytes over 255.
        num_slots: bytes of a memory.

    Example:
        >>> ram_format_of((1024,), is_float=False), ram_format_of((4, 128), is_float=True)
        ('bits', 'float')
    """
    last = observation_shape[-1] if len(observation_shape) else 0
    if last and (last % (NUM_BITS * num_slots) == 0 or (last == NUM_BITS and len(observation_shape) > 1)):
        return "bits"
    return "float" if is_float else "bytes"


def _check_choices(readout: object, ram_format: object) -> None:
    for name, value, choices in (
        ("readout", readout, get_args(Readout)),
        ("ram_format", ram_format, get_args(RamForm)),
    ):
        if value not in choices:
            raise ValueError(explain(expected=f"a known {name}", got=value, fix=f"Choose one of {', '.join(choices)}."))
