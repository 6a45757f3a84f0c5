"""Small parts that several models share: perceptrons and seeded initial weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn


@contextmanager
def initial_weights(seed: int) -> Iterator[None]:
    """Draw the initial weights of all modules built inside from one seed.

    Works for any module, also a user's own, see `seeded_draws`.

    Args:
        seed: usually `rmr_gym.seeding.derive(seed, "encoder")`.
    """
    with seeded_draws(seed, torch.device("cpu")):
        yield


@contextmanager
def seeded_draws(seed: int, device: torch.device) -> Iterator[None]:
    """Let all that is drawn inside from PyTorch's global generators, such as dropout, come from one seed.

    The generators of the CPU and of the device are lent the seed and given their states back at the end: the global
    streams are neither read nor moved.

    Args:
        seed: usually out of `rmr_gym.seeding.derive`.
        device: where the draws are made, as a tensor names it: a GPU with its index.
    """
    generators = [torch.default_generator]
    if device.type == "cuda":
        generators.append(torch.cuda.default_generators[device.index])
    states = [generator.get_state() for generator in generators]
    for generator in generators:
        generator.manual_seed(seed)
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def mixed_precision(device: torch.device, *, enabled: bool) -> AbstractContextManager[object]:
    """Compute matrix products inside in bfloat16, or, inside of such a block, in full precision again.

    Args:
        device: where the tensors are; devices that know no mixed precision compute as usual.
        enabled: whether to lower the precision.
    """
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def keep_variance(trunk: nn.Module) -> None:
    """Initialise the convolutions of a ReLU trunk so that the signal is as strong behind it as before.

    PyTorch's default weakens it by 6 in variance per layer: behind five of them, what a slot says is a hundredth of
    what the biases say, and training starts with a long plateau.

    Source: He et al. 2015, equation 10; for a transposed convolution, an output sees `kernel**2 / stride**2` weights
    per channel.

    Args:
        trunk: holds convolutions and transposed convolutions, each followed by a ReLU.
    """
    for layer in trunk.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            seen = float(layer.in_channels * math.prod(layer.kernel_size))
            if isinstance(layer, nn.ConvTranspose2d):
                seen /= math.prod(layer.stride)
            nn.init.normal_(layer.weight, std=math.sqrt(2 / seen))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def perceptron(widths: Sequence[int]) -> nn.Sequential:
    """Build linear layers with ReLU between them and none after the last.

    Args:
        widths: input width, hidden widths, output width.

    Returns:
        A `Sequential` of `len(widths) - 1` linear layers.
    """
    layers: list[nn.Module] = []
    for index, (in_dim, out_dim) in enumerate(itertools.pairwise(widths)):
        if index:
            layers.append(nn.ReLU())
        layers.append(nn.Linear(in_dim, out_dim))
    return nn.Sequential(*layers)
