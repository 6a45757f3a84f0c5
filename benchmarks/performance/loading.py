"""Random transitions from the disk, beside what a training process consumes and beside HDF5 and Minari.

The set is larger, decoded, than the memory that a loader is allowed. The page cache is warm for all.

    python -m benchmarks.performance --only loading
"""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.performance.harness import Comparison, Spread, Work, speed_ratio, take_turns
from benchmarks.performance.settings import Settings
from benchmarks.performance.steps import NUM_SLOTS, has_bfloat16, random_frames, training_step
from benchmarks.performance.store_peers import read_hdf5, read_minari, write_hdf5, write_minari
from rmr_gym.data import Episode, TransitionDataset, collect
from rmr_gym.envs.frames import to_gray
from rmr_gym.models import Precision
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors.mpnn import MpnnConfig
from rmr_gym.objectives import HingeConfig
from rmr_gym.training import NaturalConfig, build_natural_model

_GAME = "seaquest"

_SIZES: dict[str, tuple[int, int] | None] = {"84x84": (84, 84), "210x160": None}

_BATCH = 50

_OURS = "rmr_gym.data.TransitionDataset"

_DRAW = """
import sys
from pathlib import Path
import numpy as np
from rmr_gym.data import TransitionDataset
path, size, batches = sys.argv[1], eval(sys.argv[2]), int(sys.argv[3])
dataset = TransitionDataset(path, split="all", size=size)
generator = np.random.default_rng(0)
for _ in range(batches):
    dataset.batch(generator.integers(len(dataset), size=50))
status = Path("/proc/self/status").read_text().splitlines()
print(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""
"""Draws batches in a fresh process and prints its peak of resident memory in KiB."""


def measure(settings: Settings) -> list[Comparison]:
    """Compare random batches of gray transitions, both frames with their RAM and the action."""
    num_episodes, max_steps = (4, 20) if settings.quick else (128, 1500)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "ours")
        store = collect(path, _GAME, num_episodes=num_episodes, max_steps_per_episode=max_steps)
        num_frames = sum(file.num_rows for file in store.files)
        megabytes = (num_frames * 33_600 / 1e6, sum(file.num_bytes for file in store.files) / 1e6)
        size = f"{num_frames} frames of Seaquest, {megabytes[0]:.0f} MB decoded, {megabytes[1]:.0f} MB on the disk"
        results = []
        for name in _SIZES:
            results += [_consumption(path, name, size, settings), _memory(path, name, size, settings)]
        return results + _peers(path, Path(folder), size, settings)


def _consumption(path: Path, name: str, size: str, settings: Settings) -> Comparison:
    """Compare with a training step of the arm `rmr` on frames in memory."""
    dataset = TransitionDataset(path, split="all", size=_SIZES[name])
    step = _training_step(name, settings)
    batches = 2 if settings.quick else 20
    seconds = take_turns({_OURS: _draws(dataset, batches), "training": step}, settings.repeats)
    rate = batches * _BATCH / float(np.median(seconds[_OURS]))
    return Comparison(
        what=f"random gray transitions at {name}, batch {_BATCH}, from {size}",
        ours=_OURS,
        peer="what a training step of the arm rmr consumes",
        figure=speed_ratio(seconds, ours=_OURS, peer="training", work=batches),
        bar=10.0,
        note=f"one thread, {rate:.0f} transitions/s; the step takes {np.median(seconds['training']):.3f} s",
    )


def _training_step(name: str, settings: Settings) -> Callable[[], object]:
    precision: Precision = "bfloat16" if has_bfloat16(settings.device) else "float32"
    encoder = NatureCnnConfig(resolution="84x84" if name == "84x84" else "210x160")
    config = NaturalConfig(encoder=encoder, precision=precision)
    processor = MpnnConfig().build(NUM_SLOTS)
    model = build_natural_model("rmr", config, processor, num_slots=NUM_SLOTS, seed=0).to(settings.device)
    objective = HingeConfig().build()
    batch = random_frames(_BATCH, encoder.size, settings.device)

    def loss() -> torch.Tensor:
        total: torch.Tensor = objective(model, batch).total
        return total

    return training_step(loss, [model])


def _memory(path: Path, name: str, size: str, settings: Settings) -> Comparison:
    """Measure the whole resident memory of a process that does nothing but draw."""
    batches = 2 if settings.quick else 400
    command = [sys.executable, "-c", _DRAW, str(path), repr(_SIZES[name]), str(batches)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(settings.repeats)]
    return Comparison(
        what=f"peak of resident memory while {batches} random batches at {name} are drawn from {size}",
        ours=_OURS,
        peer="nothing",
        figure=Spread.of(tuple(int(run.stdout) * 1024 / 1e6 for run in runs)),
        unit="MB",
        bar=1000.0,
        direction="at most",
        note="a fresh process, interpreter, libraries and mapped files included",
    )


def _peers(path: Path, folder: Path, size: str, settings: Settings) -> list[Comparison]:
    """Compare with HDF5 and Minari at 210x160, on a part of the episodes where writing them all takes long."""
    dataset = TransitionDataset(path, split="all")
    palette = dataset.store.palette
    some = [
        episode for i in range(min(16, len(dataset.store))) if isinstance(episode := dataset.store.read(i), Episode)
    ]
    lengths = np.array([len(episode.actions) for episode in some])
    files = {}
    for compression in ("gzip", "lzf"):
        files[compression] = folder / f"{compression}.h5"
        write_hdf5(files[compression], some, to_gray(palette), compression)
    minari = write_minari(folder / "minari", some, to_gray(palette))
    starts = np.concatenate([np.arange(n) + lengths[:i].sum() + i for i, n in enumerate(lengths)])
    generator, batches, single = np.random.default_rng(1), 2 if settings.quick else 10, 2

    def hdf5(file: h5py.File) -> None:
        for _ in range(batches):
            read_hdf5(file, starts[generator.integers(len(starts), size=_BATCH)])

    def by_minari() -> None:
        for _ in range(single):
            episode = int(generator.integers(len(some)))
            read_minari(minari, episode, int(generator.integers(lengths[episode])))

    with closing(h5py.File(files["gzip"])) as gzip, closing(h5py.File(files["lzf"])) as lzf:
        variants: dict[str, Work] = {
            _OURS: _draws(dataset, batches),
            "h5py, one chunk per frame, gzip": functools.partial(hdf5, gzip),
            "h5py, one chunk per frame, lzf": functools.partial(hdf5, lzf),
            "Minari, hdf5 without JPEG": by_minari,
        }
        seconds = take_turns(variants, settings.repeats)
    work = {"Minari, hdf5 without JPEG": batches * _BATCH / single}
    return [
        Comparison(
            what=f"random gray transitions at 210x160, batch {_BATCH}, from {size}",
            ours=_OURS,
            peer=peer,
            figure=speed_ratio(seconds, ours=_OURS, peer=peer, work=work.get(peer, 1.0)),
            note=f"the peer holds only {len(some)} of the episodes"
            + (", and reads an episode whole" if peer in work else ""),
        )
        for peer in variants
        if peer != _OURS
    ]


def _draws(dataset: TransitionDataset, batches: int) -> Callable[[], None]:
    generator = np.random.default_rng(0)

    def draw() -> None:
        for _ in range(batches):
            indices: NDArray[np.int64] = generator.integers(len(dataset), size=_BATCH)
            dataset.batch(indices)

    return draw
