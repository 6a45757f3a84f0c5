"""What an update would take on a GPU that is not at hand: its operations are counted, its data sheet does the rest.

Every kernel takes as long as its products at the rate of the device, or the bytes it has to move at its bandwidth,
whichever is longer, and at least as long as its launch. This is the roofline model (S. Williams, A. Waterman and D.
Patterson, Roofline: an insightful visual performance model for multicore architectures, CACM 52(4), 2009). Caches are
left out, and so is everything that is no operation of PyTorch on a tensor: Python, numpy, copies to the device.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from rmr_gym.ops import chunked_pairs, reduced_pairs

_MESSAGES = ("mean_forward", "mean_backward", "max_forward", "max_backward")
"""Functions of `chunked_pairs` in whose place a GPU has one kernel each, which keeps all edges to itself."""

_TF32_PRODUCTS = 3
"""Products in TF32 that the kernels of messages make in the place of one in float32 (`rmr_gym.ops.triton_pairs`)."""

_FREE = frozenset(
    {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "_unsafe_view", "_local_scalar_dense"}
    | {"_record_function_enter_new", "_record_function_exit"}
)
"""Operations that launch no kernel, beside views. A scalar that is read is one of the optimizer's, on a GPU's host."""

_OVERWRITING = frozenset({"copy_", "zero_", "fill_", "normal_", "uniform_", "random_", "bernoulli_"})
"""Operations that do not read what they change."""

_PICKING = frozenset({"index", "index_select", "gather"})
"""Operations that read as much as they return, and not all of their first operand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Device:
    """What a device can do, in float32 as PyTorch sets it up: products in float32, convolutions in TF32."""

    name: str
    """What it is called."""

    products: float
    """Floating-point operations per second of matrix products in float32."""

    convolutions: float
    """The same of convolutions."""

    messages: float
    """The same of the products within the kernels of messages."""

    bandwidth: float
    """Bytes per second that the memory delivers or takes."""

    launch: float = 0.0
    """Seconds that a kernel takes at least."""

    def at(self, *, products: float, bandwidth: float, launch: float) -> Device:
        """Return what is left where kernels reach a share of the limits only, and each takes a while to be launched."""
        return dataclasses.replace(
            self,
            products=products * self.products,
            convolutions=products * self.convolutions,
            messages=products * self.messages,
            bandwidth=bandwidth * self.bandwidth,
            launch=launch,
        )


def _gpu(name: str, *, float32: float, tf32: float, terabytes: float) -> Device:
    """Make a device of teraflops and terabytes per second."""
    return Device(
        name=name,
        products=1e12 * float32,
        convolutions=1e12 * tf32,
        messages=1e12 * max(float32, tf32 / _TF32_PRODUCTS),
        bandwidth=1e12 * terabytes,
    )


GPUS = {
    "a100": _gpu("NVIDIA A100 80GB SXM", float32=19.5, tf32=156.0, terabytes=2.039),
    "h100": _gpu("NVIDIA H100 SXM", float32=67.0, tf32=494.5, terabytes=3.35),
    "h200": _gpu("NVIDIA H200 SXM", float32=67.0, tf32=494.5, terabytes=4.8),
}
"""Devices by their data sheets (nvidia.com, data center GPUs); TF32 without sparsity."""


class RooflineClock(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While it is entered, adds up what the operations of this thread would take on a device.

    They run where they are and on what they are given; only their sizes matter.

    Args:
        device: which it is.
        members: encoders that are trained as one ensemble: each kernel does the work of so many, and what is added up
            is the share of one.
        as_gpu: whether messages are counted as the kernels of a GPU compute them, and Adam's steps as it takes them
            there; else everything is counted as it runs here.

    Example:
        >>> import torch
        >>> device = Device(name="abacus", products=2.0, convolutions=2.0, messages=2.0, bandwidth=1e9)
        >>> with RooflineClock(device) as clock:
        ...     product = torch.ones(3, 4) @ torch.ones(4, 5)
        >>> round(clock(), 3)  # 2 * 3 * 4 * 5 operations
        60.0
    """

    def __init__(self, device: Device, *, members: int = 1, as_gpu: bool = True) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._device, self._members, self._as_gpu = device, members, as_gpu
        self._seconds = 0.0
        self._products_of_messages: float | None = None
        self._stack = ExitStack()

    def __call__(self) -> float:
        """Return the seconds so far."""
        return self._seconds

    def __enter__(self) -> Self:
        """Begin to count."""
        if self._as_gpu:
            for name in _MESSAGES:
                self._stack.enter_context(_replaced(chunked_pairs, name, self._as_one_kernel))
            # The kernels of a GPU keep nothing of an edge and make it again, which takes one more product.
            self._stack.enter_context(_replaced(reduced_pairs, "_keeps_bits", lambda _: lambda *_: False))
            # On a GPU Adam takes all parameters at once, unless it is told otherwise.
            adam = importlib.import_module("torch.optim.adam")  # the package hides the module behind its name
            self._stack.enter_context(_replaced(adam, "_default_to_fused_or_foreach", _choosing_foreach))
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        """End counting."""
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._stack.close()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Carry out an operation and take note of it."""
        kwargs, name = kwargs or {}, func._overloadpacket.__name__
        formula = flop_registry.get(func._overloadpacket)
        if formula is None:
            parts = self._decomposed(func, args, kwargs)
            if parts is not NotImplemented:
                return parts
        out = func(*args, **kwargs)
        products = float(formula(*args, **kwargs, out_val=out)) if formula else 0.0
        if self._products_of_messages is not None:
            self._products_of_messages += products
        elif not func.is_view and name not in _FREE:
            rate = self._device.convolutions if "convolution" in name else self._device.products
            self._add(products / rate, _moved(func, name, args, kwargs, out))
        return out

    def _decomposed(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Carry out the parts of an operation, each counted: in inference mode some come in one piece."""
        TorchDispatchMode.__enter__(self)  # type: ignore[no-untyped-call]
        try:
            return func.decompose(*args, **kwargs)
        finally:
            TorchDispatchMode.__exit__(self, None, None, None)  # type: ignore[no-untyped-call]

    def _add(self, seconds_of_products: float, num_bytes: float) -> None:
        busy = max(seconds_of_products, num_bytes / self._device.bandwidth)
        self._seconds += max(self._device.launch / self._members, busy)

    def _as_one_kernel(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Let a function of many operations count as one: all of its products, but only what goes in and comes out."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            self._products_of_messages = 0.0
            try:
                out = function(*args, **kwargs)
                moved = _num_bytes(_tensors((args, kwargs))) + _num_bytes(_tensors(out))
                self._add(self._products_of_messages / self._device.messages, moved)
            finally:
                self._products_of_messages = None
            return out

        return counted


def _moved(func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> float:
    """Return the bytes that an operation reads and writes."""
    given, changed = [], []
    for place, argument in enumerate(func._schema.arguments):
        value = args[place] if place < len(args) else kwargs.get(argument.name)
        tensors = _tensors(value)
        if argument.alias_info is not None and argument.alias_info.is_write:
            changed += tensors
            if argument.kwarg_only or name in _OVERWRITING:  # an output that was passed is not read
                continue
        given += tensors
    written = {id(one): one for one in [*_tensors(out), *changed]}.values()
    if name in _PICKING:
        given = [*_tensors(out), *given[1:]]
    return _num_bytes(given) + _num_bytes(written)


def _tensors(values: Any) -> list[Tensor]:
    return [one for one in tree_leaves(values) if isinstance(one, Tensor)]


def _num_bytes(tensors: Iterable[Tensor]) -> float:
    """Add up the bytes of some tensors; what was expanded lies in the memory once."""
    return float(sum(_num_elements(one) * one.element_size() for one in tensors))


def _num_elements(tensor: Tensor) -> int:
    count = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        count *= size if stride or not size else 1
    return count


def _choosing_foreach(_: object) -> Callable[..., tuple[bool, bool]]:
    return lambda *_, **__: (False, True)


@contextmanager
def _replaced(module: ModuleType, name: str, wrap: Callable[[Any], Any]) -> Iterator[None]:
    original = getattr(module, name)
    setattr(module, name, wrap(original))
    try:
        yield
    finally:
        setattr(module, name, original)
