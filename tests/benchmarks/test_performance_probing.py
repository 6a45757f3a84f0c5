"""The comparison of probes runs, and compares what it says it does."""

from __future__ import annotations

import pytest

from benchmarks.performance.probing import measure
from benchmarks.performance.settings import Settings

pytest.importorskip("ale_py")


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge", "ignore:Maximum number of iteration")
def test_measure_compares_speed_and_score_with_every_peer() -> None:
    comparisons = measure(Settings(repeats=2, quick=True))
    speeds, scores = comparisons[::2], comparisons[1::2]
    assert len(speeds) == len(scores) == 4
    for speed, score in zip(speeds, scores, strict=True):
        assert speed.peer == score.peer
        assert speed.unit == "x"
        assert 0 < speed.figure.lowest <= speed.figure.median <= speed.figure.highest
        assert "F1" in score.unit
        assert abs(score.figure.median) < 0.5
    assert [speed.bar for speed in speeds] == [20.0, None, None, None]
    assert scores[0].bar == 0.002
    assert "150 frames x 256 features" in speeds[0].what
    assert "75 frames" in speeds[3].what
    assert "4 bits" not in speeds[0].note
    assert "2 bits per round" in speeds[0].note
