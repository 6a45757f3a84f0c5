"""Decoders: from predicted slots to what is compared with the truth."""

from rmr_gym.models.decoders.broadcast import BroadcastDecoder, BroadcastDecoderConfig, Decoded
from rmr_gym.models.decoders.latent import LatentDecoder
from rmr_gym.models.decoders.ram import RamDecoder

__all__ = ["BroadcastDecoder", "BroadcastDecoderConfig", "Decoded", "LatentDecoder", "RamDecoder"]
