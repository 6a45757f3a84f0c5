"""Configs as JSON and back: what is written beside every result, and read again by `--config`."""

from __future__ import annotations

from typing import Any

from rmr_gym.documents import TYPE_KEY, Config, ConfigJson, differences, read_json, without_nan
from rmr_gym.evaluation.probes import PROBES, LinearProbeConfig
from rmr_gym.models.decoders import VIDEO_DECODERS, BroadcastDecoderConfig
from rmr_gym.models.encoders import ENCODERS, VIDEO_ENCODERS
from rmr_gym.models.processors import BALL_PROCESSORS, PROCESSORS
from rmr_gym.objectives import OBJECTIVES

__all__ = ["TYPE_KEY", "differences", "from_json", "read_json", "to_json", "to_key_json", "without_nan"]

_TABLES = (PROCESSORS, BALL_PROCESSORS, ENCODERS, VIDEO_ENCODERS, VIDEO_DECODERS, OBJECTIVES, PROBES)

_DOCUMENTS = ConfigJson(_TABLES, nameless=(LinearProbeConfig, BroadcastDecoderConfig))


def to_json(value: Any) -> Any:
    """Return a config as JSON values.

    Args:
        value: a config dataclass, or anything that stands in one: numbers, strings, tuples, None.

    Returns:
        Dictionaries, lists and plain values; configs out of a registry carry their name under `type`.

    Example:
        >>> from rmr_gym.models.processors import DeepSetsConfig
        >>> to_json(DeepSetsConfig(slot_dim=8))
        {'type': 'deep_sets', 'slot_dim': 8}
    """
    return _DOCUMENTS.to_json(value)


def to_key_json(value: Any) -> Any:
    """Return a config as JSON values to compare and to hash, see `ConfigJson.to_key_json`.

    Example:
        >>> from rmr_gym.training import LoopConfig
        >>> sorted(set(to_json(LoopConfig())) - set(to_key_json(LoopConfig())))
        ['optimizer', 'weight_decay']
    """
    return _DOCUMENTS.to_key_json(value)


def from_json(config_class: type[Config], document: object, *, where: str = "config") -> Config:
    """Build a config from JSON values.

    Args:
        config_class: the dataclass to build.
        document: what `to_json` returned; fields that are left out take their default, or, where every other field is
            there and the class says so in `MEANT_BEFORE`, what held before there was such a field.
        where: name of the document, for messages.

    Returns:
        The config, checked by its own `__post_init__`.

    Raises:
        ValueError: when a field is unknown or its value has another type.

    Example:
        >>> from rmr_gym.training import LoopConfig
        >>> from_json(LoopConfig, {"gradient_steps": 7}).gradient_steps
        7
    """
    return _DOCUMENTS.from_json(config_class, document, where=where)
