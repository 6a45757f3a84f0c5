"""Encoders of pictures. One file and one line here for a new one."""

from rmr_gym.models.encoders.nature_cnn import NatureCnnConfig
from rmr_gym.registry import Registry

EncoderConfig = NatureCnnConfig

ENCODERS: Registry[type[EncoderConfig]] = Registry("encoder", ("nature_cnn", NatureCnnConfig))
"""Config class of each encoder, by name."""

__all__ = ["ENCODERS", "EncoderConfig", "NatureCnnConfig"]
