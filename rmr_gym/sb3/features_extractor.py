"""Encoders of pictures as features extractors."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from gymnasium import spaces

from rmr_gym.errors import explain
from rmr_gym.models.checkpoint import build_encoder, load_any_encoder, read_encoder_document
from rmr_gym.models.interfaces import Encoder, VideoEncoder
from rmr_gym.models.picture_features import PictureFeatures, Readout
from rmr_gym.models.picture_layout import Colours
from rmr_gym.sb3.input_format import input_format
from rmr_gym.sb3.pretrained import Family, Request, find_pretrained, title_from
from rmr_gym.sb3.pretrained_extractor import PretrainedExtractor

PolicyReadout = Literal["flatten", "project", "mean"]
"""How slots become features: one after the other, those through a trained layer, or their mean."""

ENCODER = Family(
    load=load_any_encoder,
    document=read_encoder_document,
    build=build_encoder,
    title=lambda document: title_from(str(document.get("name")), document),
)
"""Encoders of pictures and of windows of pictures."""


class EncoderFeaturesExtractor(PretrainedExtractor):
    """Pictures to features of a policy, by an encoder that was trained here.

    `policy_kwargs_from` writes the arguments; agents made by it can be loaded where there is no folder.

    Of a Dict observation only the pictures are looked at, so that RAM beside them never leaks into a policy. Stacks are
    encoded frame by frame. What Stable-Baselines3 does to pictures (channels first, division by 255) is undone by the
    rule by which it does it, and shown by `print`.

    With a features extractor that is not its own, Stable-Baselines3 puts a perceptron of [64, 64] behind it, for actor
    and critic each; `net_arch=[]` leaves it away, as with its own `NatureCNN`.

    Args:
        observation_space: a Box of pictures, or a Dict with one.
        encoder: a folder, an encoder, or what `policy_kwargs_from` writes. Always copied: nothing is shared with
            other networks.
        frozen: whether the weights stay as they are, to the last bit.
        readout: "flatten" joins the slots of all frames, "mean" averages those of a frame, "project" puts a trained
            linear layer with ReLU behind "flatten".
        features_dim: width of that layer; without effect on the others.
        key: of the pictures in a Dict.
        normalize_images: what the policy says; Stable-Baselines3 does not tell.
        colours: of the pictures; "gray" is needed for stacks of 3, 6, 9, ... gray ones in one axis, which could be RGB.

    Attributes:
        input_format: what arrives, and what is made of it.
        readout: as given.

    Raises:
        CorruptFileError: when a file of the encoder is damaged.
        ValueError: when the space holds no pictures of the kind that the encoder was trained for, there is no such
            encoder, or nothing in it can be trained and `frozen` is false.

    Example:
        >>> from rmr_gym.models.encoders import NatureCnnConfig
        >>> encoder = NatureCnnConfig(resolution="84x84", num_slots=3, slot_dim=2).build()
        >>> extractor = EncoderFeaturesExtractor(spaces.Box(0, 255, (4, 84, 84), np.uint8), encoder)
        >>> extractor.features_dim
        24
        >>> print(extractor.summary())
        encoder frozen: 0 trainable, ... frozen parameters (NatureCnn); input (4, 84, 84) in 0..255, ...
    """

    features: PictureFeatures

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        encoder: Request,
        *,
        frozen: bool = True,
        readout: PolicyReadout = "flatten",
        features_dim: int = 512,
        key: str = "pixels",
        normalize_images: bool = True,
        colours: Colours = "auto",
    ) -> None:
        check_readout(readout, features_dim)
        pictures = part_of_space(observation_space, key, "pictures")
        arriving = input_format(pictures, normalize_images=normalize_images)
        found = find_pretrained(encoder, ENCODER)
        if not isinstance(found.module, Encoder | VideoEncoder):
            fix = "Subclass rmr_gym.models.Encoder."
            raise ValueError(explain(expected="an Encoder or VideoEncoder", got=type(found.module).__name__, fix=fix))
        slots: Readout = "mean" if readout == "mean" else "flatten"
        super().__init__(
            observation_space,
            PictureFeatures(found.module, arriving.shape, readout=slots, colours=colours),
            found,
            arriving=arriving,
            key=key,
            frozen=frozen,
            projection_dim=features_dim if readout == "project" else None,
        )
        self.readout: PolicyReadout = readout


def check_readout(readout: str, features_dim: int) -> None:
    """Refuse a readout that is not known, and a width below 1."""
    if readout not in get_args(PolicyReadout):
        fix = f"Choose one of {', '.join(get_args(PolicyReadout))}."
        raise ValueError(explain(expected="a known readout", got=readout, fix=fix))
    if features_dim < 1:
        raise ValueError(explain(expected="features_dim >= 1", got=features_dim, fix="Pass 512."))


def part_of_space(space: spaces.Space[Any], key: str, what: str) -> spaces.Space[np.ndarray]:
    """Return the part of an observation space that an extractor looks at.

    Args:
        space: a Box, which is returned, or a Dict.
        key: of the part of a Dict.
        what: what is looked for, for the error.

    Raises:
        ValueError: when a Dict has no such key.
    """
    if not isinstance(space, spaces.Dict):
        return space
    if key not in space.spaces:
        got = f"the keys {', '.join(map(repr, space.spaces))}"
        raise ValueError(explain(expected=f"{what} under the key {key!r}", got=got, fix="Pass key=... ."))
    part: spaces.Space[np.ndarray] = space[key]
    return part
