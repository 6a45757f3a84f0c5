"""Messages between all pairs of slots: ours beside edge lists, dense pairs and the matrix products alone.

Every variant has the same weights, starts at the slots and ends at the reduced messages, and back: both halves of the
first layer are inside for all of them. Everything is float32.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn

from benchmarks.performance.harness import Comparison, Spread, Work, speed_ratio, take_turns
from benchmarks.performance.message_peers import (
    LAYOUTS,
    DenseMessages,
    EdgeListMessages,
    OurMessages,
    ScatterMessages,
    bare_products,
    message_mlp,
)
from benchmarks.performance.peak_memory import extra_peak_bytes
from benchmarks.performance.settings import Settings
from rmr_gym.models.blocks import initial_weights
from rmr_gym.ops import Reduction

OURS = "rmr_gym.ops.all_pairs_messages"
GEOMETRIC, SCATTER, DENSE = "torch-geometric, edge list", "torch-scatter, edge list", "dense concatenated pairs"
PRODUCTS, CONVOLUTIONS = "bare matrix products, torch.mm", "bare matrix products, oneDNN convolutions"

_BARS: dict[Reduction, float | None] = {"mean": 8.0, "max": 3.0, "sum": None}


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Size of the input."""

    batch: int = 50
    """Samples (paper, appendix B)."""

    num_slots: int = 128
    """Slots of a sample, bytes of an Atari's memory."""

    dim: int = 64
    """Width of a slot and of all layers (paper, section 5)."""

    def __str__(self) -> str:
        """Name the sizes in the table."""
        return f"{self.batch} x {self.num_slots} slots x {self.dim}"


def measure(settings: Settings) -> list[Comparison]:
    """Compare speed for every reduction, then with frozen weights, then memory."""
    sizes = Sizes(batch=2, num_slots=8, dim=4) if settings.quick else Sizes()
    lines = []
    for reduction in get_args(Reduction):
        lines += compare_speed(settings, sizes, reduction)
    lines += compare_speed(settings, sizes, "mean", frozen=True)
    if settings.device == "cpu":
        lines.append(compare_memory(settings, sizes, "mean", bar=1 / 20))
        if not settings.quick:
            lines.append(compare_memory(settings, sizes, "max", bar=None))
    return lines


def compare_speed(settings: Settings, sizes: Sizes, reduction: Reduction, *, frozen: bool = False) -> list[Comparison]:
    """Compare forward and backward; with frozen weights only the slots get a gradient."""
    variants = _variants(settings, sizes, reduction, frozen=frozen)
    bare = reduction == "mean" and settings.device == "cpu"
    if bare:
        shape = (sizes.batch, sizes.num_slots, sizes.dim)
        variants[PRODUCTS] = bare_products(*shape, weights=not frozen, convolution=False)
        variants[CONVOLUTIONS] = bare_products(*shape, weights=not frozen, convolution=True)
    seconds = take_turns(variants, settings.repeats)
    what = f"message function, forward + backward, {reduction}{', frozen weights' if frozen else ''}, {sizes}"

    def line(peer: str, figure: Spread, bar: float | None = None, note: str = "") -> Comparison:
        return Comparison(what=what, ours=OURS, peer=peer, figure=figure, bar=bar, note=note)

    geometric = min((name for name in variants if name.startswith(GEOMETRIC)), key=lambda name: min(seconds[name]))
    note = f"the faster of its two layouts, {geometric.removeprefix(f'{GEOMETRIC}, ')}; torch-scatter is installed"
    bar = None if frozen else _BARS[reduction]
    lines = [
        line(GEOMETRIC, speed_ratio(seconds, ours=OURS, peer=geometric), bar, note),
        line(SCATTER, speed_ratio(seconds, ours=OURS, peer=SCATTER), None, "segment_csr, its fastest for sorted edges"),
        line(DENSE, speed_ratio(seconds, ours=OURS, peer=DENSE)),
    ]
    return lines + (_beside_products(what, seconds, frozen=frozen) if bare else [])


def _beside_products(what: str, seconds: Mapping[str, tuple[float, ...]], *, frozen: bool) -> list[Comparison]:
    """Compare to the products alone: what is left is the price of everything else."""
    notes = {
        PRODUCTS: "in reused buffers; what nn.Linear and torch.mm compute with. A share below 1 means that ours uses "
        "faster kernels than torch.mm",
        CONVOLUTIONS: "the same products by the fastest kernels known for them on a CPU",
    }
    return [
        Comparison(
            what=what,
            ours=OURS,
            peer=peer,
            figure=Spread.of(tuple(own / bare for own, bare in zip(seconds[OURS], seconds[peer], strict=True))),
            unit="times as long",
            bar=1.6 if peer == PRODUCTS and not frozen else None,
            direction="at most",
            note=note,
        )
        for peer, note in notes.items()
    ]


def compare_memory(settings: Settings, sizes: Sizes, reduction: Reduction, *, bar: float | None) -> Comparison:
    """Compare what a forward and a backward pass take at their peak beyond inputs and weights."""
    layout = LAYOUTS[0]
    own, peer = (
        [extra_peak_bytes(_first_call, sizes, reduction, name) for _ in range(settings.repeats)]
        for name in (OURS, f"{GEOMETRIC}, {layout}")
    )
    mebibytes = [sorted(values)[len(values) // 2] / 2**20 for values in (own, peer)]
    return Comparison(
        what=f"message function, extra peak memory, {reduction}, {sizes}",
        ours=OURS,
        peer=GEOMETRIC,
        figure=Spread.of(tuple(one / max(1, other) for one, other in zip(own, peer, strict=True))),
        unit="share",
        bar=bar,
        direction="at most",
        note=f"{mebibytes[0]:.0f} MiB beside {mebibytes[1]:.0f} MiB ({layout}), every call in a fresh process",
    )


def _variants(settings: Settings, sizes: Sizes, reduction: Reduction, *, frozen: bool) -> dict[str, Work]:
    with initial_weights(0):
        mlp = message_mlp(sizes.dim).to(settings.device).requires_grad_(not frozen)
    modules: dict[str, nn.Module] = {OURS: OurMessages(mlp, reduction)}
    for layout in LAYOUTS:
        modules[f"{GEOMETRIC}, {layout}"] = EdgeListMessages(mlp, reduction, layout)
    modules |= {SCATTER: ScatterMessages(mlp, reduction), DENSE: DenseMessages(mlp, reduction)}
    slots, grad = _inputs(sizes, settings.device)
    return {name: _forward_backward(module, slots, grad) for name, module in modules.items()}


def _first_call(sizes: Sizes, reduction: Reduction, name: str) -> Work:
    """Make a variant in a fresh process, with the libraries' code loaded but their heap as small as it starts."""
    small = Sizes(batch=1, num_slots=4, dim=sizes.dim)
    settings = Settings(repeats=1)
    _variants(settings, small, reduction, frozen=False)[name]()
    return _variants(settings, sizes, reduction, frozen=False)[name]


def _inputs(sizes: Sizes, device: str) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    shape = (2, sizes.batch, sizes.num_slots, sizes.dim)
    slots, grad = torch.randn(shape, generator=generator).to(device)
    return slots.requires_grad_(), grad


def _forward_backward(module: nn.Module, slots: Tensor, grad: Tensor) -> Work:
    def work() -> None:
        module.zero_grad(set_to_none=True)
        slots.grad = None
        module(slots).backward(grad)
        if slots.is_cuda:
            torch.cuda.synchronize(slots.device)

    return work
