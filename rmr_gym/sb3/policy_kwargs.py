"""Arguments of a policy that put an encoder into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rmr_gym.errors import explain
from rmr_gym.models.interfaces import Encoder, VideoEncoder
from rmr_gym.sb3.features_extractor import EncoderFeaturesExtractor, PolicyReadout
from rmr_gym.sb3.pretrained import describe_folder

_OWN = ("features_extractor_class", "features_extractor_kwargs")


def policy_kwargs_from(
    checkpoint: str | Path | Encoder | VideoEncoder,
    *,
    frozen: bool = True,
    readout: PolicyReadout = "flatten",
    features_dim: int = 512,
    key: str = "pixels",
    **policy_kwargs: Any,
) -> dict[str, Any]:
    """Return `policy_kwargs` for an agent of Stable-Baselines3 that sees through an encoder.

    Of a folder, the description of the encoder is embedded, not only its path: the zip file of an agent then has
    everything that is needed to load it anywhere. All values but the class are JSON.

    Call it once per agent: A2C and QR-DQN write their own defaults into the dictionary that they are given.

    Args:
        checkpoint: a folder written by `rmr-gym train` or `save_encoder`; or an encoder, which is pickled with the
            agent.
        frozen: whether the weights stay as they are.
        readout: see `EncoderFeaturesExtractor`.
        features_dim: see `EncoderFeaturesExtractor`.
        key: of the pictures in a Dict observation.
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
    taken = [name for name in _OWN if name in policy_kwargs]
    if taken:
        fix = "Leave it away; frozen, readout, features_dim and key are arguments of this function."
        raise ValueError(explain(expected="arguments besides those of the features extractor", got=taken, fix=fix))
    if isinstance(checkpoint, str | Path):
        encoder: Any = describe_folder(checkpoint)
    else:
        encoder = checkpoint
    extractor = {"encoder": encoder, "frozen": frozen, "readout": readout, "features_dim": features_dim, "key": key}
    if "normalize_images" in policy_kwargs:  # Stable-Baselines3 tells its own extractors only
        extractor["normalize_images"] = policy_kwargs["normalize_images"]
    return {
        "features_extractor_class": EncoderFeaturesExtractor,
        "features_extractor_kwargs": extractor,
        **policy_kwargs,
    }
