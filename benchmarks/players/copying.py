"""How predictable the games are that were played: the copy baseline beside the paper's, which depends on data alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import pearsonr

from rmr_gym.evaluation.abstract import score_copy
from rmr_gym.evaluation.metrics import kept_slots
from rmr_gym.pipeline.data_paper import paper_copy_scores

JsonObject = dict[str, Any]

_LEAST_GAMES = 3
"""Fewer points have no correlation worth the name."""


def copy_baseline(game: str, episodes: Mapping[str, Sequence[NDArray[np.uint8]]]) -> JsonObject:
    """Score copying on each of several sets of episodes, and put the paper's score beside it.

    Source: paper, table 2, column "copy".

    Args:
        game: rom id.
        episodes: sets by name; of each episode the memory of all steps, `(frame, 128)`.
    """
    paper = paper_copy_scores(game)
    return {"paper": None if paper is None else round(100 * paper.slot_accuracy, 2)} | {
        name: _score(some) for name, some in episodes.items()
    }


def _score(episodes: Sequence[NDArray[np.uint8]]) -> JsonObject | None:
    """Return the share of right bytes in per cent, None where no byte varies."""
    kept = kept_slots(np.concatenate(episodes))
    if not len(kept):
        return None
    ram, following = (np.concatenate([one[side] for one in episodes]) for side in (slice(None, -1), slice(1, None)))
    scores = score_copy(ram, following, kept)
    return {
        "transitions": len(ram),
        "slots": len(kept),
        "slot_accuracy": round(100 * scores.slot_accuracy, 2),
        "bit_f1": round(scores.bit_f1.weighted, 4),
    }


def compare_with_paper(games: Sequence[JsonObject], name: str) -> JsonObject | None:
    """Say how near a set of episodes comes to the paper's scores, over games.

    Args:
        games: what `copy_baseline` found for each.
        name: of the set.

    Returns:
        The mean absolute gap in percentage points and Pearson's correlation; None for few games.
    """
    pairs = [(one[name]["slot_accuracy"], one["paper"]) for one in games if one[name] and one["paper"] is not None]
    if len(pairs) < _LEAST_GAMES:
        return None
    ours, paper = np.array(pairs).T
    return {
        "games": len(pairs),
        "mean_absolute_gap": round(float(np.abs(ours - paper).mean()), 2),
        "correlation": round(float(pearsonr(ours, paper).statistic), 3),
    }
