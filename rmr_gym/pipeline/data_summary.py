"""What is inside a data set, in numbers."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from rmr_gym.data import DuplicateFrames, EpisodeMetadata, TransitionDataset
from rmr_gym.data.determinism import as_keys, count_repeated_pairs
from rmr_gym.data.duplicates import count_duplicates
from rmr_gym.data.split import split_episodes
from rmr_gym.evaluation.abstract import score_copy
from rmr_gym.evaluation.metrics import kept_slots, slot_entropy
from rmr_gym.pipeline.data_paper import paper_copy_scores
from rmr_gym.pipeline.stage import JsonObject

FORMAT = "rmr-data-summary/1"

ENTROPY_THRESHOLD = 0.6
"""Nats; bytes with more are scored (paper, appendix B)."""

_MOST_SCORED = 100_000
"""Of more transitions only every second, third and so on is scored: their bits would fill the memory."""


def summarise(
    dataset: TransitionDataset, *, validation_fraction: float = 0.25, entropy_threshold: float = ENTROPY_THRESHOLD
) -> JsonObject:
    """Describe all episodes of a data set.

    Args:
        dataset: with `split="all"`.
        validation_fraction: share of the episodes that are held out when it is used, for the shared frames.
        entropy_threshold: nats that a byte needs to be scored.

    Returns:
        JSON values: `counts`; `duplicates` of the frames; and for games `players` with their scores, `ram`,
        `determinism` and `copy_baseline` with the paper's.
    """
    store = dataset.store
    summary: JsonObject = {
        "format": FORMAT,
        "paths": [own_name(path) for path in store.paths],
        **store.files[0].metadata.heading,
        "fingerprint": dataset.fingerprint,
        "damaged": [str(error) for error in store.damaged],
        "counts": _counts(dataset),
        "duplicates": _duplicates(dataset, validation_fraction),
    }
    if isinstance(store.episodes[0], EpisodeMetadata):
        ram, action, next_ram = dataset.ram_transitions()
        kept = kept_slots(dataset.ram, entropy_threshold)
        repeated = count_repeated_pairs(ram, action, next_ram)
        summary |= {
            "players": _players(dataset),
            "ram": _memory(dataset, kept, entropy_threshold),
            "determinism": dataclasses.asdict(repeated) | {"unique_fraction": repeated.unique_fraction},
            "copy_baseline": _copy_baseline(store.episodes[0].console.game, dataset, kept),
        }
        summary["skill_score_correlation"] = _rank_correlation(summary["players"])
    return summary


def own_name(folder: Path) -> str:
    """Return the last part of a path, also of "." and "..", whose own says nothing."""
    return folder.resolve().name if folder.name in ("", "..") else folder.name


def _counts(dataset: TransitionDataset) -> JsonObject:
    files = dataset.store.files
    num_bytes = sum(file.num_bytes for file in files)
    raw_bytes = sum(file.num_rows * (file.layout.screen_bytes + file.layout.abstract_bytes) for file in files)
    lengths = [file.metadata.num_steps for file in files]
    return {
        "episodes": len(files),
        "frames": dataset.num_frames,
        "transitions": len(dataset),
        "bytes": num_bytes,
        "bytes_per_frame": num_bytes / dataset.num_frames,
        "compression": raw_bytes / num_bytes,
        "episode_steps": {"least": min(lengths), "median": float(np.median(lengths)), "most": max(lengths)},
        "ended_by_game_over": float(np.mean([file.terminated[-1] for file in files])),
    }


def _duplicates(dataset: TransitionDataset, validation_fraction: float) -> JsonObject | None:
    """Count repeated pictures in both halves of the split; None without pictures, or with too few to split."""
    store = dataset.store
    if store.files[0].layout.screen_shape is None or len(store) < 2:
        return None
    skills = [episode.skill for episode in store.episodes]
    validation = split_episodes(skills, validation_fraction=validation_fraction, seed=0)
    halves = {"train": np.flatnonzero(~validation), "validation": np.flatnonzero(validation)}
    counted: dict[str, DuplicateFrames] = {name: count_duplicates(store, episodes) for name, episodes in halves.items()}
    return {
        "validation_fraction": validation_fraction,
        "within_train": counted["train"].within,
        "within_validation": counted["validation"].within,
        "validation_in_train": counted["validation"].across,
        "train_in_validation": counted["train"].across,
    }


def _players(dataset: TransitionDataset) -> list[JsonObject]:
    """Sum up the rewards of each player's stored steps; what came before a stored window is not stored."""
    by_player: dict[tuple[float, str], list[tuple[float, int]]] = defaultdict(list)
    for file in dataset.store.files:
        metadata = file.metadata
        assert isinstance(metadata, EpisodeMetadata), "a game was asked for"
        score = float(file.rewards.sum(dtype=np.float64))
        by_player[metadata.skill, metadata.player].append((score, metadata.num_steps))
    return [
        {
            "name": name,
            "skill": skill,
            "episodes": len(episodes),
            "steps": sum(steps for _, steps in episodes),
            "mean_score": float(np.mean([score for score, _ in episodes])),
            "best_score": max(score for score, _ in episodes),
        }
        for (skill, name), episodes in sorted(by_player.items())
    ]


def _rank_correlation(players: Sequence[JsonObject]) -> float | None:
    """Spearman's rank correlation of skill and mean score; None where either is the same for all players."""
    skills, scores = [player["skill"] for player in players], [player["mean_score"] for player in players]
    if len(set(skills)) < 2 or len(set(scores)) < 2:
        return None
    from scipy.stats import spearmanr  # slow to import

    return float(spearmanr(skills, scores).statistic)


def _memory(dataset: TransitionDataset, kept: Int64[np.ndarray, " kept"], threshold: float) -> JsonObject:
    ram, _, next_ram = dataset.ram_transitions()
    changed = ram != next_ram
    per_step = changed.sum(axis=1)
    return {
        "unique_states": len(np.unique(as_keys(dataset.ram))),
        "changing_bytes": np.flatnonzero((dataset.ram != dataset.ram[0]).any(axis=0)).tolist(),
        "entropy_threshold": threshold,
        "entropy": slot_entropy(dataset.ram).tolist(),
        "kept_slots": kept.tolist(),
        "change_rate": changed.mean(axis=0).tolist(),
        "changed_slots_per_step": float(per_step.mean()),
        "changed_slots_histogram": np.bincount(per_step).tolist(),
        "changed_kept_slots_per_step": float(changed[:, kept].sum(axis=1).mean()),
    }


def _copy_baseline(game: str, dataset: TransitionDataset, kept: Int64[np.ndarray, " kept"]) -> JsonObject:
    """Score the prediction that nothing changes, and put the paper's score beside it; None where nothing is kept."""
    every = 1 + len(dataset) // _MOST_SCORED
    ram, _, next_ram = (side[::every] for side in dataset.ram_transitions())
    paper = paper_copy_scores(game)
    ours = score_copy(ram, next_ram, kept) if len(kept) else None
    return {
        "transitions": len(ram),
        "slot_accuracy": None if ours is None else ours.slot_accuracy,
        "bit_f1": None if ours is None else ours.bit_f1.weighted,
        "paper": None if paper is None else dataclasses.asdict(paper),
    }
