from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import imread

from rmr_gym.pipeline import figures
from rmr_gym.training import ARMS


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """Collects the figures that are drawn, so that tests can look at what is in them."""
    seen: list[Figure] = []
    save = figures.save_figure

    def keep(figure: Figure, path: Path) -> None:
        seen.append(figure)
        save(figure, path)

    monkeypatch.setattr(figures, "save_figure", keep)
    return seen


def _log(*losses: float) -> list[dict[str, float | int]]:
    return [
        {"step": step, "loss": loss, "mask_loss": loss / 2, "bit_loss": loss / 4, "effective_rank": 10 - loss}
        for step, loss in enumerate(losses)
    ]


def _lines(axes: Axes) -> dict[object, list[float]]:
    return {line.get_label(): list(line.get_ydata()) for line in axes.lines}


def test_draw_curves_shows_the_mean_over_seeds(tmp_path: Path, drawn: list[Figure]) -> None:
    natural = {"rmr": [_log(4.0, 2.0), _log(2.0, 1.0)], "untrained": [[], []], "supervised": [_log(1.0, 0.5)]}
    figures.draw_curves(tmp_path / "curves.png", _log(2.0, 1.0), natural)
    left, middle, right = drawn[0].axes
    assert _lines(left) == {"mask": [1.0, 0.5], "bits": [0.5, 0.25]}
    assert _lines(middle) == {"rmr": [3.0, 1.5], "supervised": [1.0, 0.5]}
    assert list(right.lines[0].get_ydata()) == [7.0, 8.5]
    assert imread(tmp_path / "curves.png").shape[2] == 4


def test_draw_curves_shows_what_is_left_of_logs_that_lost_lines(tmp_path: Path, drawn: list[Figure]) -> None:
    whole, torn = _log(4.0, 2.0, 1.0), _log(2.0, 1.0, 0.0)
    figures.draw_curves(tmp_path / "curves.png", _log(2.0, 1.0), {"rmr": [whole, [torn[0], torn[2]]]})
    middle = drawn[0].axes[1]
    assert [list(line.get_xdata()) for line in middle.lines] == [[0, 2]]
    assert _lines(middle) == {"rmr": [3.0, 0.5]}


def test_draw_curves_takes_objectives_that_watch_no_rank(tmp_path: Path, drawn: list[Figure]) -> None:
    own = [{"step": 0, "loss": 2.0}, {"step": 1, "loss": 1.0}]
    figures.draw_curves(tmp_path / "curves.png", _log(2.0, 1.0), {"rmr": [own], "supervised": [_log(1.0, 0.5)]})
    _, middle, right = drawn[0].axes
    assert list(_lines(middle)) == ["rmr", "supervised"]
    assert list(_lines(right)) == ["supervised"]


@pytest.mark.parametrize(("lowest", "scale"), [(0.5, "log"), (-0.5, "linear")])
def test_draw_curves_shows_losses_below_zero(lowest: float, scale: str, tmp_path: Path, drawn: list[Figure]) -> None:
    figures.draw_curves(tmp_path / "curves.png", _log(2.0, 1.0), {"rmr": [_log(2.0, lowest)]})
    middle = drawn[0].axes[1]
    assert middle.get_yscale() == scale
    assert middle.get_ylim()[0] <= lowest


def test_draw_curves_gives_every_arm_a_look_of_its_own(tmp_path: Path, drawn: list[Figure]) -> None:
    natural = {arm: [_log(2.0, 1.0)] for arm in ARMS}
    figures.draw_curves(tmp_path / "curves.png", _log(2.0, 1.0), natural)
    looks = {(line.get_color(), line.get_linestyle()) for line in drawn[0].axes[1].lines}
    assert len(looks) == len(ARMS)


def test_draw_bits_marks_exactly_the_errors(tmp_path: Path, drawn: list[Figure]) -> None:
    true = np.zeros((2, 3, 8), np.uint8)
    true[0, 1, 0] = 1
    predicted = true.copy()
    predicted[0, 2, 7] = 1  # frame 0: byte 2, lowest bit
    frames = np.full((2, 210, 160, 3), 128, np.uint8)
    figures.draw_bits(tmp_path / "bits.png", frames, true, predicted, [8, 49, 127], title="Pong")
    figure = drawn[0]
    matrices = figure.axes[1::2]
    crosses = [axes.collections[0].get_offsets().tolist() for axes in matrices]
    assert crosses == [[[2.0, 16.0]], []]  # column 2; row 16 = eight true rows, a gap, and the last predicted one
    assert [label.get_text() for label in matrices[0].get_xticklabels()] == ["08", "31", "7F"]
    assert matrices[0].get_title(loc="left") == "95.8 % of the bits right, 1 errors (×)"
    assert figure.get_suptitle() == "Pong"
    assert imread(tmp_path / "bits.png").shape[2] == 4


def test_figures_leave_pyplot_alone(tmp_path: Path) -> None:
    from matplotlib import pyplot

    figures.draw_curves(tmp_path / "curves.png", _log(2.0, 1.0), {})
    assert pyplot.get_fignums() == []
