"""Features of a policy: pictures as an environment gives them, through an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.interfaces import Encoder, VideoEncoder
from rmr_gym.models.picture_layout import Colours, picture_layout
from rmr_gym.seeding import torch_generator

Readout = Literal["flatten", "mean"]
"""How slots become one vector: one after the other, or their mean."""


class PictureFeatures(nn.Module):
    """Observations of an environment to one vector each.

    Every picture of an observation is encoded by itself, all pictures of a batch at once, and their features are
    joined, oldest first. A `VideoEncoder` gets windows of `history` pictures that follow each other without overlap;
    what tells its slots apart is one draw for all observations, from a seed of its own, which is kept in the state.

    Freezing is left to the caller (`rmr_gym.models.freeze`).

    Args:
        encoder: trained or not; it becomes a part of this module, not a copy.
        observation_shape: shape of one observation, see `picture_layout` for what is understood.
        readout: "flatten" joins the slots, as the paper's probes read them; "mean" averages them.
        colours: of the observations, see `picture_layout`.

    Attributes:
        encoder: as given.
        observation_shape: as given.
        readout: as given.
        num_frames: pictures, or windows of a video encoder, that are encoded separately.
        features_dim: width of the result.

    Raises:
        ValueError: when the observations do not hold the pictures that the encoder was trained for.

    Example:
        >>> from rmr_gym.models.encoders import NatureCnnConfig
        >>> encoder = NatureCnnConfig(resolution="84x84", num_slots=3, slot_dim=2).build()
        >>> features = PictureFeatures(encoder, (84, 84, 4))
        >>> features.num_frames, features(torch.zeros(5, 84, 84, 4, dtype=torch.uint8)).shape
        (4, torch.Size([5, 24]))
    """

    slot_noise: Tensor | None

    def __init__(
        self,
        encoder: Encoder | VideoEncoder,
        observation_shape: Sequence[int],
        *,
        readout: Readout = "flatten",
        colours: Colours = "auto",
    ) -> None:
        super().__init__()
        if readout not in get_args(Readout):
            fix = f"Choose one of {', '.join(get_args(Readout))}."
            raise ValueError(explain(expected="a known readout", got=readout, fix=fix))
        self.encoder = encoder
        self.observation_shape: tuple[int, ...] = tuple(int(length) for length in observation_shape)
        self.readout: Readout = readout
        self._layout = picture_layout(self.observation_shape, encoder.input_shape[-3:], colours=colours)
        history = encoder.input_shape[0] if isinstance(encoder, VideoEncoder) else 1
        self.num_frames, rest = divmod(self._layout.num_pictures, history)
        if rest:
            fix = f"Stack {history} frames, or a multiple."
            got = f"{self._layout.num_pictures} in observations of shape {self.observation_shape}"
            raise ValueError(explain(expected=f"a multiple of {history} pictures", got=got, fix=fix))
        self.features_dim = self.num_frames * encoder.slot_dim * (encoder.num_slots if readout == "flatten" else 1)
        noise = None
        if isinstance(encoder, VideoEncoder):
            noise = encoder.noise(1, torch_generator(0, "picture features", "slots"))
        self.register_buffer("slot_noise", noise)

    def forward(self, pixels: Num[Tensor, "batch ..."]) -> Float[Tensor, "batch feature"]:
        """Encode observations.

        Args:
            pixels: bytes in 0..255 or floats in [0, 1], of the shape that this module was built for.

        Raises:
            ValueError: when the observations have another shape, or are whole numbers that are no bytes.
        """
        if pixels.dtype != torch.uint8 and not pixels.is_floating_point():
            fix = "Pass the pictures as the environment gives them."
            raise ValueError(explain(expected="uint8 or floats in [0, 1]", got=str(pixels.dtype), fix=fix))
        pictures = self._layout.split(pixels if pixels.dtype == torch.uint8 else pixels.float())
        if not len(pixels):  # nothing that an encoder could be asked for
            return torch.zeros(0, self.features_dim, device=pixels.device)
        if self.slot_noise is None:
            slots = self.encoder(pictures.flatten(0, 1))
        else:
            windows = pictures.view(-1, *self.encoder.input_shape)
            slots = self.encoder(windows, self.slot_noise.expand(len(windows), -1, -1))
        vectors = slots.mean(1) if self.readout == "mean" else slots
        return vectors.float().reshape(len(pixels), self.features_dim)  # type: ignore[no-any-return]
