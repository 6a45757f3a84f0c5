"""Features of pictures by a frozen encoder."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from torch import nn

from rmr_gym.models.checkpoint import load_any_encoder
from rmr_gym.models.frozen_network import FrozenNetwork
from rmr_gym.models.interfaces import Encoder, VideoEncoder
from rmr_gym.models.picture_features import PictureFeatures, Readout


class FrozenFeatures(FrozenNetwork):
    """A function from batches of pictures to features, through an encoder that stays as it is.

    A wrapper calls it without knowing of PyTorch. It holds a copy of the encoder, so that training the original later
    does not change it, and can be pickled with its weights and sent to other processes, if the config of the encoder
    builds it.

    Args:
        encoder: folder of a checkpoint or name on the Hugging Face Hub (`load_any_encoder`), or an encoder.
        readout: see `PictureFeatures`.
        device: where to compute.

    Attributes:
        readout: as given.
        device: as given.

    Raises:
        ValueError: when the folder holds no encoder.

    Example:
        >>> import numpy as np
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

    @property
    def encoder(self) -> Encoder | VideoEncoder:
        """The copy; without gradients, in evaluation mode."""
        assert isinstance(self._network, Encoder | VideoEncoder)
        return self._network

    def _module(self, observation_shape: tuple[int, ...], *, is_float: bool) -> PictureFeatures:
        del is_float  # the encoders read bytes and floats
        module = self._modules.get(observation_shape)
        if not isinstance(module, PictureFeatures):
            module = PictureFeatures(self.encoder, observation_shape, readout=self.readout).to(self.device)
            self._modules[observation_shape] = module
        return module

    def _configs(self) -> Any:
        return self.encoder.config

    @staticmethod
    def _rebuild(configs: Any) -> nn.Module:
        encoder: nn.Module = configs.build()
        return encoder

    def __repr__(self) -> str:
        name, shape = type(self.encoder).__name__, self.encoder.input_shape
        return f"FrozenFeatures({name}{shape}, readout={self.readout!r}, device={self.device!r})"
