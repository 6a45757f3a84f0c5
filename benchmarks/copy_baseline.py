"""The copy baseline of all games, held against the numbers that were measured before: do data and metrics agree?

Predicting that the RAM stays as it is needs no model, so its score depends on the data and the metrics alone.

    python -m benchmarks.copy_baseline --games all --out benchmarks/results/copy_baseline.json
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measurement import run_measurement
from rmr_gym.data import EpisodeStore, TransitionDataset, collect
from rmr_gym.data.collect_games import rom_ids_of
from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics import bit_f1, kept_slots, slot_accuracy
from rmr_gym.pipeline.machine import hardware, versions

REFERENCE = Path(__file__).parent / "reference" / "copy_baseline.csv"
TOLERANCE = 5.0
"""Largest gap that counts as agreement, in percentage points of slot accuracy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CopyBaselineConfig:
    """Settings of the check."""

    games: tuple[str, ...] = ("all",)
    """Names of games, or "all" for the 24 of the paper."""

    out: Path | None = None
    """JSON file for the result; None prints it only."""

    data: Path | None = None
    """Directory for the episodes, one folder per game; kept, and used again. None takes a temporary one."""

    min_transitions: int = 9_000
    """Least transitions per game, in agent steps of four frames (the reference: 9,000)."""

    max_steps_per_episode: int = 750
    """Most transitions of one episode (ours: so that every game needs at least a round of players)."""

    players_per_round: int = 12
    """Episodes are collected in rounds of so many until there are enough transitions, each by another player."""

    seed: int = 0
    """Seed of the collection."""

    def __post_init__(self) -> None:
        """Refuse unknown games and numbers that are not positive."""
        _ = self.rom_ids
        for name in ("min_transitions", "max_steps_per_episode", "players_per_round"):
            if getattr(self, name) < 1:
                raise ValueError(
                    explain(expected=f"{name} of at least 1", got=getattr(self, name), fix="Leave it at its default.")
                )

    @property
    def rom_ids(self) -> tuple[str, ...]:
        """The games to be checked."""
        return rom_ids_of(self.games)


@dataclass(frozen=True, kw_only=True, slots=True)
class GameResult:
    """The copy baseline of one game beside the reference."""

    game: str
    """Rom id."""

    num_episodes: int
    """Episodes that were scored."""

    num_transitions: int
    """Transitions that were scored."""

    duplicate_frames: float
    """Share of the frames that repeat an earlier one, in 0..1."""

    slots: int
    """Slots with more than 0.6 nats of entropy."""

    slot_accuracy: float
    """Per cent."""

    bit_f1: float
    """Weighted F1 of the bits, in 0..1."""

    reference: dict[str, float]
    """The row of the reference table."""

    agrees: bool
    """Whether the slot accuracy is within `TOLERANCE` of the measured reference."""


def run(config: CopyBaselineConfig) -> dict[str, Any]:
    """Score all games, print a line for each, and return the result as JSON values."""
    started = time.perf_counter()
    results = []
    with tempfile.TemporaryDirectory() as temporary:
        for game in config.rom_ids:
            results.append(score(game, config, (config.data or Path(temporary)) / game))
            print(line(results[-1]), flush=True)
    gaps = np.array([result.slot_accuracy - result.reference["slot_accuracy"] for result in results])
    summary = {
        "num_games": len(results),
        "num_agreeing": sum(result.agrees for result in results),
        "tolerance_points": TOLERANCE,
        "median_gap_points": float(np.median(np.abs(gaps))),
        "mean_gap_points": float(np.abs(gaps).mean()),
    }
    print(f"{summary['num_agreeing']} of {summary['num_games']} games within {TOLERANCE} points of the reference")
    settings = asdict(config) | {"games": config.rom_ids, "out": None, "data": None}
    return {
        "command": f"python -m benchmarks.copy_baseline --games {' '.join(config.games)}",
        "config": settings,
        "summary": summary,
        "games": [asdict(result) for result in results],
        "hardware": hardware(),
        "versions": versions(),
        "seconds": round(time.perf_counter() - started, 1),
    }


def score(game: str, config: CopyBaselineConfig, directory: Path) -> GameResult:
    """Collect a game until there are enough transitions, and score the copy baseline on all of them."""
    store = _collect(game, config, directory)
    dataset = TransitionDataset(directory, split="all")
    ram, _, next_ram = dataset.ram_transitions()
    kept = kept_slots(dataset.ram)
    predicted, true = np.unpackbits(ram[:, kept], axis=1), np.unpackbits(next_ram[:, kept], axis=1)
    accuracy, reference = 100 * slot_accuracy(predicted, true), read_reference()[game]
    return GameResult(
        game=game,
        num_episodes=len(store),
        num_transitions=len(dataset),
        duplicate_frames=round(dataset.duplicate_frame_fraction().within, 3),
        slots=len(kept),
        slot_accuracy=round(accuracy, 2),
        bit_f1=round(bit_f1(predicted, true).weighted, 4),
        reference=reference,
        agrees=abs(accuracy - reference["slot_accuracy"]) <= TOLERANCE,
    )


def line(result: GameResult) -> str:
    """Format a result for the terminal, measured / reference / paper."""
    ref = result.reference
    return (
        f"{result.game:18} {result.num_transitions:6} steps  slots {result.slots:3}/{ref['slots']:3.0f}"
        f"  accuracy {result.slot_accuracy:5.1f}/{ref['slot_accuracy']:.1f}/{ref['paper_slot_accuracy']:.1f}"
        f"  F1 {result.bit_f1:.3f}/{ref['bit_f1']:.3f}/{ref['paper_bit_f1']:.3f}"
        f"{'' if result.agrees else '  differs'}"
    )


def read_reference() -> dict[str, dict[str, float]]:
    """Read the reference table: for each rom id the named numbers."""
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(row for row in file if not row.startswith("#"))
        return {row.pop("rom_id"): {name: float(value) for name, value in row.items()} for row in rows}


def _collect(game: str, config: CopyBaselineConfig, directory: Path) -> EpisodeStore:
    num_episodes = 0
    while True:
        num_episodes += config.players_per_round
        store = collect(
            directory,
            game,
            num_episodes=num_episodes,
            max_steps_per_episode=config.max_steps_per_episode,
            seed=config.seed,
            num_workers=1,
        )
        if store.manifest["num_transitions"] >= config.min_transitions:
            return store


if __name__ == "__main__":
    sys.exit(run_measurement("benchmarks.copy_baseline", CopyBaselineConfig, run, __doc__))
