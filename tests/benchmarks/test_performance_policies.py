"""The comparison of training throughput runs, and compares agents that differ in nothing but their features."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.performance.harness import Comparison
from benchmarks.performance.policies import measure
from benchmarks.performance.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def comparisons() -> list[Comparison]:
    return measure(Settings(repeats=1, quick=True))


def test_every_way_through_an_encoder_is_held_against_nature_cnn(comparisons: list[Comparison]) -> None:
    assert {one.peer for one in comparisons} == {"NatureCNN, from scratch"}
    bars = {one.ours: one.bar for one in comparisons}
    assert bars == {
        "VecEncodeObservation, MlpPolicy": 1.0,
        "VecEncodeObservation, mean of the slots, MlpPolicy": 1.0,
        "VecEncodeObservation, a trained layer of 64": 1.0,
        "VecEncodeObservation, a trained layer of 512": None,
        "EncoderFeaturesExtractor, frozen": 0.5,
    }


def test_figures_are_ratios_of_whole_turns(comparisons: list[Comparison]) -> None:
    for one in comparisons:
        assert one.figure.lowest == one.figure.median == one.figure.highest > 0
        assert "2 environments, 4 steps, batch 4, 1 epochs" in one.what
        assert one.note.count("steps/s with") == 2


def test_notes_say_how_wide_the_features_are(comparisons: list[Comparison]) -> None:
    widths = [one.note.split(" ")[0] for one in comparisons]
    assert widths == ["24", "12", "24", "24", "encodes"]
