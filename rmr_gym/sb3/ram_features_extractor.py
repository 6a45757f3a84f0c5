"""The encoder and the processor of memory as a features extractor: what an agent could do that sees the RAM."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from torch import nn

from rmr_gym.errors import explain
from rmr_gym.models.abstract_checkpoint import build_abstract_parts, load_abstract_parts, read_abstract_document
from rmr_gym.models.picture_features import Readout
from rmr_gym.models.ram_features import RamForm, RamStateFeatures
from rmr_gym.sb3.features_extractor import PolicyReadout, check_readout, part_of_space
from rmr_gym.sb3.input_format import InputFormat
from rmr_gym.sb3.pretrained import Family, Request, find_pretrained, title_from
from rmr_gym.sb3.pretrained_extractor import PretrainedExtractor

_MOST_AXES = 2

ABSTRACT = Family(
    load=lambda folder: nn.ModuleDict(load_abstract_parts(folder)._asdict()),
    document=read_abstract_document,
    build=lambda document: nn.ModuleDict(build_abstract_parts(document)._asdict()),
    title=lambda document: title_from(f"abstract encoder and {document['processor']['name']}", document),
)
"""The encoder of memory and the processor that was trained with it, of a folder of `rmr-gym pretrain`."""


class RamFeaturesExtractor(PretrainedExtractor):
    """RAM to features of a policy, by the abstract encoder and the processor of the paper.

    The privileged upper bound: the agent sees the state itself. Protected like an encoder of pictures.

    Bytes, bits and floats are told apart by the observation space, as `rmr/<Game>-v0` declares them. Stacks are encoded
    memory by memory, oldest first.

    Args:
        observation_space: a Box of RAM, or a Dict with one.
        checkpoint: a folder of `rmr-gym pretrain`, or what `ram_policy_kwargs_from` writes.
        frozen: whether the weights stay as they are, to the last bit.
        readout: see `EncoderFeaturesExtractor`.
        features_dim: see `EncoderFeaturesExtractor`.
        key: of the RAM in a Dict.

    Attributes:
        input_format: what arrives.
        readout: as given.

    Raises:
        CorruptFileError: when a file of the checkpoint is damaged.
        ValueError: when the space holds no RAM, or there is no such checkpoint.

    Source: paper, section 5 and appendix F, equations 1 to 3.
    """

    pretrained_path = "features"

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        checkpoint: Request,
        *,
        frozen: bool = True,
        readout: PolicyReadout = "flatten",
        features_dim: int = 512,
        key: str = "ram",
    ) -> None:
        check_readout(readout, features_dim)
        form, arriving = ram_input(part_of_space(observation_space, key, "RAM"))
        found = find_pretrained(checkpoint, ABSTRACT)
        slots: Readout = "mean" if readout == "mean" else "flatten"
        parts: Any = found.module
        super().__init__(
            observation_space,
            RamStateFeatures(parts["encoder"], parts["processor"], arriving.shape, readout=slots, ram_format=form),
            found,
            arriving=arriving,
            key=key,
            frozen=frozen,
            projection_dim=features_dim if readout == "project" else None,
        )
        self.readout: PolicyReadout = readout


def ram_input(space: spaces.Space[np.ndarray]) -> tuple[RamForm, InputFormat]:
    """Tell bytes, bits and floats apart, by the bounds of their space.

    Raises:
        ValueError: when it is a space of something else. With three axes, Stable-Baselines3 takes bytes for a picture.

    Example:
        >>> form, arriving = ram_input(spaces.Box(0, 1, (1024,), np.uint8))
        >>> form, str(arriving)
        ('bits', '(1024,) bits')
    """
    fix = 'Make it with rmr/<Game>-v0 or PairedObservation; pass key=... if it is not under "ram".'
    if not isinstance(space, spaces.Box) or not 1 <= len(space.shape) <= _MOST_AXES:
        raise ValueError(explain(expected="a Box of RAM with one or two axes", got=space, fix=fix))
    low, high, whole = float(space.low.min()), float(space.high.max()), bool(np.issubdtype(space.dtype, np.integer))
    shape = tuple(int(length) for length in space.shape)
    forms: dict[tuple[bool, float], tuple[RamForm, str]] = {
        (True, 255.0): ("bytes", "bytes"),
        (True, 1.0): ("bits", "bits"),
        (False, 1.0): ("float", "bytes over 255"),
    }
    if low != 0 or (whole, high) not in forms:
        got = f"a Box of {space.dtype} with bounds {low:g} and {high:g}"
        raise ValueError(explain(expected="RAM as bytes, bits, or floats in 0..1", got=got, fix=fix))
    form, origin = forms[whole, high]
    return form, InputFormat(shape=shape, highest=high, whole=whole, origin=origin)
