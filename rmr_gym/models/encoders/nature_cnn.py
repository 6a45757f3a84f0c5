"""The paper's pixel encoder: a convolutional trunk and slots cut from its feature maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn
from torch.nn import functional

from rmr_gym.errors import explain
from rmr_gym.models.blocks import mixed_precision
from rmr_gym.models.encoders.block_conv import BlockConv2d
from rmr_gym.models.interfaces import Encoder

Resolution = Literal["210x160", "84x84"]
Initialisation = Literal["orthogonal", "default"]

# (output channels, kernel, stride) of each layer, none of them padded.
_TRUNKS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "210x160": ((32, 8, 4), (64, 4, 2), (128, 4, 2), (64, 3, 1)),
    "84x84": ((32, 8, 4), (64, 4, 2), (64, 3, 1)),
}

# Frames encoded at once on a CPU: their largest maps (6 MB) stay near the cores, and are not fetched anew from the
# system for every batch, which would cost more than the arithmetic on them.
_CPU_FRAMES = 25


@dataclass(frozen=True, kw_only=True, slots=True)
class NatureCnnConfig:
    """Convolutional trunk of AtariARI with the slot head of the paper."""

    resolution: Resolution = "210x160"
    """Height and width of the gray frame: 210x160 as in the paper, or 84x84 for small machines."""

    num_slots: int = 128
    """Slots, one per byte of RAM in the processor (paper, section 5)."""

    slot_dim: int = 64
    """Width of a slot; must be the width of the processor (paper, section 5)."""

    maps_per_slot: int = 4
    """Feature maps per slot, m in the paper, which gives no value. ours: 4, since one map has fewer cells than 64."""

    initialisation: Initialisation = "orthogonal"
    """Initial weights: orthogonal with ReLU gain and zero biases as in AtariARI, or PyTorch's default."""

    output_std: float | None = None
    """Standard deviation over the training frames that every output feature starts with, around mean 0. None leaves the
    outputs as they are (the paper names no such step): at orthogonal weights they vary by 0.005 (Pong) to 0.02 (Space
    Invaders), while a processor was trained on latents that vary by 0.4. ours, for short runs: 0.4, that of the
    abstract encoder's latents."""

    def __post_init__(self) -> None:
        if self.resolution not in _TRUNKS:
            fix = f"Choose one of {', '.join(_TRUNKS)}."
            raise ValueError(explain(expected="a known resolution", got=self.resolution, fix=fix))
        if self.initialisation not in get_args(Initialisation):
            fix = f"Choose one of {', '.join(get_args(Initialisation))}."
            raise ValueError(explain(expected="a known initialisation", got=self.initialisation, fix=fix))
        if min(self.num_slots, self.slot_dim, self.maps_per_slot) < 1:
            expected = "num_slots, slot_dim and maps_per_slot >= 1"
            raise ValueError(explain(expected=expected, got=self, fix="Raise the number."))
        if self.output_std is not None and not self.output_std > 0:
            raise ValueError(explain(expected="output_std > 0 or None", got=self.output_std, fix="Pass 0.4 or None."))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the frames."""
        height, width = self.resolution.split("x")
        return int(height), int(width)

    def build(self) -> NatureCnn:
        """Build the encoder."""
        return NatureCnn(self)


class NatureCnn(Encoder):
    """Frames to slots: trunk, 1x1 convolution to m maps per slot, one linear layer shared by the slots.

    Source: paper, section 5 ("128m feature maps"); trunk of Anand et al. 2019 without its dense layer.
    """

    config: NatureCnnConfig
    shift: Tensor
    scale: Tensor

    def __init__(self, config: NatureCnnConfig) -> None:
        super().__init__()
        self.config = config
        self.num_slots, self.slot_dim = config.num_slots, config.slot_dim
        height, width = config.size
        self.input_shape = (1, height, width)
        layers: list[nn.Module] = []
        channels = 1
        for out_channels, kernel, stride in _TRUNKS[config.resolution]:
            first = not layers
            layer = BlockConv2d(out_channels, stride) if first else nn.Conv2d(channels, out_channels, kernel, stride)
            layers += [layer, nn.ReLU(inplace=True)]
            channels, height, width = out_channels, (height - kernel) // stride + 1, (width - kernel) // stride + 1
        self.trunk = nn.Sequential(*layers)
        self.maps = nn.Conv2d(channels, config.num_slots * config.maps_per_slot, kernel_size=1)
        self.head = nn.Linear(config.maps_per_slot * height * width, config.slot_dim)
        self.register_buffer("shift", torch.zeros(config.num_slots, config.slot_dim))
        self.register_buffer("scale", torch.ones(config.num_slots, config.slot_dim))
        if config.initialisation == "orthogonal":
            self._initialise_orthogonally()

    def forward(self, pixels: Num[Tensor, "batch channel height width"]) -> Float[Tensor, "batch slot dim"]:
        """Encode gray frames.

        Args:
            pixels: bytes in 0..255 or floats in [0, 1]; one channel.

        Raises:
            ValueError: when the frames have another shape than the encoder was built for.
        """
        if tuple(pixels.shape[1:]) != self.input_shape:
            got, fix = (
                f"(batch, {', '.join(map(str, pixels.shape[1:]))})",
                "Make frames with make_atari or a dataset of that size.",
            )
            raise ValueError(explain(expected=f"frames of shape (batch, *{self.input_shape})", got=got, fix=fix))
        size = _CPU_FRAMES if pixels.device.type == "cpu" else max(1, len(pixels))
        slots = torch.cat([self._encode(part) for part in torch.split(pixels, size)])
        return (slots - self.shift) * self.scale

    def _encode(self, pixels: Num[Tensor, "batch channel height width"]) -> Float[Tensor, "batch slot dim"]:
        maps = self.maps(self.trunk(pixels))
        # In bfloat16 the rounding of the outputs would be as large as what differs between frames.
        with mixed_precision(maps.device, enabled=False):
            # Channel = slot * m + map.
            per_slot = maps.to(self.head.weight.dtype).reshape(len(maps), 1, self.num_slots, self.head.in_features)
            if maps.device.type != "cpu":
                return self.head(per_slot).squeeze(1)  # type: ignore[no-any-return]
            # A 1x1 convolution is the same product; oneDNN computes it on CPUs where MKL would be held back.
            weight = self.head.weight[:, :, None, None]
            slots = functional.conv2d(per_slot.permute(0, 3, 1, 2), weight, self.head.bias)
            return slots.permute(0, 2, 3, 1).squeeze(1)

    @torch.no_grad()
    def calibrate(self, pixels: Num[Tensor, "batch channel height width"]) -> None:
        """Set the fixed shift and scale of the outputs from training frames, if the config asks for it.

        A linear probe on standardised features does not see the difference. Features that hardly vary are not blown
        up beyond 20 times the median scale.

        Raises:
            ValueError: when most features do not vary over the frames.
        """
        if self.config.output_std is None:
            return
        self.shift.zero_()
        self.scale.fill_(1.0)
        slots = torch.cat([self(part) for part in torch.split(pixels, 100)])
        std = slots.std(0, correction=min(1, len(slots) - 1))
        if not std.median() > 1e-6 * slots.abs().mean():  # the rest is rounding
            expected, got = "frames on which most features vary", f"{len(slots)} on which they do not"
            fix = "Collect with players that press FIRE, or set output_std to None."
            raise ValueError(explain(expected=expected, got=got, fix=fix))
        self.shift.copy_(slots.mean(0))
        self.scale.copy_(self.config.output_std / std.clamp_min(0.05 * std.median()))

    def _initialise_orthogonally(self) -> None:
        for layer in (*self.trunk, self.maps, self.head):
            if isinstance(layer, nn.Conv2d | nn.Linear):
                gain = nn.init.calculate_gain("relu") if layer in self.trunk else 1.0
                nn.init.orthogonal_(layer.weight, gain=gain)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
