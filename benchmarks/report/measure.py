"""Which number of a result is compared."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.report.evidence import number
from benchmarks.result import Result
from rmr_gym.errors import explain

READOUTS = ("full", "few_labels", "low_dimensional")
"""Ways to read the memory off an encoder, in the order of tables; the first is the paper's."""

AVERAGES = ("weighted", "micro", "macro")
"""Ways to average the F1 of bits; the first is that of the headline."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """Bit F1 of one readout of an encoder, or of a processor."""

    readout: str = READOUTS[0]
    """Features and labels of the probe."""

    average: str = AVERAGES[0]
    """How the F1 of bits is averaged."""

    def __post_init__(self) -> None:
        for value, known in ((self.readout, READOUTS), (self.average, AVERAGES)):
            if value not in known:
                fix = f"Choose one of {', '.join(known)}."
                raise ValueError(explain(expected="a known readout and average", got=value, fix=fix))

    def __call__(self, result: Result) -> float | None:
        """Return the score of a natural experiment; None when it is undefined."""
        return number(result.scores, "readouts", self.readout, "bit_f1", self.average)

    def majority(self, result: Result) -> float | None:
        """Return the score of always naming the more frequent value of a bit."""
        return number(result.scores, "majority", "bit_f1", self.average)

    @property
    def text(self) -> str:
        """In words, for headings.

        Example:
            >>> Measure().text
            'weighted bit F1, full readout'
        """
        return f"{self.average} bit F1, {self.readout.replace('_', ' ')} readout"

    @property
    def sentence(self) -> str:
        """The same at the beginning of a sentence."""
        return self.text[0].upper() + self.text[1:]
