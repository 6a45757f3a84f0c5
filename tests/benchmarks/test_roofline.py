"""Counted operations: seconds worked out by hand, and the trainings that they are counted in."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from benchmarks.__main__ import main
from benchmarks.commands.estimate import parse_estimate
from benchmarks.costs import check, units
from benchmarks.costs.forecast import forecast
from benchmarks.costs.gpu_hours import markdown
from benchmarks.costs.measurement import Sizes, measure
from benchmarks.costs.roofline import GPUS, Device, RooflineClock
from benchmarks.costs.units import read_costs_file, read_least_costs
from benchmarks.session import look
from rmr_gym.ops import all_pairs_messages, chunked_pairs, reduced_pairs
from tests.benchmarks.settings import places

ENDLESS = 1e30
SMALL = Sizes(num_episodes=4, max_steps=30, updates=3, batch_size=4, players=(), widths=(4, 8), probe_frames=80)


def device(**limits: float) -> Device:
    """Make a device on which nothing takes time but what is named."""
    none = {"products": ENDLESS, "convolutions": ENDLESS, "messages": ENDLESS, "bandwidth": ENDLESS}
    return Device(name="abacus", **none | limits)


def test_products_take_two_operations_per_term() -> None:
    left, right = torch.ones(3, 4), torch.ones(4, 5)
    with RooflineClock(device(products=2.0)) as clock:
        left @ right
        assert clock() == pytest.approx(3 * 4 * 5)
        torch.bmm(left.expand(7, 3, 4), right.expand(7, 4, 5))
    assert clock() == pytest.approx(8 * 3 * 4 * 5)
    left @ right
    assert clock() == pytest.approx(8 * 3 * 4 * 5), "nothing counts behind the end"


def test_bytes_are_those_that_go_in_and_come_out() -> None:
    values = torch.ones(10)
    with RooflineClock(device(bandwidth=4.0)) as clock:
        values + values
        assert clock() == pytest.approx(30)
        values.view(2, 5).T.unsqueeze(0).expand(3, 5, 2)
        assert clock() == pytest.approx(30), "views move nothing"
        values.mul_(2)
    assert clock() == pytest.approx(50)


def test_the_longer_of_products_and_bytes_counts() -> None:
    left, right = torch.ones(2, 2), torch.ones(2, 2)
    for limits in (device(products=1.0, bandwidth=48.0), device(products=16.0, bandwidth=3.0)):
        with RooflineClock(limits) as clock:
            left @ right
        assert clock() == pytest.approx(16.0)


def test_each_kernel_takes_a_launch_which_members_share() -> None:
    values = torch.ones(10)
    with RooflineClock(device(launch=3.0)) as alone, RooflineClock(device(launch=3.0), members=4) as shared:
        (values + 1).exp_().view(2, 5)
    assert (alone(), shared()) == (6.0, 1.5)
    with RooflineClock(device(launch=3.0, bandwidth=4.0), members=4) as clock:
        values.exp_()
    assert clock() == 20.0, "what a member has to move no other moves for it"


def test_convolutions_count_both_gradients_at_a_rate_of_their_own() -> None:
    pictures = torch.ones(2, 3, 8, 8, requires_grad=True)
    kernel = torch.ones(5, 3, 3, 3, requires_grad=True)
    with RooflineClock(device(convolutions=2.0)) as clock:
        found = functional.conv2d(pictures, kernel)
        forward = 2 * 5 * 6 * 6 * 3 * 3 * 3
        assert clock() == pytest.approx(forward)
        found.sum().backward()
    assert clock() == pytest.approx(3 * forward)


@pytest.mark.parametrize(
    ("reduction", "trained", "products"), [("mean", True, 4), ("mean", False, 3), ("max", True, 7), ("max", False, 5)]
)
def test_messages_are_one_kernel_each_way(reduction: Any, trained: bool, products: int) -> None:
    # Per edge: forward one layer (mean) or two (max); backward the hidden one again, since the winners are known, and
    # for each layer the gradient of its edges and, where it is trained, that of its weights.
    slots = torch.randn(2, 6, 8, requires_grad=True)
    weights = [torch.randn(8, 8, requires_grad=trained) for _ in range(2)]
    biases = [torch.randn(8, requires_grad=trained) for _ in range(2)]

    def work() -> None:
        all_pairs_messages(slots, 2 * slots, weights, biases, reduction=reduction).sum().backward()

    with RooflineClock(device(messages=1.0)) as clock:
        work()
    assert clock() == pytest.approx(products * 2 * 8**2 * 2 * 6**2, rel=1e-6)
    with RooflineClock(device(launch=1.0)) as clock:
        work()
    assert clock() < 20, "chunks and layers are no kernels of their own"
    edge_bytes = 4 * 2 * 6**2 * 8
    with RooflineClock(device(bandwidth=1.0)) as clock:
        work()
    assert clock() < 10 * edge_bytes, "edges stay within their kernel"


def test_messages_count_as_they_run_here_where_that_is_asked_for() -> None:
    slots = torch.randn(2, 8, 8, requires_grad=True)
    weights, biases = [torch.randn(8, 8) for _ in range(2)], [torch.randn(8) for _ in range(2)]
    found = []
    for as_gpu in (True, False):
        limits = device(products=1.0, convolutions=1.0, messages=1.0)
        with RooflineClock(limits, as_gpu=as_gpu) as clock:
            all_pairs_messages(slots, slots, weights, biases).sum().backward()
        found.append(clock())
    per_edge, output_layers = 2 * 8**2 * 2 * 8**2, 2 * 2 * 8**2 * 2 * 8
    assert found == pytest.approx([3 * per_edge + output_layers, 2 * per_edge + output_layers]), "bits spare a product"


@pytest.mark.parametrize(
    ("work", "elements"),
    [
        (lambda x: torch.empty_like(x), 0),
        (lambda x: x.detach().view(5, 2), 0),
        (lambda x: x[0].item(), 0),
        (lambda x: x.copy_(torch.zeros(1).expand(10)), 1 + 1 + 10),  # zeros writes one, copy_ reads it
        (lambda x: x.zero_(), 10),
        (lambda x: torch.add(x, x, out=x), 30),
        (lambda x: x + torch.zeros(1).expand(10), 1 + 10 + 1 + 10),
        (lambda x: torch._foreach_add_([x, x.clone()], 1.0), 20 + 40),
    ],
)
def test_bytes_of_operations_that_are_easily_miscounted(work: Callable[[torch.Tensor], object], elements: int) -> None:
    values = torch.ones(10)
    with RooflineClock(device(bandwidth=4.0)) as clock:
        work(values)
    assert clock() == pytest.approx(elements)


def test_rows_that_are_picked_do_not_count_the_table() -> None:
    table, rows = torch.ones(1_000, 3), torch.tensor([1, 7])
    with RooflineClock(device(bandwidth=1.0)) as clock:
        table[rows]
    assert clock() == 2 * 4 * 6 + 8 * 2


def test_adam_steps_as_on_a_gpu() -> None:
    parameters = [torch.ones(10, requires_grad=True) for _ in range(20)]
    optimizer = torch.optim.Adam(parameters)
    for parameter in parameters:
        parameter.grad = torch.ones(10)
    kernels = []
    for as_gpu in (True, False):
        with RooflineClock(device(launch=1.0), as_gpu=as_gpu) as clock:
            optimizer.step()
        kernels.append(clock())
    assert kernels[0] < 60 < 100 < kernels[1], "all parameters at once, and one after the other"


def test_products_count_in_inference_mode() -> None:
    layer, pictures = torch.nn.Linear(4, 5), torch.ones(1, 3, 8, 8)
    convolution = torch.nn.Conv2d(3, 5, 3)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode(), RooflineClock(device(products=1.0, convolutions=1.0)) as clock:
            layer(torch.ones(3, 4))
            convolution(pictures)
        assert clock() == pytest.approx(2 * 3 * 4 * 5 + 2 * 5 * 6 * 6 * 27)


def test_counting_changes_no_number_and_leaves_nothing_behind() -> None:
    functions = [chunked_pairs.mean_forward, chunked_pairs.max_backward, reduced_pairs._keeps_bits]
    slots = torch.randn(2, 8, 8, requires_grad=True)
    weights, biases = [torch.randn(8, 8) for _ in range(2)], [torch.randn(8) for _ in range(2)]

    def gradient() -> torch.Tensor:
        return torch.autograd.grad(all_pairs_messages(slots, slots, weights, biases).square().sum(), slots)[0]

    expected = gradient()
    with RooflineClock(GPUS["h200"]):
        found = gradient()
    torch.testing.assert_close(found, expected)
    with pytest.raises(RuntimeError, match="on purpose"), RooflineClock(GPUS["h200"]):
        raise RuntimeError("on purpose")
    assert functions == [chunked_pairs.mean_forward, chunked_pairs.max_backward, reduced_pairs._keeps_bits]


@pytest.mark.parametrize(
    ("name", "float32", "tf32", "terabytes"),
    [("a100", 19.5, 156.0, 2.039), ("h100", 67.0, 494.5, 3.35), ("h200", 67.0, 494.5, 4.8)],
)
def test_gpus_have_the_rates_of_their_data_sheets(name: str, float32: float, tf32: float, terabytes: float) -> None:
    gpu = GPUS[name]
    found = [gpu.products, gpu.convolutions, gpu.messages, gpu.bandwidth]
    assert found == pytest.approx([1e12 * one for one in (float32, tf32, tf32 / 3, terabytes)])
    reached = gpu.at(products=0.25, bandwidth=0.5, launch=1e-5)
    assert [reached.products, reached.convolutions, reached.messages] == [one / 4 for one in found[:3]]
    assert (reached.bandwidth, reached.launch) == (gpu.bandwidth / 2, 1e-5)


def test_estimate_fills_every_unit_and_members_share_launches(tmp_path: Path) -> None:
    only_launches = device(launch=1e-5)
    alone, together = (
        measure(dataclasses.replace(SMALL, together=members), counted_for=only_launches, command="test", say=_ignore)
        for members in (1, 20)
    )
    assert alone["source"]["counted_for"]["name"] == "abacus"
    for name in ("pretrained", "predicted", "encoded_in_training", "supervised", "encoded"):
        assert all(0 < leaf < math.inf for leaf in _leaves(alone[name])), name
    for before, after in zip(_leaves(alone["supervised"]), _leaves(together["supervised"]), strict=True):
        assert before == pytest.approx(20 * after)
    assert alone["pretrained"] == together["pretrained"], "a processor is trained by itself"
    path = tmp_path / "costs.json"
    path.write_text(json.dumps(alone))
    lines = forecast(look([], places(tmp_path)), read_costs_file(path), device="cuda", num_slots=lambda: 1)
    assert "Estimated for one abacus" in lines[-1]


def test_check_divides_what_was_counted_by_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    def made_up(sizes: Sizes, *, counted_for: Device | None = None, **_: Any) -> dict[str, Any]:
        assert torch.get_num_threads() == 1
        seconds = 2.0 if counted_for else 4.0
        return {name: {"84x84": seconds} for name in check.COMPARED} | {"source": {"counted_for": "this core"}}

    monkeypatch.setattr(check, "this_core", device)
    monkeypatch.setattr(check, "measure", made_up)
    threads = torch.get_num_threads()
    found = check.check(command="test", say=_ignore)
    assert found["counted_over_measured"] == {name: {"84x84": 0.5} for name in check.COMPARED}
    assert torch.get_num_threads() == threads


def test_rates_of_this_core_are_measured() -> None:
    found = check.this_core(size=64, num_bytes=2**16)
    assert 1e7 < found.products < 1e14
    assert 1e7 < found.bandwidth < 1e14


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--products", "0"], "--products in 0..1, above 0; got 0.0"),
        (["--bandwidth", "1.5"], "--bandwidth in 0..1"),
        (["--microseconds", "nan"], "--microseconds of at least 0"),
        (["--together", "0"], "--together of at least 1"),
        (["--check", "--together", "0"], "--together of at least 1"),
        (["--check", "--page", "README.md"], "--check or --page"),
        (["--page", "nowhere.md"], "a page; got nowhere.md"),
        (["--page", "CHANGELOG.md"], "one place for tables"),
    ],
)
def test_guesses_out_of_range_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_estimate(words).run()


def test_estimate_writes_what_the_dry_run_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmarks.commands.estimate.Sizes", lambda **_: SMALL)
    monkeypatch.setattr("benchmarks.commands.estimate.markdown", lambda *_, **__: "hours")
    path, page = tmp_path / "estimate.json", tmp_path / "page.md"
    page.write_text("<!-- tables of cuda.json: begin --> <!-- tables of cuda.json: end -->")
    assert main(["estimate", "--gpu", "h100", "--out", str(path), "--page", str(page)]) == 0
    assert "hours" in page.read_text()
    expected, least = read_costs_file(path), read_least_costs(path)
    assert least.supervised["84x84"] < expected.supervised["84x84"]
    words = ["run", "table1", "--profile", "smoke", "--device", "cuda", "--workers", "8", "--dry-run"]
    assert main([*words, "--costs", str(path), "--out", str(tmp_path / "out")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "by the clock with 8 at a time" in said
    assert "Estimated for one NVIDIA H100 SXM" in said
    assert main([*words, "--costs", str(units.FOLDER / "cpu.json"), "--out", str(tmp_path / "out")]) != 0
    assert "unit costs of cuda" in " ".join(capsys.readouterr().err.split())
    nameless = json.dumps(json.loads(path.read_text()) | {"source": {"machine": None}})
    for content, message in (
        ("[]", "in format None"),
        ('{"format": "rmr-costs/1"}', "without begun"),
        (nameless, "without source.machine.device"),
        ("{", "JSON"),
    ):
        path.write_text(content)
        assert main([*words, "--costs", str(path), "--out", str(tmp_path / "out")]) != 0
        said = " ".join(capsys.readouterr().err.split())
        assert "estimate.json" in said
        assert message in said


def test_hours_of_suites_add_up_what_networks_take() -> None:
    costs = units.read_unit_costs("cpu")
    assert costs is not None
    free = dataclasses.replace(costs, step={"paper": 0.0})
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in markdown(free, costs, together=20).splitlines()
    ]
    assert [row[0] for row in cells[2:]] == ["`table1`", "`table2`", "`transfer`", "`bottleneck`", "`controls`"]
    assert cells[2][1] == "1,944", "24 processors, and 24 games x 20 seeds x 4 arms"
    for _, _, hours, limit, one, eight, many in cells[2:]:
        assert hours == limit == one, "playing is no work of networks, and takes no time here"
        spent, shared, spread = (float(cell.replace(",", "")) for cell in (one, eight, many))
        assert spent / 8 - 1 <= shared < spent / 4
        assert spread < shared


def test_estimate_of_this_repository_is_one() -> None:
    costs = units.read_unit_costs("cuda")
    assert costs is not None
    assert costs.device == "cuda"
    assert costs.source["command"].startswith("python -m benchmarks estimate --gpu h200 --together 20 ")
    table = markdown(costs, read_least_costs(units.FOLDER / "cuda.json"), together=20)
    assert table in Path("docs/scaling.md").read_text(encoding="utf-8"), "write it again with estimate --page"


def _ignore(line: str) -> None:
    del line


def _leaves(value: Any) -> list[float]:
    return [leaf for one in value.values() for leaf in _leaves(one)] if isinstance(value, dict) else [value]
