"""The comparison of probes runs, and compares what it says it does."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from benchmarks.performance import probing
from benchmarks.performance.harness import take_turns
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


@pytest.mark.filterwarnings("ignore:lbfgs failed to converge", "ignore:Maximum number of iteration")
def test_everything_is_imported_and_has_worked_before_it_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sklearn.multiclass", raising=False)
    fits: list[tuple[int, str]] = []
    make_fit = probing._ScikitLearn._fit

    def fit(self: Any, features: Any, targets: Any) -> Any:
        fits.append((len(features), "scikit-learn"))
        return make_fit(self, features, targets)

    def ours(self: Any) -> None:
        fits.append((len(self.data.features), type(self.config).__name__))
        call(self)

    def turns(variants: Any, repeats: int, *, warm_up: int = 1) -> Any:
        if warm_up == 0:
            assert "sklearn.multiclass" in sys.modules
            names = [name for _, name in fits]
            assert names == ["RegularisedProbeConfig", "LinearProbeConfig", "scikit-learn", "scikit-learn"]
            assert all(frames <= 75 for frames, name in fits if name == "LinearProbeConfig")
        return take_turns(variants, repeats, warm_up=warm_up)

    call = probing._Ours.__call__
    monkeypatch.setattr(probing._ScikitLearn, "_fit", fit)
    monkeypatch.setattr(probing._Ours, "__call__", ours)
    monkeypatch.setattr(probing, "take_turns", turns)
    assert measure(Settings(repeats=1, quick=True))
