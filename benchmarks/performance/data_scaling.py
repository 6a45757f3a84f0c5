"""How the cost of drawing transitions grows with what was recorded, and that of a probe with the labelled frames."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.performance.curves import Curve, Variant, sweep
from benchmarks.performance.harness import Work
from benchmarks.performance.settings import Settings
from rmr_gym.data import TransitionDataset, collect
from rmr_gym.evaluation.probes import FAST_LINEAR_PROBE
from rmr_gym.seeding import numpy_generator

BATCH_SIZE, BATCHES, _QUICK_BATCHES = 50, 20, 2

EPISODE_STEPS, EPISODES = 500, (4, 8, 16, 32, 64)
_QUICK_EPISODE_STEPS, _QUICK_EPISODES = 30, (2, 4)

NUM_FEATURES, NUM_TARGETS, FRAMES = 2_048, 256, (500, 1_000, 2_000, 4_000, 8_000)
_QUICK_FEATURES, _QUICK_TARGETS, _QUICK_FRAMES = 16, 4, (100, 200)


def measure(settings: Settings) -> list[Curve]:
    """Measure batches of random transitions, gray at 84x84 and in colour at 210x160, and the fit of a linear probe."""
    with tempfile.TemporaryDirectory() as folder:
        loading = _loading(Path(folder), settings)
    return [*loading, *_probing(settings)]


def _loading(folder: Path, settings: Settings) -> list[Curve]:
    """Let the same data set grow, and draw from it."""
    steps = _QUICK_EPISODE_STEPS if settings.quick else EPISODE_STEPS
    episodes = _QUICK_EPISODES if settings.quick else EPISODES
    batches = _QUICK_BATCHES if settings.quick else BATCHES

    def draw(num_transitions: int, size: tuple[int, int] | None, gray: bool) -> Work:
        # Adds the episodes that are missing; the pages of the files are warm.
        collect(folder, "pong", num_episodes=num_transitions // steps, max_steps_per_episode=steps)
        dataset = TransitionDataset(folder, split="all", size=size, gray=gray)
        generator = numpy_generator(0, "loading", num_transitions)

        def work() -> None:
            for _ in range(batches):
                dataset.batch(generator.integers(len(dataset), size=BATCH_SIZE))

        return work

    variants = [
        Variant(name="84x84, gray", prepare=lambda size: draw(size, (84, 84), True)),
        Variant(name="210x160, colour", prepare=lambda size: draw(size, None, False)),
    ]
    return sweep(
        variants,
        [steps * number for number in episodes],
        panel="recorded transitions",
        work=f"{batches * BATCH_SIZE:,} random transitions of Pong, {BATCH_SIZE} at a time",
        repeats=settings.repeats,
        growth=1.0,
    )


def _probing(settings: Settings) -> list[Curve]:
    num_features = _QUICK_FEATURES if settings.quick else NUM_FEATURES
    num_targets = _QUICK_TARGETS if settings.quick else NUM_TARGETS

    def fit(num_frames: int) -> Work:
        generator = numpy_generator(0, "probing", num_frames)
        features = generator.standard_normal((num_frames, num_features), dtype=np.float32)
        scores = features @ generator.standard_normal((num_features, num_targets), dtype=np.float32)
        noise = np.sqrt(num_features) * generator.standard_normal(scores.shape, dtype=np.float32)
        targets, episodes = (scores + noise > 0).astype(np.uint8), np.arange(num_frames) // 50
        return lambda: FAST_LINEAR_PROBE.fit(features, targets, episodes, device=settings.device)

    return sweep(
        [Variant(name="linear probe", prepare=fit)],
        _QUICK_FRAMES if settings.quick else FRAMES,
        panel="labelled frames",
        work=f"fit of {num_targets} bits on {num_features:,} features",
        repeats=settings.repeats,
        growth=1.0,
    )
