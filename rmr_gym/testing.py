"""Contracts of the parts that users can add: run these on your own classes.

Each function raises `AssertionError` with the rule that was broken.
"""

from __future__ import annotations

import tempfile

import torch
from torch import nn

from rmr_gym.models import fingerprint, freeze, load_encoder, load_processor, save_encoder, save_processor
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import ENCODERS
from rmr_gym.models.interfaces import BuildsEncoder, BuildsProcessor, Encoder, Processor
from rmr_gym.models.processors import PROCESSORS

_NUM_SLOTS, _BATCH = 6, 3


def check_processor(config: BuildsProcessor, *, equivariant: bool = True) -> None:
    """Check a processor: shape, permutation of slots, gradient through the frozen network, checkpoint.

    Args:
        config: config of the processor.
        equivariant: whether permuted slots must give permuted predictions; not so for a plain perceptron.
    """
    processor = _build(config)
    assert fingerprint(processor) == fingerprint(_build(config)), "the same seed must give the same weights"
    slots = torch.randn(_BATCH, _NUM_SLOTS, processor.slot_dim, generator=torch.Generator().manual_seed(1))
    action = torch.tensor([0, 3, 17])
    predicted = processor(slots, action)
    assert predicted.shape == slots.shape, f"expected slots of shape {slots.shape}; got {predicted.shape}"
    assert not torch.equal(predicted, processor(slots, action.flip(0))), "the action must matter"
    single = torch.cat([processor(slots[row : row + 1], action[row : row + 1]) for row in range(_BATCH)])
    torch.testing.assert_close(single, predicted, rtol=1e-4, atol=1e-5)
    if equivariant:
        order = torch.tensor([4, 0, 5, 1, 3, 2])
        torch.testing.assert_close(processor(slots[:, order], action), predicted[:, order], rtol=1e-4, atol=1e-5)
    _check_frozen(processor, slots, action)
    if isinstance(config, tuple(PROCESSORS.values())):
        with tempfile.TemporaryDirectory() as folder:
            loaded = load_processor(save_processor(processor, folder, num_slots=_NUM_SLOTS))
        assert fingerprint(loaded) == fingerprint(processor), "a checkpoint must keep the weights"


def check_encoder(config: BuildsEncoder) -> None:
    """Check an encoder: bytes and floats give the same slots, batch of one, determinism, checkpoint."""
    with initial_weights(0):
        encoder: Encoder = config.build().eval()
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (_BATCH, *encoder.input_shape), dtype=torch.uint8, generator=generator)
    slots = encoder(pixels)
    assert slots.shape == (_BATCH, encoder.num_slots, encoder.slot_dim), f"unexpected shape {slots.shape}"
    assert torch.equal(slots, encoder(pixels)), "the same picture must give the same slots"
    torch.testing.assert_close(encoder(pixels.float() / 255), slots)
    torch.testing.assert_close(encoder(pixels[:1]), slots[:1], rtol=1e-4, atol=1e-5)
    if isinstance(config, tuple(ENCODERS.values())):
        with tempfile.TemporaryDirectory() as folder:
            loaded = load_encoder(save_encoder(encoder, folder))
        assert fingerprint(loaded) == fingerprint(encoder), "a checkpoint must keep the weights"


def _build(config: BuildsProcessor) -> Processor:
    with initial_weights(0):
        return config.build(_NUM_SLOTS)


def _check_frozen(processor: Processor, slots: torch.Tensor, action: torch.Tensor) -> None:
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
