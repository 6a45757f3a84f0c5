"""Results out of a generator, so that the report can be tested without a training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from benchmarks.commands.run import parse_run
from benchmarks.experiment import Experiment, key_of
from benchmarks.report.measure import READOUTS
from benchmarks.result import FAILURE_FILE, RESULT_FILE, Failure, Result, to_text
from rmr_gym.pipeline.profiles import quick
from rmr_gym.seeding import numpy_generator
from rmr_gym.training import LoopConfig

MACHINE = {"processor": "none", "cores": 2, "device": "cpu"}
VERSIONS = {"python": "3.11.0", "torch": "2.8.0"}
LEARNS = {"untrained": "nothing", "supervised": "ram"}

Shift = Callable[[str, str, str, int, int], float]
"""From game, arm, donor, width and seed to what is added to the score."""


def f1(value: float) -> dict[str, float]:
    return {"weighted": value, "micro": value + 0.01, "macro": value - 0.05}


def natural(
    game: str,
    arm: str,
    seed: int,
    score: float | None,
    *,
    donor: str | None = None,
    width: int = 64,
    profile: str = "quick",
    config: dict[str, Any] | None = None,
    scores: dict[str, Any] | None = None,
) -> Result:
    """Make a result whose full readout has the given score; the other readouts differ by a constant."""
    donor = donor or game
    parts = ["natural", game, arm]
    parts += [f"from-{donor}"] if donor != game else []
    parts += [f"width-{width}"] if width != 64 else []
    readouts = {
        name: {"bit_f1": f1(score - 0.05 * place) if score is not None else {}, "slot_accuracy": 0.5}
        for place, name in enumerate(READOUTS)
    }
    random = numpy_generator(seed, game, arm)
    steps = (LoopConfig() if arm in LEARNS else quick().natural.loop).gradient_steps
    settings = {
        "data": {"game": game, "seed": 0},
        "trained_as": arm,
        "natural": {"loop": {"gradient_steps": steps}},
        "probe": {"num_train_frames": quick().probe.num_train_frames},
        "probe_seed": 0,
        "seed": seed,
        "arm": {"learns_from": LEARNS.get(arm, "pixels")},
    }
    records = () if arm == "untrained" else range(0, 100, 5)
    return Result(
        id="/".join([*parts, f"seed-{seed}"]),
        key=key_of([game, arm, donor, width, seed]),
        kind="natural",
        profile=profile,
        game=game,
        donor=donor,
        arm=arm,
        slot_dim=width,
        seed=seed,
        config=settings | (config or {}),
        scores={"readouts": readouts, "majority": {"bit_f1": f1(0.4)}} if scores is None else scores,
        collapse={
            "effective_rank": 30.0 + random.normal(),
            "active_margins": 0.5 if arm in ("rmr", "c_swm") else None,
            "num_dead_slots": 0,
            "smallest_slot_variance": 0.1,
            "median_slot_variance": 0.2,
        },
        curve=[
            {"step": step, "loss": 2 / (1 + step) + random.normal() / 50, "effective_rank": 30.0, "active_margins": 0.5}
            for step in records
        ],
        seconds={"wall": 10.0, "processor": 9.0},
        machine=MACHINE,
        versions=VERSIONS,
        inputs={"data": "abc"},
    )


def abstract(
    game: str,
    arm: str,
    seed: int,
    accuracy: float,
    *,
    copy: float = 0.5,
    width: int = 64,
    config: dict[str, Any] | None = None,
) -> Result:
    """Make a result of the abstract stage."""
    width_part = [f"width-{width}"] if width != 64 else []
    own, other = (
        {"slot_accuracy": value, "changed_slot_accuracy": 0.1, "bit_f1": f1(value)} for value in (accuracy, copy)
    )
    return Result(
        id="/".join(["abstract", game, arm, *width_part, f"seed-{seed}"]),
        key=key_of([game, arm, width, seed]),
        kind="abstract",
        profile="quick",
        game=game,
        donor=game,
        arm=arm,
        slot_dim=width,
        seed=seed,
        config={"data": {"game": game, "seed": 0}, "seed": seed} | (config or {}),
        scores=own | {"copy": other, "num_kept_slots": 20, "mask": {"precision": 0.5, "recall": None}},
        collapse=None,
        curve=[
            {"step": step, "mask_loss": 0.5, "bit_loss": 1 / (1 + step), "loss": 0.5 + 1 / (1 + step)}
            for step in range(0, 90, 3)
        ],
        seconds={"wall": 5.0, "processor": 5.0},
        machine=MACHINE,
        versions=VERSIONS,
        inputs={"data": "abc"},
    )


def experiments(*words: str) -> list[Experiment]:
    """List what a command plans on two games."""
    return parse_run([*words, "--games", "pong,boxing", "--seeds", "0"]).experiments()


def result_of(experiment: Experiment) -> Result:
    """Make a result of a planned experiment, with its settings."""
    names = ("id", "key", "kind", "profile", "game", "donor", "arm", "slot_dim", "seed", "config")
    empty = natural("pong", "rmr", 0, 0.7)
    return dataclasses.replace(empty, **{name: getattr(experiment, name) for name in names})


def pairs(game: str, first: Sequence[float], second: Sequence[float], **options: Any) -> list[Result]:
    """Make RMR with the first and C-SWM with the second scores."""
    return [
        natural(game, arm, seed, score, **options)
        for arm, scores in (("rmr", first), ("c_swm", second))
        for seed, score in enumerate(scores)
    ]


def everything(seed: int = 0) -> tuple[list[Result], list[Failure]]:
    """Make a benchmark as it looks half way: all suites, with holes, uneven seeds and failures."""
    random = np.random.default_rng(seed)
    results: list[Result] = []
    games = ["boxing", "breakout", "pong", "space_invaders"]
    level = {"untrained": -0.03, "supervised": 0.06, "c_swm": 0.0, "rmr": 0.015, "frozen_random": 0.004}

    def score(game: str, arm: str, more: float = 0.0) -> float:
        return 0.6 + 0.05 * games.index(game) + level.get(arm, 0.008) + more + 0.006 * random.normal()

    for game in games:
        for arm in ("rmr", "c_swm"):
            results += [natural(game, arm, k, score(game, arm)) for k in range(6)]
        for donor in games:
            gain = 0.02 * random.normal()
            count = 5 if donor != "boxing" else 2
            if donor != game and (donor, game) != ("pong", "boxing"):
                results += [natural(game, "rmr", k, score(game, "rmr", gain), donor=donor) for k in range(count)]
    controls = (
        "frozen_random",
        "frozen_identity",
        "frozen_permuted",
        "fine_tuned",
        "anchored",
        "untrained",
        "supervised",
    )
    for game in games[:2]:
        for arm in controls:
            results += [natural(game, arm, k, score(game, arm)) for k in range(5 if arm != "anchored" else 3)]
    for width in (2, 4, 8, 16, 32):
        for arm in ("rmr", "c_swm"):
            results += [natural("pong", arm, k, score("pong", arm, -0.1 / width), width=width) for k in range(5)]
        results += [abstract("pong", "mpnn", 0, 0.9 - 0.4 / width, width=width)]
    for game in [*games, "asteroids", "freeway"]:
        for arm, gain in (("mlp", 0.1), ("deep_sets", 0.15), ("mpnn", 0.2)):
            if (game, arm) != ("freeway", "mlp"):
                results += [abstract(game, arm, k, 0.6 + gain + 0.03 * random.normal(), copy=0.6) for k in range(2)]
    failures = [
        Failure(
            id="natural/pong/fine_tuned/seed-0",
            key=key_of(["pong", "fine_tuned", "pong", 64, 0]),
            error="NonFiniteLossError: the loss became NaN at step 3 <b>&amp;",
            traceback="Traceback (most recent call last):\n  secret",
            attempts=2,
        )
    ]
    return results, failures


def write(folder: Any, results: Iterable[Result], failures: Iterable[Failure] = ()) -> None:
    """Write documents as the runner does."""
    for one in [*results, *failures]:
        path = folder / f"{one.id}-{one.key}" / (FAILURE_FILE if isinstance(one, Failure) else RESULT_FILE)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_text(one), encoding="utf-8")
