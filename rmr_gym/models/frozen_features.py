"""Features of a frozen encoder for wrappers: numpy in, numpy out."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Num
from safetensors.torch import load, save
from torch import Tensor

from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.checkpoint import load_any_encoder
from rmr_gym.models.freezing import fingerprint
from rmr_gym.models.interfaces import Encoder, VideoEncoder
from rmr_gym.models.picture_features import PictureFeatures, Readout


class FrozenFeatures:
    """A function from batches of observations to features, through an encoder that stays as it is.

    A wrapper calls it without knowing of PyTorch. It holds a copy of the encoder, so that training the original later
    does not change it, and can be pickled with its weights and sent to other processes.

    Args:
        encoder: folder of a checkpoint (`load_any_encoder`), or an encoder.
        readout: see `PictureFeatures`.
        device: where to compute.

    Attributes:
        encoder: the copy; without gradients, in evaluation mode.
        readout: as given.
        device: as given.

    Raises:
        ValueError: when the folder holds no encoder.

    Example:
        >>> from rmr_gym.models.encoders import NatureCnnConfig
        >>> features = FrozenFeatures(NatureCnnConfig(resolution="84x84", num_slots=3, slot_dim=2).build())
        >>> features.features_shape((84, 84, 4)), features(np.zeros((5, 84, 84, 4), np.uint8)).shape
        ((24,), (5, 24))
    """

    def __init__(
        self, encoder: str | Path | Encoder | VideoEncoder, *, readout: Readout = "flatten", device: str = "cpu"
    ) -> None:
        own = load_any_encoder(encoder) if isinstance(encoder, str | Path) else copy.deepcopy(encoder)
        self._set_up(own, readout, device)

    def _set_up(self, encoder: Encoder | VideoEncoder, readout: Readout, device: str) -> None:
        self.encoder: Encoder | VideoEncoder = encoder.requires_grad_(requires_grad=False).eval().to(device)
        self.readout, self.device = readout, device
        self._by_shape: dict[tuple[int, ...], PictureFeatures] = {}

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the encoder."""
        return fingerprint(self.encoder)

    def features_shape(self, observation_shape: tuple[int, ...]) -> tuple[int]:
        """Return the shape of the features of one observation.

        Raises:
            ValueError: when such observations do not hold the pictures that the encoder was trained for.
        """
        return (self._features(observation_shape).features_dim,)

    def __call__(self, pixels: Num[np.ndarray, "batch ..."]) -> Float32[np.ndarray, "batch feature"]:
        """Encode a batch of observations.

        Args:
            pixels: uint8 in 0..255 or floats in [0, 1], in any layout of `picture_layout`.

        Returns:
            A new array.

        Raises:
            ValueError: as `features_shape`.
        """
        features = self._features(pixels.shape[1:])
        with torch.inference_mode():
            return features(as_tensor(pixels).to(self.device)).cpu().numpy()  # type: ignore[no-any-return]

    def _features(self, observation_shape: tuple[int, ...]) -> PictureFeatures:
        shape = tuple(observation_shape)
        if shape not in self._by_shape:
            features = PictureFeatures(self.encoder, shape, readout=self.readout)
            self._by_shape[shape] = features.to(self.device)
        return self._by_shape[shape]

    def __getstate__(self) -> dict[str, Any]:
        """Return config and weights as bytes, since tensors sent to a process would be shared with it."""
        weights = save({name: value.cpu().contiguous() for name, value in self.encoder.state_dict().items()})
        return {
            "config": self.encoder.config,
            "weights": weights,
            "readout": self.readout,
            "device": self.device,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        with initial_weights(0):
            encoder: Encoder | VideoEncoder = state["config"].build()
        encoder.load_state_dict(load(state["weights"]))
        self._set_up(encoder, state["readout"], state["device"])

    def __repr__(self) -> str:
        shape = self.encoder.input_shape
        return f"FrozenFeatures({type(self.encoder).__name__}{shape}, readout={self.readout!r}, device={self.device!r})"


def as_tensor(array: Num[np.ndarray, "..."]) -> Tensor:
    """Return a tensor on the memory of an array, or of a copy where PyTorch cannot take it as it is."""
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()
    return torch.from_numpy(array)
