"""Encoders of pictures and of windows of pictures. One file and one line here for a new one."""

from typing import TYPE_CHECKING

from rmr_gym.models.encoders.keypoints import KeypointsConfig
from rmr_gym.models.encoders.nature_cnn import NatureCnnConfig
from rmr_gym.models.encoders.slot_attention import SlotAttentionConfig
from rmr_gym.registry import Registry, union_of

ENCODERS: Registry["type[EncoderConfig]"] = Registry("encoder", ("nature_cnn", NatureCnnConfig))
"""Config class of each encoder of a picture, by name."""

VIDEO_ENCODERS: Registry["type[VideoEncoderConfig]"] = Registry(
    "video encoder", ("slot_attention", SlotAttentionConfig), ("keypoints", KeypointsConfig)
)
"""Config class of each encoder of a window of pictures, by name."""

if TYPE_CHECKING:
    EncoderConfig = NatureCnnConfig
    VideoEncoderConfig = SlotAttentionConfig | KeypointsConfig
else:  # what can be read from JSON is what stands in the registry
    EncoderConfig = union_of(ENCODERS)
    VideoEncoderConfig = union_of(VIDEO_ENCODERS)

__all__ = [
    "ENCODERS",
    "VIDEO_ENCODERS",
    "EncoderConfig",
    "KeypointsConfig",
    "NatureCnnConfig",
    "SlotAttentionConfig",
    "VideoEncoderConfig",
]
