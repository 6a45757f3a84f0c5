"""The CUDA kernels compute what they should: on a GPU, and by Triton's interpreter where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

ROOT = Path(__file__).parents[2]

triton = pytest.importorskip("triton", reason="Triton is published for Linux only")

from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

from benchmarks.performance import gpu_correctness  # noqa: E402
from benchmarks.performance.gpu_correctness import LARGE, SMALL, Case, kernel_errors  # noqa: E402
from rmr_gym.ops import all_pairs_messages, triton_kernels, triton_pairs  # noqa: E402


@pytest.fixture(scope="module")
def interpreted() -> list[dict[str, Any]]:
    """Errors of all small cases, from a process that imports Triton as an interpreter."""
    command = [sys.executable, "-m", "benchmarks.performance.gpu_correctness"]
    environment = os.environ | {"TRITON_INTERPRET": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("number", range(len(SMALL)), ids=str)
def test_interpreted_kernels_equal_every_edge_in_float64(interpreted: list[dict[str, Any]], number: int) -> None:
    case, errors = SMALL[number], interpreted[number]["errors"]
    assert len(errors) == (12 if case.needs_weights else 7)
    assert interpreted[number]["passed"]
    if case.dtype == "float32":  # so few edges that no ReLU is turned by rounding
        assert max(errors.values()) < 1e-6


@pytest.mark.parametrize(("error", "passes"), [(1e-7, True), (0.1, False), (float("nan"), False)])
def test_check_passes_small_errors_only(monkeypatch: pytest.MonkeyPatch, error: float, passes: bool) -> None:
    found = {"mean/value": 0.0, "mean/weight": error}
    monkeypatch.setattr(gpu_correctness, "kernel_errors", lambda case, device: found)
    assert [row["passed"] for row in gpu_correctness.check([Case()], "cpu")] == [passes]


def test_small_cases_reach_every_way_of_dividing_the_work() -> None:
    grids = []
    for case in SMALL:
        slots = torch.empty(case.ensemble, case.batch, case.num_slots, case.widths[0])
        grids += [triton_pairs.work_of(name, slots, in_groups=True) for name in triton_pairs.TILINGS]
    assert any(grid.tiles > 1 for grid in grids)
    assert any(grid.splits > 1 for grid in grids)
    assert any(grid.samples_per_group > 1 for grid in grids)
    assert any(grid.splits * grid.senders_per_split > case.num_slots for grid in grids for case in SMALL)


def test_kernels_leave_tensors_of_the_cpu_to_plain_pytorch() -> None:
    receiver, weight = torch.ones(1, 2, 3, 4), torch.ones(1, 4, 4)
    assert not triton_pairs.supports("mean", receiver, [weight])


@pytest.mark.parametrize(
    ("kernel", "dtype", "ones"),
    [
        ("mean_forward", "bf16", False),
        ("mean_forward", "fp32", True),
        ("mean_backward", "bf16", False),
        ("max_forward", "bf16", True),
        ("max_backward", "fp32", False),
    ],
)
def test_kernel_compiles_for_a_gpu_that_is_not_there(kernel: str, dtype: str, ones: bool) -> None:
    compiled = compile_for_hopper(kernel, dtype, ones)
    assert compiled.metadata.shared <= 131_072  # what `supports` asks for
    assert "wgmma" in compiled.asm["ptx"]  # the matrix units of Hopper


def compile_for_hopper(kernel: str, dtype: str, ones: bool) -> Any:
    """Compile with the widths that `supports` lets through; numbers that are 1 become constants, as in a launch."""
    function = getattr(triton_kernels, f"{kernel}_kernel")
    tiling = triton_pairs.TILINGS[kernel]
    blocks = {"ROWS": tiling.rows, "BLOCK_H": 64, "BLOCK_K": 64, "BLOCK_D": 64}
    blocks |= {"NEEDS_WEIGHTS": True, "PRECISION": "tf32x3"}
    signature: dict[str, str] = {}
    constants: dict[tuple[int], Any] = {}
    for place, name in enumerate(function.arg_names):
        if name in blocks:
            signature[name], constants[place,] = "constexpr", blocks[name]
        elif name in ("grad", "receiver", "sender", "weight", "bias", "output_weight"):
            signature[name] = f"*{dtype}"
        elif name in ("mean", "maximum") or name.startswith("grad_"):
            signature[name] = "*fp32"
        elif name == "winner":
            signature[name] = "*i32"
        elif ones:
            signature[name], constants[place,] = "constexpr", 1
        else:
            signature[name] = "i32"
    source = ASTSource(fn=function, signature=signature, constexprs=constants)
    options = {"num_warps": tiling.num_warps}
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)


@pytest.mark.gpu
@pytest.mark.parametrize("case", LARGE, ids=str)
def test_kernels_equal_every_edge_in_float64_on_a_gpu(case: Case) -> None:
    errors = kernel_errors(case, "cuda")
    assert {name: error for name, error in errors.items() if not error <= case.tolerance(name)} == {}


@pytest.mark.gpu
def test_kernels_give_equal_bits_when_run_again() -> None:
    parts = [torch.randn(3, 7, 100, 64, device="cuda") for _ in range(2)]
    layers = [torch.randn(3, 64, 64, device="cuda"), torch.randn(3, 64, device="cuda")]
    runs = []
    for _ in range(2):
        mean = triton_pairs.mean_forward(*parts, layers[:1], layers[1:])
        found = triton_pairs.mean_backward(mean, *parts, layers[:1], layers[1:], needs_weights=True)
        runs.append([mean, found.receiver, found.sender, *found.weights, *found.biases])
    assert all(torch.equal(first, second) for first, second in zip(*runs, strict=True))


@pytest.mark.gpu
@pytest.mark.parametrize("reduction", ["mean", "sum", "max"])
def test_messages_on_a_gpu_equal_those_on_the_cpu(reduction: str) -> None:
    shapes = [(2, 30, 64), (2, 30, 64), (64, 64), (32, 64), (64,), (32,)]
    generator = torch.Generator().manual_seed(0)
    found = []
    parts = [torch.randn(shape, generator=generator) for shape in shapes]
    for device in ("cpu", "cuda"):
        ours = [part.to(device).requires_grad_() for part in parts]
        messages = all_pairs_messages(*ours[:2], ours[2:4], ours[4:], reduction=reduction)
        grads = torch.autograd.grad(messages.sum(), ours)
        found.append([one.cpu() for one in (messages, *grads)])
    for on_cpu, on_gpu in zip(*found, strict=True):
        torch.testing.assert_close(on_gpu, on_cpu, rtol=1e-3, atol=1e-3 * float(on_cpu.abs().max()))
