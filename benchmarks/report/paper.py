"""What the paper reports about Atari, as numbers: tables 1 and 2 and the shares of figure 4."""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from rmr_gym.evaluation.statistics import Verdict

TRANSFER_SHARES = {"better": 0.646, "no difference": 0.337, "worse": 0.017}
"""Of the 576 pairs of games (section 5, abstract model transfer)."""

NUM_SEEDS = 20
ALPHA = 0.05

PREDICTORS = {"copy": "copy", "mlp": "mlp", "deep_sets": "deepsets", "mpnn": "mpnn"}
"""Our names of table 2's predictors and the paper's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Natural:
    """A row of table 1."""

    agent57: tuple[float, float]
    """Mean and standard deviation of the bit F1 read off the embeddings of the agent."""

    c_swm: tuple[float, float]
    """The same for C-SWM."""

    rmr: tuple[float, float]
    """The same for RMR."""

    p_text: str
    """The p-value as it is printed, such as `<1e-5`."""

    @property
    def p(self) -> float:
        """The p-value, of the direction that was observed; where a bound is printed, that bound."""
        return float(self.p_text.removeprefix("<"))

    @property
    def p_greater(self) -> float:
        """The p-value of "RMR scores higher"; where C-SWM was ahead, one minus the printed one."""
        return self.p if self.rmr[0] > self.c_swm[0] else 1 - self.p

    @property
    def p_less(self) -> float:
        """The p-value of "RMR scores lower"."""
        return self.p if self.rmr[0] < self.c_swm[0] else 1 - self.p

    @property
    def verdict(self) -> Verdict:
        """What RMR is beside C-SWM by the paper's rule.

        Example:
            >>> [natural_scores()[game].verdict for game in ("pong", "pitfall", "boxing")]
            ['better', 'worse', 'no difference']
        """
        if self.p >= ALPHA:
            return "no difference"
        return "better" if self.rmr[0] > self.c_swm[0] else "worse"


@functools.cache
def natural_scores() -> dict[str, Natural]:
    """Return the rows of table 1 by game."""
    text = resources.files("benchmarks.report").joinpath("paper_table1.csv").read_text(encoding="utf-8")
    return {
        row["game"]: Natural(
            agent57=(float(row["agent57_f1"]), float(row["agent57_std"])),
            c_swm=(float(row["cswm_f1"]), float(row["cswm_std"])),
            rmr=(float(row["rmr_f1"]), float(row["rmr_std"])),
            p_text=row["p_value"],
        )
        for row in _rows(text)
    }


@functools.cache
def abstract_scores() -> dict[str, dict[str, tuple[float, float]]]:
    """Return slot accuracy and bit F1 of table 2 by game and our name of the predictor.

    Example:
        >>> abstract_scores()["pong"]["mpnn"]
        (0.8323, 0.952)
    """
    # The package has this table, for the scores of copying that `rmr-gym data describe` shows.
    text = resources.files("rmr_gym.pipeline").joinpath("data_paper_table2.csv").read_text(encoding="utf-8")
    return {
        row["game"]: {
            ours: (float(row[f"{theirs}_slot_accuracy"]), float(row[f"{theirs}_bit_f1"]))
            for ours, theirs in PREDICTORS.items()
        }
        for row in _rows(text)
    }


def _rows(text: str) -> Iterable[dict[str, str]]:
    return csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
