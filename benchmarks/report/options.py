"""What a report can be asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks.report.measure import Measure
from rmr_gym.errors import explain


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """Settings that all tables share."""

    measure: Measure = field(default_factory=Measure)
    """Which score of an encoder the tables of the paper are made of."""

    alpha: float = 0.05
    """Level of each one-sided test (paper, table 1)."""

    repetitions: int = 2_000
    """Draws of each bootstrap; ours: ends of intervals move by less than a tenth of their length."""

    seed: int = 0
    """Of the bootstrap."""

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 0.5:
            raise ValueError(explain(expected="a level alpha in (0, 0.5)", got=self.alpha, fix="Use 0.05."))
        if self.repetitions < 1:
            raise ValueError(explain(expected="a draw or more", got=self.repetitions, fix="Use 2000."))
