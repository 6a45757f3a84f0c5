"""Message passing on a GPU: against an edge list in plain PyTorch, and against what the device can do at most.

Accounting. A message function on M = members * batch * slots^2 edges needs, in multiplications and additions, 2 W^2 for
each matrix product of an edge with a layer of width W. "mean": one product forward (its output layer acts on slots);
backward one for the gradient of the edges and, where weights are trained, one for that of the layer. "max": two
forward. Backward only winners get a gradient: each of the W numbers of a message has one, and several may have the
same, so that the hidden layer needs its one or two products on min(W, slots) edges into a slot at most, here on as many
as are counted in the data. Its output layer needs as much as a layer on slots, for each number reaches one edge only.
Computing a layer again for the backward pass is not counted as needed, though the kernels do it. Layers that act on
slots (two projections before, for "mean" the output layer after) need as much per slot, once forward and once or twice
backward. Bytes that have to move: slots and messages, each read or written once forward; gradients of both,
and the slots again, backward; weights are too small to count. The limit is the larger of bytes over the measured
bandwidth and products over the measured rate of large matrix products in the same precision, in float32 that of
whichever is faster, its own or a third of TF32's. The share is this limit divided by the measured time.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.performance.gpu_machine import PRECISIONS, device_errors, precision, replayed, seconds_of
from rmr_gym.ops import all_pairs_messages, chunked_pairs


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageSetting:
    """One point at which message passing is measured."""

    reduction: str = "mean"
    """How messages are combined."""

    precision: str = "tf32"
    """One of `PRECISIONS`."""

    trained: bool = True
    """Whether the weights get gradients; the slots always do."""

    ensemble: int = 1
    """Members with weights of their own."""

    batch: int = 50
    """Samples of a member."""

    num_slots: int = 128
    """Slots of a sample."""

    width: int = 64
    """Of slots and all layers."""

    def flops(self, winners: float | None = None) -> float:
        """Return the operations of forward and backward that nothing can do without; see above.

        Args:
            winners: of a maximum, the edges into a slot that have won a number; as many as there can be by default.
        """
        forward = backward = self.num_slots + 3.0
        if self.reduction == "max":
            most = min(self.width, self.num_slots)
            forward, backward = 2.0 * self.num_slots + 2, (most if winners is None else winners) + 3
        slots = self.ensemble * self.batch * self.num_slots
        return 2 * self.width**2 * slots * (forward + (2 if self.trained else 1) * backward)

    def bytes(self) -> float:
        """Return the bytes of forward and backward that have to move: five tensors of the size of the slots."""
        slots = self.ensemble * self.batch * self.num_slots
        return 5 * slots * self.width * (2 if self.precision == "bfloat16" else 4)

    def limit(self, machine: dict[str, Any], winners: float | None = None) -> float:
        """Return the seconds below which the device cannot get; `winners` as above."""
        rate: float = machine[self.precision]["flops"]
        if self.precision == "float32":
            rate = max(rate, machine["tf32"]["flops"] / 3)
        bandwidth: float = machine["copy"]["bytes_per_second"]
        return max(self.flops(winners) / rate, self.bytes() / bandwidth)


def settings_of(quick: bool) -> list[MessageSetting]:
    """Return what is measured: the paper's size in all ways first, then larger batches and ensembles."""
    base = MessageSetting(batch=2, num_slots=6, width=8) if quick else MessageSetting()
    found = [
        replace(base, reduction=reduction, precision=name, trained=trained)
        for reduction in ("mean", "max")
        for name in PRECISIONS
        for trained in (True, False)
    ]
    numbers = (2, 3) if quick else (20, 40)
    larger = [replace(base, batch=8 * base.batch), *(replace(base, ensemble=number) for number in numbers)]
    found += [replace(setting, precision=name) for setting in larger for name in ("tf32", "bfloat16")]
    return [*found, replace(base, precision="tf32", reduction="max", ensemble=numbers[0])]


def measure_messages(setting: MessageSetting, machine: dict[str, Any], device: str, *, repeats: int) -> dict[str, Any]:
    """Time forward and backward of both variants at one point: launched from Python, and replayed as a whole.

    The edge list takes the members of an ensemble one after another, since it has no way to take them at once.
    """
    with precision(setting.precision) as dtype:
        slots, weights = _tensors(setting, device, dtype)
        members = [_tensors(replace(setting, ensemble=1), device, dtype) for _ in range(setting.ensemble)]
        ours = _times(_gradients(all_pairs_of, slots, weights, setting), device, repeats)
        works = [_gradients(edge_list_of, *member, setting) for member in members]
        peer = _times(lambda: [work() for work in works], device, repeats)
    winners = winners_per_slot(slots, weights) if setting.reduction == "max" else None
    limit = setting.limit(machine, winners)
    result: dict[str, Any] = {"setting": asdict(setting), "ours": ours, "edge_list": peer, "limit_seconds": limit}
    result |= {"winners_per_slot": winners, "by_kernels": _by_kernels(setting.reduction, slots, weights)}
    for way in ("eager", "replayed"):
        if way in ours and way in peer:
            result[f"share_of_limit_{way}"] = limit / ours[way]["median"]
            result[f"ratio_to_edge_list_{way}"] = peer[way]["median"] / ours[way]["median"]
    return result


def measure_tilings(device: str, *, repeats: int) -> list[dict[str, Any]]:
    """Time the trained mean and maximum with other tilings of their kernels than the ones that are set."""
    from rmr_gym.ops import triton_pairs  # needs Triton, which is for GPUs only

    rows = []
    for name, usual in list(triton_pairs.TILINGS.items()):
        for number, num_warps in ((16, 4), (32, 4), (64, 4), (128, 4), (128, 8)):
            triton_pairs.TILINGS[name] = tiling = replace(usual, rows=number, num_warps=num_warps)
            for way in PRECISIONS:
                setting = MessageSetting(reduction=name.partition("_")[0], precision=way, ensemble=8)
                timed = _try(setting, device, repeats)
                rows.append({"kernel": name, "tiling": asdict(tiling), "precision": way} | timed)
        triton_pairs.TILINGS[name] = usual
    return rows


def _try(setting: MessageSetting, device: str, repeats: int) -> dict[str, Any]:
    """Time one tiling; some need more memory than a multiprocessor has, which is a result too."""
    with precision(setting.precision) as dtype:
        slots, weights = _tensors(setting, device, dtype)
        try:
            return {"seconds": asdict(seconds_of(_gradients(all_pairs_of, slots, weights, setting), device, repeats))}
        except device_errors() as error:
            return {"error": str(error)[:200]}


def _by_kernels(reduction: str, slots: Tensor, weights: list[Tensor]) -> bool:
    if not slots.is_cuda or importlib.util.find_spec("triton") is None:
        return False
    from rmr_gym.ops import triton_pairs

    layers = [weights[2], weights[4]] if reduction == "max" else [weights[2]]
    return triton_pairs.supports(reduction, slots, layers)


@torch.no_grad()
def winners_per_slot(slots: Tensor, weights: list[Tensor]) -> float:
    """Return the mean number of edges into a slot whose message has the largest of some number."""
    receiver, sender = _first_layer(slots, weights)
    _, _, hidden, hidden_bias, output, _ = weights
    _, winner = chunked_pairs.max_forward(receiver, sender, [hidden, output], [hidden_bias])
    won = torch.zeros(*winner.shape[:3], slots.shape[2], dtype=torch.bool, device=slots.device)
    return float(won.scatter_(3, winner, True).sum(3).double().mean())


def _tensors(setting: MessageSetting, device: str, dtype: torch.dtype) -> tuple[Tensor, list[Tensor]]:
    """Return slots, and weight and bias of the three layers of the message function for every member."""
    width, members = setting.width, setting.ensemble
    slots = torch.randn(members, setting.batch, setting.num_slots, width, device=device)
    inputs = (2 * width, width, width)
    weights = [torch.randn(members, width, size, device=device) * (2 / size) ** 0.5 for size in inputs]
    biases = [0.1 * torch.randn(members, width, device=device) for _ in inputs]
    layers = [one for pair in zip(weights, biases, strict=True) for one in pair]
    return slots.to(dtype).requires_grad_(), [one.to(dtype).requires_grad_(setting.trained) for one in layers]


def _times(work: Callable[[], object], device: str, repeats: int) -> dict[str, Any]:
    found: dict[str, Any] = {"eager": asdict(seconds_of(work, device, repeats))}
    try:
        recorded = replayed(work, device)
        if recorded:
            found["replayed"] = asdict(seconds_of(recorded, device, repeats))
    except RuntimeError as error:
        found["not_replayed"] = str(error)[:300]
    return found


def _gradients(
    message: Callable[[Tensor, list[Tensor], str], Tensor],
    slots: Tensor,
    weights: list[Tensor],
    setting: MessageSetting,
) -> Callable[[], object]:
    """Return the work of one forward and one backward pass."""
    grad = torch.randn_like(slots)
    wanted = [slots, *(weights if setting.trained else [])]
    return lambda: torch.autograd.grad(message(slots, weights, setting.reduction), wanted, grad)


def all_pairs_of(slots: Tensor, weights: list[Tensor], reduction: str) -> Tensor:
    """Compute the messages of slots, [ensemble, batch, slot, dim], by `rmr_gym.ops`."""
    _, _, hidden, hidden_bias, output, output_bias = weights
    ends, layers, offsets = _first_layer(slots, weights), [hidden, output], [hidden_bias, output_bias]
    messages: Tensor = all_pairs_messages(*ends, layers, offsets, reduction=reduction)  # type: ignore[arg-type]
    return messages


def _first_layer(slots: Tensor, weights: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Apply both halves of the first layer, that of the receivers with its bias."""
    first, bias, *_ = weights
    width = slots.shape[-1]
    rows = slots.flatten(1, 2)
    receiver = torch.baddbmm(bias.unsqueeze(1), rows, first[:, :, :width].mT).view_as(slots)
    return receiver, torch.bmm(rows, first[:, :, width:].mT).view_as(slots)


def edge_list_of(slots: Tensor, weights: list[Tensor], reduction: str) -> Tensor:
    """Compute the same for one member as a graph library does: gather both ends, apply the function, scatter."""
    _, batch, num_slots, width = slots.shape
    nodes = slots.reshape(-1, width)
    number = torch.arange(batch * num_slots, device=slots.device)
    target = number.repeat_interleave(num_slots)
    source = number.view(batch, 1, num_slots).expand(-1, num_slots, -1).flatten()
    first, bias, hidden, hidden_bias, output, output_bias = (weight.squeeze(0) for weight in weights)
    edges = functional.linear(torch.cat([nodes[target], nodes[source]], dim=1), first, bias).relu()
    edges = functional.linear(functional.linear(edges, hidden, hidden_bias).relu(), output, output_bias)
    if reduction == "max":
        index = target.unsqueeze(1).expand_as(edges)
        messages = torch.full_like(nodes, -torch.inf).scatter_reduce(0, index, edges, "amax")
    else:
        messages = torch.zeros_like(nodes).index_add(0, target, edges) / num_slots
    return messages.view_as(slots)
