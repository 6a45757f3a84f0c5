"""Two arms on one game, paired by seed, and families of such comparisons with their corrections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmarks.report.evidence import Seeds, mismatch
from benchmarks.report.measure import Measure
from rmr_gym.evaluation.statistics import PairedComparison, benjamini_hochberg, compare_paired, holm

Judgement = Literal["better", "worse", "no difference", "too few seeds", "not run"]
"""A verdict, or why there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairing:
    """The seeds that two arms have in common, and their scores."""

    seeds: tuple[int, ...]
    """In ascending order."""

    first: tuple[float, ...]
    """Scores of the first arm."""

    second: tuple[float, ...]
    """Scores of the second arm."""

    notes: tuple[str, ...]
    """Seeds that are left out, and why."""

    @property
    def improvement(self) -> float | None:
        """Mean over seeds of the difference in percent of the second arm's score; None where that is 0 or nothing."""
        if not self.seeds or 0 in self.second:
            return None
        first, second = np.array(self.first), np.array(self.second)
        return float((100 * (first - second) / second).mean())


def pair(first: Seeds, second: Seeds, measure: Measure, *, names: tuple[str, str], where: str) -> Pairing:
    """Bring the scores of two arms together, seed by seed.

    A seed counts when both arms have a score and both were trained and probed on the same data, with the same settings
    except for those of the arm.

    Args:
        first: results of the first arm by seed.
        second: results of the second arm.
        measure: what is compared.
        names: of the arms, for notes.
        where: the game, for notes.
    """
    scores = [{seed: measure(result) for seed, result in one.items()} for one in (first, second)]
    seeds, notes = [], []
    for seed in sorted(set(first) & set(second)):
        changed = mismatch(first[seed], second[seed])
        if changed:
            notes.append(f"{where}: seed {seed} of {names[0]} and {names[1]} left out, settings differ: {changed[0]}.")
        elif None in (scores[0][seed], scores[1][seed]):
            notes.append(f"{where}: seed {seed} of {names[0]} and {names[1]} left out, a score is undefined.")
        else:
            seeds.append(seed)
    for index in (0, 1):
        alone = sorted(set(scores[index]) - set(scores[1 - index]))
        if alone:
            notes.append(f"{where}: {listed('seed', alone)} of {names[index]} without a partner, not compared.")
    found = [tuple(float(one[seed] or 0.0) for seed in seeds) for one in scores]
    return Pairing(seeds=tuple(seeds), first=found[0], second=found[1], notes=tuple(notes))


@dataclass(frozen=True, kw_only=True, slots=True)
class Corrected:
    """One comparison within a family."""

    pairing: Pairing
    """What was compared."""

    test: PairedComparison | None
    """Means, deviations and p-values; None without a pair."""

    judgement: Judgement
    """By the plain p-values, the paper's rule."""

    judgement_holm: Judgement
    """With Holm's correction over the family: no false claim in all of it."""

    judgement_bh: Judgement
    """With that of Benjamini and Hochberg: few false claims among those made."""

    holm: tuple[float, float] | None
    """Corrected p-values of "greater" and "less"; None outside of the family."""

    bh: tuple[float, float] | None
    """The same by Benjamini and Hochberg."""


def family(pairings: Sequence[Pairing], *, alpha: float) -> list[Corrected]:
    """Compare all pairings by one-sided exact signed-rank tests in both directions, and correct over all of them.

    Each direction is a family of its own, as each is tested at `alpha`. Comparisons with too few unequal pairs for any
    verdict are no members: there is no claim to correct. Arms that are equal at every seed are "no difference".

    Args:
        pairings: one per game, or per pair of games.
        alpha: level of each one-sided test.
    """
    tests = [compare_paired(one.first, one.second, alpha=alpha) if one.seeds else None for one in pairings]
    members = [index for index, test in enumerate(tests) if test is not None and enough(_told(test), alpha)]
    greater, less = correct([(test.p_greater, test.p_less) for test in map(tests.__getitem__, members) if test])
    found = []
    for index, (pairing, test) in enumerate(zip(pairings, tests, strict=True)):
        if test is None or index not in members:
            gap: Judgement = "not run" if test is None else "too few seeds"
            judged = dict.fromkeys(("judgement", "judgement_holm", "judgement_bh"), gap)
            found.append(Corrected(pairing=pairing, test=test, holm=None, bh=None, **judged))
            continue
        place = members.index(index)
        by_holm, by_bh = ((greater[name][place], less[name][place]) for name in ("holm", "bh"))
        found.append(
            Corrected(
                pairing=pairing,
                test=test,
                judgement=test.verdict,
                judgement_holm=judge(*by_holm, alpha),
                judgement_bh=judge(*by_bh, alpha),
                holm=by_holm,
                bh=by_bh,
            )
        )
    return found


def correct(p_values: Sequence[tuple[float, float]]) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Correct the p-values of "greater" and those of "less", each as one family.

    Returns:
        For either direction the corrected values under `holm` and `bh`.
    """
    sides = ([one[side] for one in p_values] for side in (0, 1))
    greater, less = ({"holm": holm(side).tolist(), "bh": benjamini_hochberg(side).tolist()} for side in sides)
    return greater, less


def judge(p_greater: float, p_less: float, alpha: float) -> Judgement:
    """Say what the first arm is by its p-values."""
    if p_greater < alpha:
        return "better"
    return "worse" if p_less < alpha else "no difference"


def enough(num_pairs: int, alpha: float) -> bool:
    """Tell whether the smallest p-value that so many seeds can give is below the level.

    Example:
        >>> enough(4, 0.05), enough(5, 0.05)
        (False, True)
    """
    return 0.5**num_pairs < alpha


def _told(test: PairedComparison) -> int:
    """Return how many pairs the test rests on: equal ones are left out of it, unless all are equal."""
    return test.num_pairs - test.num_zeros or test.num_pairs


def tally(judgements: Iterable[str]) -> str:
    """Count verdicts in words.

    Example:
        >>> tally(["better", "worse", "better", "not run"])
        '2 better, 1 worse, 0 without a difference (1 not run)'
    """
    counts = Counter(judgements)
    gaps = [f"{counts[name]} {text}" for name, text in _GAPS.items() if counts[name]]
    told = f"{counts['better']} better, {counts['worse']} worse, {counts['no difference']} without a difference"
    return told + (f" ({', '.join(gaps)})" if gaps else "")


_GAPS: Mapping[str, str] = {"too few seeds": "with too few seeds", "not run": "not run"}


def remarks(where: str, one: Corrected) -> list[str]:
    """Say what a reader must know of a comparison: seeds left out, too few of them, ties, zeros."""
    found = list(one.pairing.notes)
    test = one.test
    if test is None:
        return found
    equal = "" if _told(test) == test.num_pairs else f", {test.num_zeros} of them equal and left out of the test"
    if one.judgement == "too few seeds":
        smallest = f"p cannot fall below {0.5 ** _told(test):.3g}, so there is no verdict"
        found.append(f"{where}: {counted(test.num_pairs, 'seed')}{equal}, {smallest}.")
    elif test.num_zeros == test.num_pairs:
        found.append(f"{where}: all {test.num_pairs} pairs are equal (p = 1): are the two arms the same run?")
    elif test.num_zeros:
        found.append(f"{where}: {test.num_zeros} of {test.num_pairs} pairs are equal and left out of the test.")
    if test.verdict_depends_on_zeros:
        found.append(f"{where}: the verdict changes when equal pairs are ranked (Pratt) instead of left out.")
    return found


def counted(number: int, what: str) -> str:
    """Write a number of things.

    Example:
        >>> counted(1, "seed"), counted(2, "seed")
        ('1 seed', '2 seeds')
    """
    return f"{number} {what}{'' if number == 1 else 's'}"


def listed(what: str, numbers: Sequence[int]) -> str:
    """Name numbers in words.

    Example:
        >>> listed("seed", [1]), listed("seed", [1, 2, 5])
        ('seed 1', 'seeds 1, 2, 5')
    """
    return f"{what}{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"
