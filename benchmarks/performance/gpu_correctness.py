"""The kernels of message passing against a plain float64 implementation that holds every edge.

Run alone it prints the errors as JSON; without a GPU set TRITON_INTERPRET=1.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from rmr_gym.ops import triton_pairs


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Sizes and settings of one comparison."""

    ensemble: int = 1
    """Members with weights of their own."""

    batch: int = 1
    """Samples of a member."""

    num_slots: int = 5
    """Slots of a sample."""

    widths: tuple[int, int, int] = (16, 16, 16)
    """Of the first and the second hidden layer and of the messages."""

    dtype: str = "float32"
    """Of the inputs: float32 or bfloat16."""

    allow_tf32: bool = False
    """Whether products of float32 may be rounded to TF32."""

    needs_weights: bool = True
    """Whether gradients of the weights are asked for."""

    equal_senders: bool = False
    """Whether all senders are the same, so that all messages are equal and the first has to win."""

    @property
    def rounding(self) -> float:
        """Bound on the relative error of values, by the norm."""
        if self.dtype == "bfloat16":
            return 1e-2
        return 1e-3 if self.allow_tf32 else 2e-6

    def tolerance(self, name: str) -> float:
        """Return the largest relative error that passes.

        Rounding by r turns the ReLU of a share of about r of all edges, and each of them is wrong by as much as it is
        large: by the norm, gradients miss by sqrt(r).
        """
        return self.rounding if name.endswith(("/value", "/choice")) else self.rounding**0.5


SMALL = (
    Case(num_slots=1, widths=(1, 1, 1)),
    Case(ensemble=2, batch=3, num_slots=5, widths=(7, 12, 20)),
    Case(ensemble=2, batch=2, num_slots=9, widths=(8, 8, 8), needs_weights=False),
    Case(ensemble=2, batch=17, num_slots=2),
    Case(num_slots=17, widths=(17, 33, 5)),
    Case(num_slots=34),
    Case(num_slots=10, widths=(33, 17, 5), dtype="bfloat16"),
    Case(num_slots=6, equal_senders=True),
)
"""For the interpreter: several tiles, splits and groups of samples, and sizes that fill no block."""

_PAPER = {"batch": 50, "num_slots": 128, "widths": (64, 64, 64)}

LARGE = (
    *SMALL,
    Case(**_PAPER),  # type: ignore[arg-type]
    Case(**_PAPER, needs_weights=False),  # type: ignore[arg-type]
    Case(**_PAPER, allow_tf32=True),  # type: ignore[arg-type]
    Case(**_PAPER, dtype="bfloat16"),  # type: ignore[arg-type]
    Case(ensemble=3, batch=17, num_slots=100, widths=(64, 48, 33)),
    Case(ensemble=3, batch=17, num_slots=100, widths=(64, 48, 33), dtype="bfloat16"),
    Case(ensemble=2, batch=5, num_slots=300, widths=(32, 64, 64), allow_tf32=True),
)
"""For a GPU: the paper's size too, in all precisions."""

_NAMES = ("value", "receiver", "sender", "weight", "bias", "output_weight")


def kernel_errors(case: Case, device: str) -> dict[str, float]:
    """Return the relative errors of values and gradients of both reductions, by the norm.

    Gradients of the maximum are compared with those of the messages that the kernel chose, since rounding may choose
    another one of two that are nearly equal; `max/choice` is by how much the largest message is missed.

    Args:
        case: what is compared.
        device: where the kernels run.
    """
    parts = _inputs(case, device)
    torch.set_float32_matmul_precision("high" if case.allow_tf32 else "highest")
    try:
        mean, mean_grads, grad_mean = _mean(case, parts)
        maximum, winner, max_grads, grad_max = _max(case, parts)
    finally:
        torch.set_float32_matmul_precision("highest")
    exact = [part.double().requires_grad_() for part in parts]
    hidden, messages = _plain(exact)
    errors = _compare("mean", [mean, *mean_grads], hidden.mean(3), exact[:-1], grad_mean, case.needs_weights)
    largest = messages.max(3)
    if case.equal_senders and winner.any():
        errors["max/choice"] = torch.inf
    chosen = messages.gather(3, winner.long().unsqueeze(3)).squeeze(3)
    errors["max/choice"] = max(errors.get("max/choice", 0.0), _error(chosen, largest.values))
    return errors | _compare("max", [maximum, *max_grads], chosen, exact, grad_max, case.needs_weights)


def check(cases: Sequence[Case], device: str) -> list[dict[str, Any]]:
    """Return errors and verdict of each case as JSON values."""
    found = []
    for case in cases:
        errors = kernel_errors(case, device)
        # Written so that what is not a number does not pass.
        passed = all(error <= case.tolerance(name) for name, error in errors.items())
        found.append({"case": asdict(case), "errors": errors, "passed": passed})
    return found


def _inputs(case: Case, device: str) -> list[Tensor]:
    first, second, out = case.widths
    slots = (case.ensemble, case.batch, case.num_slots, first)
    shapes = (slots, slots, (case.ensemble, second, first), (case.ensemble, second), (case.ensemble, out, second))
    generator = torch.Generator().manual_seed(0)
    scales = (1.0, 1.0, first**-0.5, 0.5, second**-0.5)
    parts = [scale * torch.randn(shape, generator=generator) for scale, shape in zip(scales, shapes, strict=True)]
    if case.equal_senders:
        parts[1] = parts[1][:, :, :1].expand_as(parts[1]).clone()
    return [part.to(device, getattr(torch, case.dtype)) for part in parts]


def _mean(case: Case, parts: list[Tensor]) -> tuple[Tensor, list[Tensor], Tensor]:
    receiver, sender, weight, bias, _ = parts
    mean = triton_pairs.mean_forward(receiver, sender, [weight], [bias])
    grad = _random_like(mean, seed=1)
    found = triton_pairs.mean_backward(grad, receiver, sender, [weight], [bias], needs_weights=case.needs_weights)
    return mean, [found.receiver, found.sender, *found.weights, *found.biases], grad


def _max(case: Case, parts: list[Tensor]) -> tuple[Tensor, Tensor, list[Tensor], Tensor]:
    receiver, sender, weight, bias, output_weight = parts
    weights = [weight, output_weight]
    maximum, winner = triton_pairs.max_forward(receiver, sender, weights, [bias])
    grad = _random_like(maximum, seed=2)
    found = triton_pairs.max_backward(grad, receiver, sender, winner, weights, [bias], needs_weights=case.needs_weights)
    grads = [found.receiver, found.sender, *found.weights[:1], *found.biases, *found.weights[1:]]
    return maximum, winner, grads, grad


def _random_like(tensor: Tensor, *, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(tensor.shape, generator=generator).to(tensor)


def _plain(exact: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Compute hidden layer and messages of every edge, [ensemble, batch, receiver, sender, width]."""
    receiver, sender, weight, bias, output_weight = exact
    first = (receiver.unsqueeze(3) + sender.unsqueeze(2)).relu()
    hidden = (torch.einsum("ebijh,ekh->ebijk", first, weight) + bias[:, None, None, None]).relu()
    return hidden, torch.einsum("ebijk,edk->ebijd", hidden, output_weight)


def _compare(
    kind: str, ours: list[Tensor], value: Tensor, exact: list[Tensor], grad: Tensor, needs_weights: bool
) -> dict[str, float]:
    wanted = exact if needs_weights else exact[:2]
    expected = [value, *torch.autograd.grad(value, wanted, grad.double(), retain_graph=True)]
    names = _NAMES[: len(expected)]
    return {f"{kind}/{name}": _error(a, b) for name, a, b in zip(names, ours, expected, strict=True)}


def _error(ours: Tensor, exact: Tensor) -> float:
    """Relative error by the norm; absolute where all is zero."""
    exact = exact.detach()
    norm = float(exact.norm())
    return float((ours.double() - exact).norm()) / (norm or 1.0)


if __name__ == "__main__":
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    print(json.dumps(check(SMALL if interpreted else LARGE, "cpu" if interpreted else "cuda")))
