"""The script for a borrowed GPU runs before one is borrowed, keeps what it has, and counts what it says it counts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.performance import gpu
from benchmarks.performance.gpu import GpuConfig, run, summary
from benchmarks.performance.gpu_machine import precision, seconds_of
from benchmarks.performance.gpu_messages import MessageSetting, all_pairs_of, edge_list_of, winners_per_slot
from benchmarks.performance.gpu_training import estimate_table
from tests.warm_python import run_python

ROOT = Path(__file__).parents[2]

MACHINE = {
    "float32": {"flops": 50e12},
    "tf32": {"flops": 300e12},
    "bfloat16": {"flops": 800e12},
    "copy": {"bytes_per_second": 4e12},
}


def test_every_section_runs_on_a_cpu_and_is_not_repeated(tmp_path: Path) -> None:
    config = GpuConfig(out=tmp_path, device="cpu", quick=True, repeats=1)
    outcome = run(config)
    assert outcome.keys() == gpu.sections().keys()
    assert all(text.endswith(" s") for text in outcome.values()), outcome
    rows = json.loads((tmp_path / "messages.json").read_text())
    assert {row["setting"]["reduction"] for row in rows} == {"mean", "max"}
    assert all(row["ratio_to_edge_list_eager"] > 0 for row in rows)
    assert not any(row["by_kernels"] for row in rows)
    assert all((row["winners_per_slot"] is None) == (row["setting"]["reduction"] == "mean") for row in rows)
    ensemble = json.loads((tmp_path / "ensemble_tf32.json").read_text())
    assert ensemble["num_members"] == 4
    assert ensemble["by_execution"].keys() == {"stacked", "unfolded"}
    assert ensemble["ratio"] > 0
    trial = json.loads((tmp_path / "trial.json").read_text())
    assert trial["seconds"]["all"] > trial["seconds"]["abstract"] > 0
    assert set(run(config).values()) == {"was there"}
    assert len(summary(tmp_path)) == len(rows) + 3 + 3


def test_failing_section_leaves_its_traceback_and_the_next_one_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(config: GpuConfig, end: float) -> Any:
        raise RuntimeError("no such kernel")

    found = {"first": fail, "second": lambda config, end: {"answer": 42}}
    monkeypatch.setattr(gpu, "sections", lambda: found)
    config = GpuConfig(out=tmp_path, device="cpu")
    assert run(config)["first"].startswith("failed")
    assert "no such kernel" in (tmp_path / "first.error.txt").read_text()
    assert json.loads((tmp_path / "second.json").read_text()) == {"answer": 42}
    found["first"] = found["second"]
    assert run(config)["second"] == "was there"
    assert {path.name for path in tmp_path.iterdir()} == {"first.json", "second.json"}


def test_no_section_begins_after_the_budget(tmp_path: Path) -> None:
    outcome = run(GpuConfig(out=tmp_path, device="cpu", budget_seconds=-1.0))
    assert set(outcome.values()) == {"no time left"}
    assert list(tmp_path.iterdir()) == []


def test_needed_work_is_counted_as_it_is_written_down() -> None:
    setting = MessageSetting(batch=1, num_slots=10, width=8)
    # 100 edges and 10 slots; a product costs 2 * 8 * 8 = 128; one on edges and three on slots, forward, to the input
    # and to the weights.
    assert setting.flops() == 3 * 128 * (100 + 3 * 10)
    assert replace(setting, trained=False).flops() == 2 * 128 * (100 + 3 * 10)
    assert setting.bytes() == 5 * 10 * 8 * 4
    assert replace(setting, precision="bfloat16").bytes() == 5 * 10 * 8 * 2


def test_backward_work_of_a_maximum_is_that_of_its_winners() -> None:
    setting = MessageSetting(reduction="max", ensemble=2, batch=1, num_slots=10, width=8)
    # Of 20 slots: two products on ten edges and two on the slot; backward, to the input and to the weights, one on at
    # most eight edges, one for each number, and three on the slot.
    assert setting.flops() == 128 * 20 * (2 * 10 + 2 + 2 * (8 + 3))
    assert replace(setting, trained=False).flops() == 128 * 20 * (2 * 10 + 2 + (8 + 3))
    assert setting.flops(winners=2.5) == 128 * 20 * (2 * 10 + 2 + 2 * (2.5 + 3))
    assert replace(setting, num_slots=4).flops() == 128 * 8 * (2 * 4 + 2 + 2 * (4 + 3))
    paper = MessageSetting(reduction="max")
    assert paper.limit(MACHINE, winners=2.5) == pytest.approx(paper.flops(winners=2.5) / 300e12)


def test_winners_are_counted_once_for_each_edge() -> None:
    # The message is its sender: numbers 0 and 1 are won by slot 2 and number 2 by slot 0, in the other sample all by 1.
    samples = [[[0.0, 0.0, 5.0], [1.0, 1.0, 1.0], [2.0, 2.0, 2.0]], [[0.0] * 3, [3.0] * 3, [1.0] * 3]]
    eye, zero = torch.eye(3).unsqueeze(0), torch.zeros(1, 3)
    weights = [torch.cat([0 * eye, eye], dim=2), zero, eye, zero, eye, zero]
    assert winners_per_slot(torch.tensor([samples]), weights) == (2 + 1) / 2


def test_cpu_needs_no_triton(tmp_path: Path) -> None:
    code = f"""if True:
        import sys
        from pathlib import Path
        sys.modules["triton"] = None
        from benchmarks.performance.gpu import GpuConfig, run
        sections = "machine", "correctness", "messages", "tilings"
        config = GpuConfig(out=Path({str(tmp_path)!r}), device="cpu", quick=True, repeats=1, sections=sections)
        assert all(text.endswith(" s") for text in run(config).values())
    """
    done = run_python("-c", code, folder=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "messages.json").read_text())
    assert not any("error" in row for row in rows)


def test_limit_is_the_larger_of_arithmetic_and_memory() -> None:
    paper = MessageSetting()
    assert paper.limit(MACHINE) == pytest.approx(paper.flops() / 300e12)
    assert replace(paper, precision="float32").limit(MACHINE) == pytest.approx(paper.flops() / 100e12)
    one_slot = MessageSetting(num_slots=1, precision="bfloat16")
    assert one_slot.limit(MACHINE) == pytest.approx(one_slot.bytes() / 4e12)


@pytest.mark.parametrize("reduction", ["mean", "max"])
def test_edge_list_and_all_pairs_compute_the_same(reduction: str) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(1, 3, 5, 4), (1, 4, 8), (1, 4), (1, 4, 4), (1, 4), (1, 4, 4), (1, 4)]
    parts = [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]
    found = []
    for message in (all_pairs_of, edge_list_of):
        messages = message(parts[0], parts[1:], reduction)
        found.append((messages, *torch.autograd.grad(messages.square().sum(), parts)))
    torch.testing.assert_close(*found)


def test_table_is_as_long_as_its_updates_at_the_measured_pace() -> None:
    pace = {"ensemble_seconds_per_update": {"median": 0.001}, "abstract_seconds_per_update": {"median": 0.0005}}
    (row,) = estimate_table([{"precision": "tf32", **pace}], quick=False)
    assert row["updates"] == {"abstract": 50_000, "natural": 50_000}
    assert row["minutes"]["all"] == pytest.approx(24 * (50 + 25) / 60)


def test_precision_is_put_back() -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with precision("tf32") as dtype:
        assert dtype == torch.float32
        assert torch.get_float32_matmul_precision() == "high"
    with precision("bfloat16") as dtype:
        assert dtype == torch.bfloat16
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before


def test_short_work_is_timed_as_one_call() -> None:
    calls = []
    spread = seconds_of(lambda: calls.append(1), "cpu", repeats=3)
    assert 0 < spread.lowest <= spread.median < 1e-3
    assert len(calls) > 100
