"""A frozen network as a function for wrappers: numpy in, numpy out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Num
from safetensors.torch import load, save
from torch import Tensor, nn

from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.documents import require_rebuilt
from rmr_gym.models.freezing import fingerprint
from rmr_gym.models.picture_features import PictureFeatures, Readout
from rmr_gym.models.ram_features import RamStateFeatures


class FrozenNetwork(ABC):
    """What all such functions share: a module by shape of the observation, numpy at both ends, travelling as bytes.

    Attributes:
        readout: how slots become one vector.
        device: where to compute.
    """

    def _set_up(self, network: nn.Module, readout: Readout, device: str) -> None:
        self._network = network.requires_grad_(requires_grad=False).eval().to(device)
        self.readout, self.device = readout, device
        self._modules: dict[tuple[object, ...], PictureFeatures | RamStateFeatures] = {}

    @abstractmethod
    def _module(self, observation_shape: tuple[int, ...], *, is_float: bool) -> PictureFeatures | RamStateFeatures:
        """Return the module for observations of a shape."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the weights."""
        return fingerprint(self._network)

    def features_shape(self, observation_shape: tuple[int, ...]) -> tuple[int]:
        """Return the shape of the features of one observation.

        Raises:
            ValueError: when such observations are not what the weights were trained on.
        """
        return (self._module(tuple(observation_shape), is_float=False).features_dim,)

    def __call__(self, observations: Num[np.ndarray, "batch ..."]) -> Float32[np.ndarray, "batch feature"]:
        """Compute the features of a batch of observations.

        Args:
            observations: as the environment gives them.

        Returns:
            A new array.

        Raises:
            ValueError: as `features_shape`.
        """
        module = self._module(observations.shape[1:], is_float=np.issubdtype(observations.dtype, np.floating))
        with torch.inference_mode():
            return module(_as_tensor(observations).to(self.device)).cpu().numpy()  # type: ignore[no-any-return]

    def __getstate__(self) -> dict[str, Any]:
        """Return weights as bytes, since tensors that are sent to a process would be shared with it.

        Raises:
            ValueError: when a part is of a class that its config does not build, which would not arrive as what it is.
        """
        configs = self._configs()
        with initial_weights(0):
            rebuilt = self._rebuild(configs)
        for part, again in zip(_parts(self._network), _parts(rebuilt), strict=True):
            require_rebuilt(part, again)
        state = {name: value for name, value in self.__dict__.items() if name not in ("_network", "_modules")}
        weights = {name: value.cpu().contiguous() for name, value in self._network.state_dict().items()}
        return state | {"configs": configs, "weights": save(weights)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = load(state.pop("weights"))
        with initial_weights(0):
            network = self._rebuild(state.pop("configs"))
        network.load_state_dict(weights)
        self.__dict__.update(state)
        self._set_up(network, self.readout, self.device)

    @abstractmethod
    def _configs(self) -> Any:
        """Return what `_rebuild` needs."""

    @staticmethod
    @abstractmethod
    def _rebuild(configs: Any) -> nn.Module:
        """Build the network with any weights."""


def _parts(network: nn.Module) -> list[nn.Module]:
    """Return what has a config of its own: the network, or each network of several."""
    return list(network.values()) if isinstance(network, nn.ModuleDict) else [network]


def _as_tensor(array: Num[np.ndarray, "..."]) -> Tensor:
    """Return a tensor on the memory of an array, or of a copy where PyTorch cannot take it as it is."""
    if not array.flags.writeable or min(array.strides, default=0) < 0:
        array = array.copy()
    return torch.from_numpy(array)
