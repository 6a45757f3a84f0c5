"""Contracts of the parts that users can add: run these on your own classes.

Each function raises `AssertionError` with the rule that was broken.
"""

from __future__ import annotations

import pickle
import tempfile

import torch
from torch import nn

from rmr_gym.models import (
    FrozenFeatures,
    VideoModel,
    fingerprint,
    freeze,
    load_encoder,
    load_processor,
    load_video_model,
    save_encoder,
    save_processor,
    save_video_model,
)
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import BroadcastDecoderConfig
from rmr_gym.models.encoders import ENCODERS, VIDEO_ENCODERS
from rmr_gym.models.interfaces import (
    BuildsEncoder,
    BuildsProcessor,
    BuildsVideoEncoder,
    Encoder,
    Processor,
    VideoEncoder,
)
from rmr_gym.models.processors import BALL_PROCESSORS, PROCESSORS, DeepSetsConfig
from rmr_gym.seeding import torch_generator

_NUM_SLOTS, _BATCH = 6, 3
_AFTER_LOADING = "config and weights must be all there is: a checkpoint must give the same slots"


def check_processor(config: BuildsProcessor, *, equivariant: bool = True, with_actions: bool = True) -> None:
    """Check a processor: shape, permutation of slots, gradient through the frozen network, checkpoint.

    Args:
        config: config of the processor.
        equivariant: whether permuted slots must give permuted predictions; not so for a plain perceptron.
        with_actions: whether to build it for a world with a player, as games are, or for one without, as bouncing
            balls are.
    """
    processor = _build(config, with_actions)
    assert fingerprint(processor) == fingerprint(_build(config, with_actions)), "the same seed, the same weights"
    slots = torch.randn(_BATCH, _NUM_SLOTS, processor.slot_dim, generator=torch.Generator().manual_seed(1))
    action = torch.tensor([0, 3, 17]) if with_actions else None
    predicted = processor(slots, action)
    shape = (_BATCH, _NUM_SLOTS, processor.output_dim)
    assert predicted.shape == shape, f"expected slots of shape {shape}; got {predicted.shape}"
    if action is not None:
        assert not torch.equal(predicted, processor(slots, action.flip(0))), "the action must matter"
    parts = [(slots[row : row + 1], None if action is None else action[row : row + 1]) for row in range(_BATCH)]
    single = torch.cat([processor(*part) for part in parts])
    torch.testing.assert_close(single, predicted, rtol=1e-4, atol=1e-5)
    if equivariant:
        order = torch.tensor([4, 0, 5, 1, 3, 2])
        torch.testing.assert_close(processor(slots[:, order], action), predicted[:, order], rtol=1e-4, atol=1e-5)
    _check_frozen(processor, slots, action)
    if type(config) in (*PROCESSORS.values(), *BALL_PROCESSORS.values()):
        with tempfile.TemporaryDirectory() as folder:
            loaded = load_processor(save_processor(processor, folder, num_slots=_NUM_SLOTS))
        assert fingerprint(loaded) == fingerprint(processor), "a checkpoint must keep the weights"
        assert loaded.num_actions == processor.num_actions, "a checkpoint must keep the number of actions"
        assert torch.equal(loaded(slots, action), predicted), _AFTER_LOADING


def check_encoder(config: BuildsEncoder) -> None:
    """Check an encoder: bytes and floats give the same slots, batch of one, determinism, features, checkpoint."""
    with initial_weights(0):
        encoder: Encoder = config.build().eval()
    pixels = _random_bytes(encoder.input_shape)
    slots = encoder(pixels)
    assert slots.shape == (_BATCH, encoder.num_slots, encoder.slot_dim), f"unexpected shape {slots.shape}"
    assert torch.equal(slots, encoder(pixels)), "the same picture must give the same slots"
    torch.testing.assert_close(encoder(pixels.float() / 255), slots)
    torch.testing.assert_close(encoder(pixels[:1]), slots[:1], rtol=1e-4, atol=1e-5)
    _check_features(encoder, pixels, slots)
    if type(config) in ENCODERS.values():
        size = getattr(config, "size", None)
        assert size == encoder.input_shape[1:], "the config must have the size, with which data are opened"
        with tempfile.TemporaryDirectory() as folder:
            loaded = load_encoder(save_encoder(encoder, folder))
        assert fingerprint(loaded) == fingerprint(encoder), "a checkpoint must keep the weights"
        assert torch.equal(loaded(pixels), slots), _AFTER_LOADING


def check_video_encoder(config: BuildsVideoEncoder, *, exchangeable: bool = True) -> None:
    """Check an encoder of windows: bytes and floats, batch of one, determinism given the noise, features, checkpoint.

    Args:
        config: config of the encoder; for the checkpoint its pictures must be 64x64.
        exchangeable: whether permuted noise must give permuted slots; not so where slots start at learned places.
    """
    with initial_weights(0):
        encoder: VideoEncoder = config.build().eval()
    pixels = _random_bytes(encoder.input_shape)
    noise, again = (encoder.noise(_BATCH, torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(noise, again), "the noise must come from the generator alone"
    slots = encoder(pixels, noise)
    assert slots.shape == (_BATCH, encoder.num_slots, encoder.slot_dim), f"unexpected shape {slots.shape}"
    assert torch.equal(slots, encoder(pixels, noise)), "the same window and noise must give the same slots"
    torch.testing.assert_close(encoder(pixels.float() / 255, noise), slots)
    torch.testing.assert_close(encoder(pixels[:1], noise[:1]), slots[:1], rtol=1e-4, atol=1e-5)
    same = encoder.noise(1, torch_generator(0, "picture features", "slots")).expand(_BATCH, -1, -1)
    _check_features(encoder, pixels, encoder(pixels, same))
    if exchangeable:
        torch.testing.assert_close(encoder(pixels, noise.flip(1)), slots.flip(1), rtol=1e-4, atol=1e-5)
    if type(config) in VIDEO_ENCODERS.values():
        processor = DeepSetsConfig(slot_dim=encoder.slot_dim).build(encoder.num_slots, num_actions=0)
        model = VideoModel(encoder, processor, BroadcastDecoderConfig(channels=1).build(encoder.slot_dim))
        with tempfile.TemporaryDirectory() as folder:
            loaded = load_video_model(save_video_model(model, folder)).encoder
        assert fingerprint(loaded) == fingerprint(encoder), "a checkpoint must keep the weights"
        assert torch.equal(loaded(pixels, noise), slots), _AFTER_LOADING


def _build(config: BuildsProcessor, with_actions: bool) -> Processor:
    with initial_weights(0):
        processor = config.build(_NUM_SLOTS) if with_actions else config.build(_NUM_SLOTS, num_actions=0)
    return processor.eval()  # dropout may be part of it


def _check_features(encoder: Encoder | VideoEncoder, pixels: torch.Tensor, slots: torch.Tensor) -> None:
    """Check that policies get what the encoder says, here and in another process."""
    features = FrozenFeatures(encoder)
    expected = slots.detach().flatten(1)
    vectors = torch.from_numpy(features(pixels.numpy()))
    assert torch.equal(vectors, expected), "frozen features must be the slots one after the other"
    travelled: FrozenFeatures = pickle.loads(pickle.dumps(features))
    assert torch.equal(torch.from_numpy(travelled(pixels.numpy())), expected), "config and weights must be all there is"


def _random_bytes(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randint(0, 256, (_BATCH, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def _check_frozen(processor: Processor, slots: torch.Tensor, action: torch.Tensor | None) -> None:
    before = fingerprint(processor)
    parent = nn.Sequential(freeze(processor)).train()
    assert parent.training
    assert not processor.training, "a frozen part must stay in evaluation mode"
    inputs = slots.clone().requires_grad_()
    processor(inputs, action).square().sum().backward()
    assert inputs.grad is not None, "gradients must pass through a frozen part"
    assert bool(inputs.grad.abs().sum() > 0), "gradients must pass through a frozen part"
    assert all(parameter.grad is None for parameter in processor.parameters()), "a frozen part must get no gradient"
    assert fingerprint(processor) == before, "a frozen part must not change"
