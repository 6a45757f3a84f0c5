"""From the records of all stages to one result: means, paired tests, scores between the anchors, warnings."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rmr_gym.evaluation.statistics import MIN_PAIRS, compare_paired, normalised_score
from rmr_gym.pipeline.config import REFERENCE_ARMS, RunConfig

JsonObject = dict[str, Any]

HEADLINE = "weighted"
"""Average of the bit F1 that tables and tests use."""

_ARM = "rmr"
"""The arm that sentences are about."""

_VERBS = {"better": "is better than", "worse": "is worse than", "no difference": "is not told apart from"}

ProbeRecords = Mapping[str, Mapping[int, JsonObject]]
"""Records of the probe stage by arm and seed."""


def scores(records: ProbeRecords, readout: str, arm: str) -> list[float]:
    """Return the headline score of an arm for each seed, in the order of the seeds."""
    return [record["readouts"][readout]["bit_f1"][HEADLINE] for _, record in sorted(records[arm].items())]


def compare_arms(records: ProbeRecords, config: RunConfig) -> list[JsonObject]:
    """Compare every arm with each reference arm of the run, per readout, paired over the seeds.

    Returns:
        One object per comparison: `readout`, `arm`, `reference`, and the fields of `PairedComparison`.
    """
    references = [arm for arm in REFERENCE_ARMS if arm in config.arms]
    found = []
    for readout, reference, arm in itertools.product(config.probe.readouts, references, config.arms):
        if arm != reference:
            comparison = compare_paired(scores(records, readout, arm), scores(records, readout, reference))
            names = {"readout": readout, "arm": arm, "reference": reference}
            found.append(names | dataclasses.asdict(comparison))
    return found


def normalise(records: ProbeRecords, config: RunConfig) -> dict[str, dict[str, float]]:
    """Place the mean score of each arm between the untrained (0) and the supervised encoder (1).

    Returns:
        By readout and arm; NaN where there is no scale because the supervised encoder is not above the untrained.
        Empty when one of the two anchors is not part of the run.
    """
    if not {"untrained", "supervised"} <= set(config.arms):
        return {}
    placed: dict[str, dict[str, float]] = {}
    for readout in config.probe.readouts:
        means = {arm: float(np.mean(scores(records, readout, arm))) for arm in config.arms}
        anchors = {name: means[name] for name in ("untrained", "supervised")}
        placed[readout] = {arm: normalised_score(mean, **anchors) for arm, mean in means.items()}
    return placed


def findings(comparisons: Sequence[JsonObject]) -> list[str]:
    """Say in words whether the paper's arm is better, with the statistics.

    Args:
        comparisons: what `compare_arms` returned.

    Returns:
        One sentence per reference arm and readout; one per reference arm when there are too few seeds for a test.
    """
    rows = [row for row in comparisons if row["arm"] == _ARM]
    if all(row["num_pairs"] >= MIN_PAIRS for row in rows):
        return [_finding(row) for row in rows]
    sentences = []
    for reference in dict.fromkeys(row["reference"] for row in rows):
        against = [row for row in rows if row["reference"] == reference]
        shown = ", ".join(f"{row['mean_difference']:+.4f} ({row['readout']})" for row in against)
        sentences.append(f"{_ARM} minus {reference}: {shown} weighted bit F1, without a test.")
    return sentences


def warnings(config: RunConfig, comparisons: Sequence[JsonObject], records: ProbeRecords) -> list[str]:
    """List what a reader must know before quoting the numbers."""
    found = []
    if config.num_seeds < MIN_PAIRS:
        found.append(
            f"Only {config.num_seeds} of at least {MIN_PAIRS} seeds per arm: no difference between arms can be "
            f"significant, whatever the table shows. Repeat with --num-seeds {MIN_PAIRS}."
        )
    else:
        found += sorted({row["warning"] for row in comparisons if row["warning"]})
    for row in comparisons:
        if row["verdict_depends_on_zeros"]:
            found.append(f"{row['readout']}: {row['arm']} against {row['reference']} depends on how ties are counted.")
    for arm, by_seed in records.items():
        dead = max(record["collapse"]["num_dead_slots"] for record in by_seed.values())
        if dead:
            found.append(f"{arm}: up to {dead} of the slots do not vary at all (collapse).")
    return found


def _finding(row: JsonObject) -> str:
    p = min(row["p_greater"], row["p_less"])
    evidence = f"one-sided Wilcoxon p = {p:.3g}, {row['num_pairs']} paired seeds"
    difference = f"{row['mean_difference']:+.4f} weighted bit F1"
    return f"{row['readout']}: {row['arm']} {_VERBS[row['verdict']]} {row['reference']} ({difference}; {evidence})."
