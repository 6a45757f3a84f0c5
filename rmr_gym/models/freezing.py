"""Freezing by structure, and fingerprints that prove it."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def freeze(module: Module) -> Module:
    """Fix a module's weights and its evaluation mode, and let gradients flow through it.

    A later `train()` of a model that contains it does not reach it, so batch statistics and dropout stay off.

    Returns:
        The same module.
    """
    module.requires_grad_(requires_grad=False)
    module.eval()
    # `train` of a parent calls `train` of its children: each frozen part answers for itself.
    # A partial, since a bound method would be pickled by its name, which the class does not have.
    module.train = functools.partial(_stay_in_eval, module)  # type: ignore[assignment, method-assign]
    return module


def trainable_parameters(*modules: nn.Module) -> Iterator[nn.Parameter]:
    """Yield the parameters that an optimizer is to change."""
    return (parameter for module in modules for parameter in module.parameters() if parameter.requires_grad)


def fingerprint(module: nn.Module) -> str:
    """Hash names, shapes and values of all parameters and buffers.

    Returns:
        SHA-256 in hexadecimal; equal exactly when the state is bitwise equal.
    """
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        # Bytes, not numbers: numpy lacks bfloat16.
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _stay_in_eval(module: nn.Module, mode: bool = True) -> nn.Module:
    del mode
    return module
