from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from PIL import Image

from rmr_gym.pipeline.balls import figures

HISTORY, STEPS = 3, 5


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collects the figures that are drawn, so that tests can look at what is in them."""
    seen: list[Figure] = []
    save: Callable[[Figure, Path], None] = figures.save_figure

    def keep(figure: Figure, path: Path) -> None:
        seen.append(figure)
        save(figure, path)

    monkeypatch.setattr(figures, "save_figure", keep)
    return seen


def log(*losses: float) -> list[dict[str, float | int]]:
    return [{"step": step, "loss": loss, "validation_loss": 2 * loss} for step, loss in enumerate(losses)]


def lines(axes: Axes) -> list[tuple[object, str, list[float]]]:
    return [(line.get_label(), line.get_linestyle(), list(line.get_ydata())) for line in axes.lines]


def make_rollout() -> figures.Rollout:
    """Pictures of 4x4 in one grey each: given 0.0, 0.2, 0.4; true 0.1, 0.2, ...; predicted 0.05 above the truth."""
    masks = np.zeros((STEPS, 2, 4, 4), np.float32)
    masks[:, 0, :, :2] = masks[:, 1, :, 2:] = 1
    return figures.Rollout(
        given=np.stack([np.full((3, 4, 4), 51 * step, np.uint8) for step in range(HISTORY)]),
        true=[np.full((3, 4, 4), round(25.5 * step), np.uint8) for step in range(1, STEPS + 1)],
        predicted=np.stack([np.full((3, 4, 4), 0.1 * step + 0.05, np.float32) for step in range(1, STEPS + 1)]),
        masks=masks,
        title="rmr, seed 0",
    )


def test_draw_curves_shows_training_and_held_out_losses(tmp_path: Path, drawn: list[Figure]) -> None:
    natural = {"rmr": [log(4.0, 2.0), log(2.0, 1.0)], "end_to_end": [log(1.0, 0.5)]}
    figures.draw_curves(tmp_path / "curves.png", log(2.0, 1.0), natural)
    left, right = drawn[0].axes
    assert lines(left) == [("training", "-", [2.0, 1.0]), ("held out", ":", [4.0, 2.0])]
    assert lines(right) == [
        ("rmr", "-", [3.0, 1.5]),
        ("rmr, held out", ":", [6.0, 3.0]),
        ("end_to_end", "-", [1.0, 0.5]),
        ("end_to_end, held out", ":", [2.0, 1.0]),
    ]
    assert left.get_yscale() == right.get_yscale() == "log"
    assert imread(tmp_path / "curves.png").shape[2] == 4


def test_draw_bottleneck_shows_a_dot_per_seed(tmp_path: Path, drawn: list[Figure]) -> None:
    variants = {
        name: {"natural": {str(seed): {"scores": {"pictures": {"mse": error}}} for seed, error in enumerate(errors)}}
        for name, errors in {"width-2": [0.4, 0.5], "width-16": [0.1]}.items()
    }
    figures.draw_bottleneck(tmp_path / "bottleneck.png", {"width-2": log(3.0), "width-16": log(2.0)}, variants)
    left, right = drawn[0].axes
    assert [values for _, _, values in lines(left)] == [[3.0], [6.0], [2.0], [4.0]]
    assert [list(line.get_xdata()) for line in right.lines] == [[0, 0], [1]]
    assert [list(line.get_ydata()) for line in right.lines] == [[0.4, 0.5], [0.1]]
    assert [label.get_text() for label in right.get_xticklabels()] == ["width-2", "width-16"]
    assert imread(tmp_path / "bottleneck.png").shape[2] == 4


def test_draw_bottleneck_takes_a_single_variant(tmp_path: Path) -> None:
    variants = {"width-2": {"natural": {"0": {"scores": {"pictures": {"mse": 0.4}}}}}}
    figures.draw_bottleneck(tmp_path / "bottleneck.png", {"width-2": log(3.0, 1.0)}, variants)
    assert imread(tmp_path / "bottleneck.png").std() > 0.01


def test_draw_rollout_puts_prediction_truth_and_slots_below_each_other(tmp_path: Path, drawn: list[Figure]) -> None:
    figures.draw_rollout(tmp_path / "rollout.png", make_rollout())
    grid = np.array(drawn[0].axes).reshape(3, HISTORY + STEPS)
    greys = [[float(axes.images[0].get_array()[0, 0, 0]) if axes.images else None for axes in row] for row in grid]
    assert greys[0] == pytest.approx([0.0, 0.2, 0.4, 0.15, 0.25, 0.35, 0.45, 0.55])
    assert greys[1][:HISTORY] == greys[2][:HISTORY] == [None] * HISTORY
    assert greys[1][HISTORY:] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5], abs=0.002)
    assert [axes.get_title() for axes in grid[0, HISTORY:]] == ["+1", "+2", "+3", "+4", "+5"]
    assert [row[HISTORY].get_ylabel() for row in grid] == ["predicted", "true", "slots"]
    framed = [axes.get_frame_on() for axes in grid[0]]
    assert framed == [True] * HISTORY + [False] * STEPS
    assert to_hex(grid[0, 0].spines["left"].get_edgecolor()).upper() == "#009E73"
    assert drawn[0].get_suptitle() == "Bouncing balls: rmr, seed 0"
    assert imread(tmp_path / "rollout.png").shape[2] == 4


def test_animation_shows_prediction_truth_and_slots_side_by_side(tmp_path: Path) -> None:
    figures.animate_rollout(tmp_path / "rollout.gif", make_rollout())
    with Image.open(tmp_path / "rollout.gif") as animation:
        assert animation.n_frames == HISTORY + STEPS
        assert animation.size == (3 * 4 * 4, 4 * 4)
        assert animation.info["loop"] == 0
        frames = []
        for number in range(animation.n_frames):
            animation.seek(number)
            frames.append(np.asarray(animation.convert("RGB")).astype(int))
    assert [int(frame[8, 8, 0]) for frame in frames[:HISTORY]] == pytest.approx([0, 51, 102], abs=4)
    assert [int(frame[8, 24, 0]) for frame in frames[:HISTORY]] == pytest.approx([0, 51, 102], abs=4)
    assert all((frame[:, 32:] == 0).all() for frame in frames[:HISTORY])
    assert [int(frame[8, 8, 0]) for frame in frames[HISTORY:]] == pytest.approx([38, 64, 89, 115, 140], abs=4)
    assert [int(frame[8, 24, 0]) for frame in frames[HISTORY:]] == pytest.approx([26, 51, 76, 102, 128], abs=4)
    assert not np.array_equal(frames[-1][8, 34], frames[-1][8, 46])  # two slots, two hues


def test_paint_masks_mixes_the_hues_of_the_slots() -> None:
    masks = np.zeros((1, 2, 1, 3), np.float32)
    masks[0, :, 0] = [[1, 0, 0.5], [0, 1, 0.5]]
    first, second, mixed = figures.paint_masks(masks)[0, 0]
    assert first == pytest.approx([1, 0, 0])  # red, and cyan opposite to it
    assert second == pytest.approx([0, 1, 1], abs=0.05)
    assert mixed == pytest.approx((first + second) / 2)
