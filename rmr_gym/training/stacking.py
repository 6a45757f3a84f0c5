"""Modules of equal structure as one: parameters with a leading axis, one forward and one backward pass for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from rmr_gym.errors import explain
from rmr_gym.training.loop import GroupTerms
from rmr_gym.training.unfolding import UnfoldedConvolutions

_IN_TURN = 'Train them with execution="in_turn" (rmr-gym run --together no, python -m benchmarks run --together 1).'


class Stack(nn.Module):
    """Losses of several modules, computed by one of them with the stacked weights of all.

    Trainable parameters are copied to parameters `[ensemble, ...]`. Buffers are stacked likewise. Frozen parameters get
    no gradient; where all members have the same they are kept once.

    Args:
        members: modules that map tensors to `LossTerms`; equal but for the values of their weights.
        unfold: compute convolutions as batched matrix products, see `UnfoldedConvolutions`.
    """

    def __init__(self, members: Sequence[nn.Module], *, unfold: bool = False) -> None:
        super().__init__()
        self._members = tuple(members)  # in a tuple their own parameters are none of this module's
        self._unfold = unfold
        self._trained, self._fixed = _names(members[0])
        self._axis: dict[str, int | None] = dict.fromkeys(self._trained, 0)
        self.trained = nn.ParameterList(torch.stack(self._values(name)) for name in self._trained)
        for place, name in enumerate(self._fixed):
            values = self._values(name)
            shared = isinstance(_tensor(members[0], name), nn.Parameter) and all(
                torch.equal(values[0], value) for value in values[1:]
            )
            self._axis[name] = None if shared else 0
            self.register_buffer(f"fixed_{place}", values[0] if shared else torch.stack(values))

    def forward(self, batches: Sequence[Sequence[Tensor]], *, with_logged: bool = True) -> GroupTerms:
        """Compute the loss terms of every member on its own batch.

        Args:
            batches: the arguments of each member.
            with_logged: whether the parts and monitors are wanted too; they cannot be computed later.
        """
        stacked = tuple(torch.stack(parts) for parts in zip(*batches, strict=True))

        def one(weights: dict[str, Tensor], *parts: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
            terms = functional_call(self._members[0], weights, parts)
            return terms.total, dict(terms.logged) if with_logged else {}

        in_one_pass = vmap(one, in_dims=(self._axis, *[0] * len(stacked)))
        with UnfoldedConvolutions() if self._unfold else nullcontext(), _plain_attention():
            try:
                total, logged = in_one_pass(self._weights(), *stacked)
            except RuntimeError as error:
                if "randomness" in str(error):
                    # One draw for all members, or draws of their order, would not be those of the members alone.
                    expected = "members in one pass that draw no random numbers"
                    raise ValueError(explain(expected=expected, got="dropout or the like", fix=_IN_TURN)) from error
                error.add_note(f"This came of several members in one pass. {_IN_TURN}")
                raise
        return GroupTerms(total, logged)

    @torch.no_grad()
    def write_back(self) -> None:
        """Copy the weights and buffers to the modules that they came from."""
        for name, value in self._weights().items():
            for index, member in enumerate(self._members):
                _tensor(member, name).copy_(value if self._axis[name] is None else value[index])

    def _weights(self) -> dict[str, Tensor]:
        trained = dict(zip(self._trained, self.trained, strict=True))
        return trained | {name: self.get_buffer(f"fixed_{place}") for place, name in enumerate(self._fixed)}

    def _values(self, name: str) -> list[Tensor]:
        return [_tensor(member, name).detach() for member in self._members]


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Let attention be computed by operations that can be mapped over members, as fused ones cannot.

    Frozen modules would take the fast path of `nn.MultiheadAttention`; fused kernels would be called member by member.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _names(module: nn.Module) -> tuple[list[str], list[str]]:
    """Return the names of what is trained, and of all else that has a value."""
    parameters = dict(module.named_parameters())
    trained = [name for name, parameter in parameters.items() if parameter.requires_grad]
    frozen = [name for name, parameter in parameters.items() if not parameter.requires_grad]
    return trained, [*frozen, *(name for name, _ in module.named_buffers())]


def _tensor(module: nn.Module, name: str) -> Tensor:
    """Return a parameter or buffer by its full name."""
    path, _, last = name.rpartition(".")
    value: Tensor = getattr(module.get_submodule(path), last)
    return value
