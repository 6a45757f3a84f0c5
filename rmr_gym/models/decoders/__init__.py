"""Decoders: from predicted slots to what is compared with the truth. One file and one line for a new one."""

from typing import TYPE_CHECKING

from rmr_gym.models.decoders.broadcast import BroadcastDecoder, BroadcastDecoderConfig
from rmr_gym.models.decoders.decoded import Decoded
from rmr_gym.models.decoders.discs import DiscDecoder, DiscDecoderConfig
from rmr_gym.models.decoders.latent import LatentDecoder
from rmr_gym.models.decoders.ram import RamDecoder
from rmr_gym.registry import Registry, union_of

VideoDecoder = BroadcastDecoder | DiscDecoder

VIDEO_DECODERS: Registry["type[VideoDecoderConfig]"] = Registry(
    "video decoder", ("broadcast", BroadcastDecoderConfig), ("discs", DiscDecoderConfig)
)
"""Config class of each decoder of pictures, by name."""

if TYPE_CHECKING:
    VideoDecoderConfig = BroadcastDecoderConfig | DiscDecoderConfig
else:  # what can be read from JSON is what stands in the registry
    VideoDecoderConfig = union_of(VIDEO_DECODERS)

__all__ = [
    "VIDEO_DECODERS",
    "BroadcastDecoder",
    "BroadcastDecoderConfig",
    "Decoded",
    "DiscDecoder",
    "DiscDecoderConfig",
    "LatentDecoder",
    "RamDecoder",
    "VideoDecoder",
    "VideoDecoderConfig",
]
