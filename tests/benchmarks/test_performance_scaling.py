"""How cost grows: the variants compute the same, sweeps end where they should, exponents and figure are right."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.performance import data_scaling, scaling
from benchmarks.performance.curves import Curve, Point, Variant, sweep
from benchmarks.performance.harness import Spread, Work
from benchmarks.performance.scaling import Weights, dense_messages, example, our_messages
from benchmarks.performance.scaling_figure import draw_scaling
from benchmarks.performance.settings import Settings
from rmr_gym.ops import Reduction


def point(size: int, seconds: float) -> Point:
    return Point(size=size, seconds=Spread(median=seconds, lowest=0.9 * seconds, highest=2 * seconds), turns=5)


def curve(*points: Point, panel: str = "slots", ended: str = "") -> Curve:
    return Curve(panel=panel, variant="ours", work="messages", points=points, ended=ended)


def test_dense_messages_are_those_computed_by_hand() -> None:
    # The first layer adds receiver and twice the sender, the others pass on; the bias is inside the first ReLU.
    one, zero = torch.ones(1, 1), torch.zeros(1)
    weights = Weights(matrices=(torch.tensor([[1.0, 2.0]]), one, one), biases=(torch.tensor([-1.0]), zero, zero))
    slots = torch.tensor([[[1.0], [-1.0]]])
    # receiver 1: 1 + 2 - 1 = 2 and 1 - 2 - 1 < 0; receiver -1: -1 + 2 - 1 = 0 and -1 - 2 - 1 < 0
    assert dense_messages(slots, weights, reduction="sum").flatten().tolist() == [2.0, 0.0]
    assert dense_messages(slots, weights, reduction="mean").flatten().tolist() == [1.0, 0.0]
    assert dense_messages(slots, weights, reduction="max").flatten().tolist() == [2.0, 0.0]


@pytest.mark.parametrize("reduction", ["mean", "sum", "max"])
def test_both_variants_compute_the_same_messages_and_gradients(reduction: Reduction) -> None:
    slots, weights = example(2, 6, 4)
    wanted = [part.detach().double().requires_grad_() for part in (slots, *weights.matrices, *weights.biases)]
    double = Weights(matrices=(wanted[1], wanted[2], wanted[3]), biases=(wanted[4], wanted[5], wanted[6]))
    outputs = [messages(wanted[0], double, reduction=reduction) for messages in (our_messages, dense_messages)]
    torch.testing.assert_close(*outputs, rtol=1e-12, atol=1e-12)
    weighting = torch.linspace(-1, 1, outputs[0].numel(), dtype=torch.float64).view_as(outputs[0])
    ours, dense = (torch.autograd.grad(output, wanted, weighting) for output in outputs)
    assert all(grad.abs().max() > 1e-3 for grad in ours)
    torch.testing.assert_close(ours, dense, rtol=1e-10, atol=1e-12)


def test_exponent_is_that_of_the_upper_half() -> None:
    flat = [point(size, 5.0) for size in (1, 2)]
    steep = [point(size, 2.0 * size**1.5) for size in (4, 8, 16)]
    assert curve(*flat, *steep).exponent == pytest.approx(1.5)
    assert curve(point(1, 5.0), point(2, 5.0), point(4, 10.0)).exponent == pytest.approx(1.0)
    assert curve(point(10, 3.0), point(40, 6.0)).exponent == pytest.approx(0.5)
    assert curve(point(10, 3.0)).exponent is None


def test_sweep_ends_variants_that_would_take_too_long_or_too_much() -> None:
    def sleep(seconds: float) -> Work:
        return lambda: time.sleep(seconds)

    variants = [
        Variant(name="quick", prepare=lambda size: sleep(0.0)),
        Variant(name="slow", prepare=lambda size: sleep(0.02 * size)),
        Variant(name="large", prepare=lambda size: sleep(0.0), num_bytes=lambda size: size * 2**30),
    ]
    quick, slow, large = sweep(
        variants, (1, 2, 8), panel="size", work="sleep", repeats=2, growth=1.0, max_seconds=0.15, max_bytes=2**30
    )
    assert [(found.size, found.turns) for found in quick.points] == [(1, 8), (2, 8), (8, 8)]
    assert [found.size for found in slow.points] == [1, 2]
    assert [found.size for found in large.points] == [1]
    assert slow.points[0].seconds.lowest >= 0.02
    assert (quick.ended, large.ended) == ("", "2 would take about 2 GB")
    assert slow.ended.startswith("8 would take about")
    assert quick.as_json()["exponent"] == quick.exponent


def test_sweep_takes_three_turns_where_time_is_short() -> None:
    variant = Variant(name="any", prepare=lambda size: lambda: None)
    (found,) = sweep([variant], (1, 2), panel="size", work="nothing", repeats=5, growth=1.0, seconds_per_size=0.0)
    assert [one.turns for one in found.points] == [3, 3]


@pytest.mark.parametrize("sizes", [(), (2, 1), (1, 1)])
def test_sweep_refuses_sizes_that_do_not_ascend(sizes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        sweep([], sizes, panel="size", work="nothing", repeats=1, growth=1.0)


def test_messages_are_measured_against_slots_batch_and_width() -> None:
    curves = scaling.measure(Settings(repeats=1, quick=True))
    names = {(found.panel, found.variant) for found in curves}
    assert len(names) == len(curves) == 10
    assert {panel for panel, _ in names} == {"number of slots", "batch", "width"}
    assert ("number of slots", "dense, max") in names
    for found in curves:
        assert len(found.points) == 3
        assert all(0 < one.seconds.lowest <= one.seconds.median for one in found.points)
    assert (scaling.SLOTS[0], scaling.SLOTS[-1]) == (32, 512)
    assert (scaling.BATCHES[0], scaling.BATCHES[-1]) == (1, 200)
    assert (scaling.WIDTHS[0], scaling.WIDTHS[-1]) == (16, 256)


def test_loading_and_probing_are_measured_against_the_data() -> None:
    curves = data_scaling.measure(Settings(repeats=1, quick=True))
    assert [(found.panel, found.variant) for found in curves] == [
        ("recorded transitions", "84x84, gray"),
        ("recorded transitions", "210x160, colour"),
        ("labelled frames", "linear probe"),
    ]
    assert [[one.size for one in found.points] for found in curves] == [[60, 120], [60, 120], [100, 200]]


def test_figure_has_a_panel_for_each_quantity(tmp_path: Path) -> None:
    curves = [
        curve(point(32, 0.1), point(64, 0.4), panel="slots"),
        curve(point(32, 0.2), panel="slots", ended="64 would take about 11 s"),
        *(curve(point(1, 0.1), point(2, 0.1), panel=panel) for panel in ("batch", "width", "frames")),
    ]
    draw_scaling(tmp_path / "all.png", [one.as_json() for one in curves])
    draw_scaling(tmp_path / "one.png", [curves[0].as_json()])
    with Image.open(tmp_path / "all.png") as large, Image.open(tmp_path / "one.png") as small:
        assert large.size == (3 * small.width, 2 * small.height)
        assert {(0, 114, 178), (213, 94, 0)} <= {colour[:3] for _, colour in large.getcolors(1 << 20)}
