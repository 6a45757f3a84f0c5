"""Arguments of a policy that put an encoder into it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from rmr_gym.errors import explain
from rmr_gym.models.interfaces import Encoder, VideoEncoder
from rmr_gym.models.picture_layout import Colours
from rmr_gym.sb3.features_extractor import ENCODER, EncoderFeaturesExtractor, PolicyReadout
from rmr_gym.sb3.pretrained import describe_folder
from rmr_gym.sb3.ram_features_extractor import ABSTRACT, RamFeaturesExtractor

_OWN = ("features_extractor_class", "features_extractor_kwargs")


def policy_kwargs_from(
    checkpoint: str | Path | Encoder | VideoEncoder,
    *,
    frozen: bool = True,
    readout: PolicyReadout = "flatten",
    features_dim: int = 512,
    key: str = "pixels",
    colours: Colours = "auto",
    **policy_kwargs: Any,
) -> dict[str, Any]:
    """Return `policy_kwargs` for an agent of Stable-Baselines3 that sees through an encoder.

    Of a folder, the description of the encoder is embedded, not only its path: the zip file of an agent then has
    everything that is needed to load it anywhere. All values but the class are JSON.

    Call it once per agent: A2C and QR-DQN write their own defaults into the dictionary that they are given.

    Args:
        checkpoint: a folder written by `rmr-gym train` or `save_encoder`; the name of one on the Hugging Face Hub; or
            an encoder, which is pickled with the agent.
        frozen: whether the weights stay as they are.
        readout: see `EncoderFeaturesExtractor`.
        features_dim: see `EncoderFeaturesExtractor`.
        key: of the pictures in a Dict observation.
        colours: see `EncoderFeaturesExtractor`.
        **policy_kwargs: further arguments of the policy (`net_arch`, `normalize_images`, ...).

    Raises:
        CorruptFileError: when a file of the encoder is damaged.
        ValueError: when there is no such encoder, or `policy_kwargs` has a features extractor already.

    Example:
        >>> import tempfile
        >>> from rmr_gym.models.checkpoint import save_encoder
        >>> from rmr_gym.models.encoders import NatureCnnConfig
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_encoder(NatureCnnConfig(resolution="84x84", num_slots=3, slot_dim=2).build(), folder).name
        ...     kwargs = policy_kwargs_from(folder, net_arch=[64])
        '...'
        >>> sorted(kwargs), kwargs["features_extractor_kwargs"]["encoder"]["name"]
        (['features_extractor_class', 'features_extractor_kwargs', 'net_arch'], 'nature_cnn')
    """
    if isinstance(checkpoint, str | Path):
        encoder: Any = describe_folder(checkpoint, ENCODER)
    else:
        encoder = copy.deepcopy(checkpoint)  # a later training of the original is none of the agent's
    extractor = {"encoder": encoder, "frozen": frozen, "readout": readout, "features_dim": features_dim, "key": key}
    if colours != "auto":
        extractor["colours"] = colours
    if "normalize_images" in policy_kwargs:  # Stable-Baselines3 tells its own extractors only
        extractor["normalize_images"] = policy_kwargs["normalize_images"]
    return _merge(EncoderFeaturesExtractor, extractor, policy_kwargs)


def ram_policy_kwargs_from(
    folder: str | Path,
    *,
    frozen: bool = True,
    readout: PolicyReadout = "flatten",
    features_dim: int = 512,
    key: str = "ram",
    **policy_kwargs: Any,
) -> dict[str, Any]:
    """Return `policy_kwargs` for an agent that sees the RAM through the abstract encoder and the processor.

    Args:
        folder: written by `rmr-gym pretrain`.
        frozen: whether the weights stay as they are.
        readout: see `EncoderFeaturesExtractor`.
        features_dim: see `EncoderFeaturesExtractor`.
        key: of the RAM in a Dict observation.
        **policy_kwargs: further arguments of the policy.

    Raises:
        CorruptFileError: when a file in the folder is damaged.
        ValueError: when there is no such folder, or `policy_kwargs` has a features extractor already.
    """
    parts = describe_folder(folder, ABSTRACT)
    extractor = {"checkpoint": parts, "frozen": frozen, "readout": readout, "features_dim": features_dim, "key": key}
    return _merge(RamFeaturesExtractor, extractor, policy_kwargs)


def _merge(extractor_class: type[Any], extractor: dict[str, Any], policy_kwargs: dict[str, Any]) -> dict[str, Any]:
    taken = [name for name in _OWN if name in policy_kwargs]
    if taken:
        fix = "Leave it away; frozen, readout, features_dim and key are arguments of this function."
        raise ValueError(explain(expected="arguments besides those of the features extractor", got=taken, fix=fix))
    return {"features_extractor_class": extractor_class, "features_extractor_kwargs": extractor, **policy_kwargs}
