"""Features of memory by a frozen abstract encoder and processor."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from torch import nn

from rmr_gym.models.abstract_checkpoint import AbstractParts, load_abstract_parts
from rmr_gym.models.frozen_network import FrozenNetwork
from rmr_gym.models.interfaces import Processor
from rmr_gym.models.picture_features import Readout
from rmr_gym.models.ram_features import RamForm, RamStateFeatures, ram_format_of
from rmr_gym.models.world_model import AbstractModel


class RamFeatures(FrozenNetwork):
    """A function from batches of memory to features, through the abstract encoder and the processor.

    Like `FrozenFeatures`: it holds copies and can be pickled if their configs build them. See `RamStateFeatures` for
    what is computed.

    Args:
        model: folder of `rmr-gym pretrain`, or what was trained.
        through_processor: whether features are the slots that the processor predicts, or those that it is given.
        readout: see `RamStateFeatures`.
        ram_format: see `RamForm`; None goes by shape and dtype (`ram_format_of`), which tells all that environments of
            this package give.
        device: where to compute.

    Attributes:
        through_processor: as given.
        readout: as given.
        ram_format: as given.
        device: as given.

    Raises:
        ValueError: when the folder holds none.

    Example:
        >>> import numpy as np
        >>> from rmr_gym.models.processors import MpnnConfig
        >>> model = AbstractModel(MpnnConfig(slot_dim=4).build(128), num_slots=128)
        >>> RamFeatures(model)(np.zeros((2, 128), np.uint8)).shape
        (2, 512)
    """

    def __init__(
        self,
        model: str | Path | AbstractModel | AbstractParts,
        *,
        through_processor: bool = True,
        readout: Readout = "flatten",
        ram_format: RamForm | None = None,
        device: str = "cpu",
    ) -> None:
        parts = load_abstract_parts(model) if isinstance(model, str | Path) else model
        self.through_processor, self.ram_format = through_processor, ram_format
        network = nn.ModuleDict({"encoder": copy.deepcopy(parts.encoder)})
        if through_processor:
            network["processor"] = copy.deepcopy(parts.processor)
        self._set_up(network, readout, device)

    def _module(self, observation_shape: tuple[int, ...], *, is_float: bool) -> RamStateFeatures:
        key = (observation_shape, is_float)
        module = self._modules.get(key)
        if not isinstance(module, RamStateFeatures):
            encoder, processor = self._parts()
            num_slots = encoder.config.num_slots
            form = self.ram_format or ram_format_of(observation_shape, is_float=is_float, num_slots=num_slots)
            module = RamStateFeatures(encoder, processor, observation_shape, readout=self.readout, ram_format=form)
            self._modules[key] = module
        return module

    def _parts(self) -> tuple[Any, Processor | None]:
        network: Any = self._network
        return network["encoder"], network["processor"] if self.through_processor else None

    def _configs(self) -> Any:
        encoder, processor = self._parts()
        return encoder.config, None if processor is None else (processor.config, processor.num_actions)

    @staticmethod
    def _rebuild(configs: Any) -> nn.Module:
        encoder_config, processor = configs
        network = nn.ModuleDict({"encoder": encoder_config.build()})
        if processor is not None:
            config, num_actions = processor
            network["processor"] = config.build(encoder_config.num_slots, num_actions=num_actions)
        return network

    def __repr__(self) -> str:
        encoder, processor = self._parts()
        through = "" if processor is None else f", through {type(processor).__name__}"
        return (
            f"RamFeatures({encoder.config.num_slots} bytes{through}, readout={self.readout!r}, device={self.device!r})"
        )
