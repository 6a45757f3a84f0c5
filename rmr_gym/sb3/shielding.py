"""Parameters that are held as buffers, out of the reach of whatever walks over the parameters of a policy.

`requires_grad=False` is not enough in Stable-Baselines3. Optimizers are built over all parameters, target networks are
averaged over all of them (with `tau < 1` even equal weights drift by rounding), and `load_from_vector` writes them all.
A buffer keeps its name in the state, its device and its place in the fingerprint, and none of these sees it.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn


class Held(NamedTuple):
    """A parameter that is held as a buffer: which one of which submodule, and whether it was to be trained."""

    path: str
    name: str
    trainable: bool


def hold_parameters(root: nn.Module, *, trainable: bool = True) -> tuple[Held, ...]:
    """Turn parameters of a module and its submodules into buffers of the same names, in place.

    Args:
        root: its parameters that do not require gradients become buffers in any case.
        trainable: whether those that do become buffers, too.

    Returns:
        What became buffers, in the order in which `release_parameters` has to give it back.

    Example:
        >>> layer = nn.Linear(2, 3)
        >>> held = hold_parameters(layer)
        >>> list(layer.parameters()), sorted(layer.state_dict())
        ([], ['bias', 'weight'])
    """
    held: list[Held] = []
    buffers: dict[int, Tensor] = {}  # parameters that are shared stay shared
    for path, module in root.named_modules():
        for name, parameter in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            if trainable or not parameter.requires_grad:
                held.append(Held(path, name, parameter.requires_grad))
                _replace(module, name, buffers.setdefault(id(parameter), parameter.detach()))
    return tuple(held)


def release_parameters(root: nn.Module, held: tuple[Held, ...]) -> tuple[Held, ...]:
    """Turn buffers back into the parameters that they were, in the order that they had.

    Args:
        root: as for `hold_parameters`.
        held: what that returned. Those that were not to be trained stay buffers.

    Returns:
        What is still held.
    """
    parameters: dict[int, nn.Parameter] = {}
    for path, name, _ in (item for item in held if item.trainable):
        module = root.get_submodule(path)
        buffer = module.get_buffer(name)
        _replace(module, name, parameters.setdefault(id(buffer), nn.Parameter(buffer)))
    return tuple(item for item in held if not item.trainable)


def _replace(module: nn.Module, name: str, tensor: Tensor) -> None:
    delattr(module, name)
    if not isinstance(tensor, nn.Parameter):
        module.register_buffer(name, tensor)
    setattr(module, name, tensor)  # recurrent layers keep a list of their weights up to date by this
