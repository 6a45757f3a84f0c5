"""Recording trajectories of bouncing balls into a directory of episodes."""

from __future__ import annotations

import functools
import importlib.metadata
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rmr_gym.atomic import sweep_unfinished
from rmr_gym.counts import as_count, as_seed
from rmr_gym.data.cores import usable_cores
from rmr_gym.data.metadata import BallsEpisodeMetadata
from rmr_gym.data.store import EpisodeStore
from rmr_gym.data.writer import EpisodeWriter
from rmr_gym.envs.ball_world import simulate
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.mujoco_loading import load_mujoco
from rmr_gym.envs.painting import open_painter
from rmr_gym.errors import explain
from rmr_gym.seeding import derive

_VERSIONED = ("mujoco", "numpy", "pyarrow", "zstandard")

_CHUNK = 128
"""Trajectories that are simulated at once: enough for MuJoCo's batches, few enough that a kill costs seconds."""

_WRITERS = 4
"""Threads that write: they wait for the disk most of the time, and it is forced for several files at once."""

Paint = Callable[[NDArray[np.float32]], NDArray[np.uint8]]
"""Pictures of the states of a trajectory, `(frame, ball, 2)`."""


def collect_balls(
    path: str | Path,
    config: BallsConfig | None = None,
    *,
    num_episodes: int,
    num_steps: int = 100,
    pixels: bool = True,
    seed: int = 0,
    num_workers: int | None = None,
    on_episode: Callable[[BallsEpisodeMetadata], None] | None = None,
) -> EpisodeStore:
    """Record trajectories 0 to `num_episodes` - 1 of a seed, those that are not there yet.

    A trajectory depends on `seed` and its number alone: a call that was killed can be made again and goes on, and more
    can be added later. Pictures by the painter "opengl" depend on the graphics library too, in the last bits of the
    edges of balls.

    Args:
        path: directory of the data set; made when missing.
        config: the world; None takes the default one.
        num_episodes: number of trajectories of this seed that there shall be.
        num_steps: transitions of each; there is one frame more.
        pixels: whether to record pictures.
        seed: of everything random.
        num_workers: threads of the physics; None takes the number of usable cores.
        on_episode: called in the calling thread after each trajectory that was written and is safe on the disk.

    Returns:
        The store with all its trajectories, those of other seeds too. Its manifest has been written.

    Raises:
        ValueError: when a number is out of range, or the directory holds another world, pictures where none are to be
            recorded or the other way round, or, under the same seed, trajectories of another length.
        CorruptFileError: when an episode in the directory is damaged.
        DependencyNotInstalled: when MuJoCo is missing.
        RenderingUnavailableError: when pictures are to be drawn by "opengl" and no OpenGL backend works.
        OSError: when the disk is full; the trajectories that were written stay.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = collect_balls(folder, num_episodes=2, num_steps=5, pixels=False)
        ...     store.read(0).state.shape
        (6, 10, 2)
    """
    num_episodes = as_count("num_episodes", num_episodes)
    num_steps = as_count("num_steps", num_steps)
    num_workers = usable_cores() if num_workers is None else as_count("num_workers", num_workers)
    load_mujoco()  # where it is missing, say so before anything asks for its version or makes a folder
    session = _Session(
        directory=Path(path),
        config=BallsConfig() if config is None else config,
        seed=as_seed(seed),
        num_steps=num_steps,
        pixels=pixels,
    )
    session.directory.mkdir(parents=True, exist_ok=True)
    sweep_unfinished(session.directory)
    missing = session.missing(num_episodes)
    if missing:
        with _painter(session.config, pixels) as paint:
            for first in range(0, len(missing), _CHUNK):
                session.record(missing[first : first + _CHUNK], paint, num_workers, on_episode)
    store = EpisodeStore(session.directory)
    store.write_manifest()
    return store


@contextmanager
def _painter(config: BallsConfig, pixels: bool) -> Iterator[Paint | None]:
    """Open a painter for the time of a collection, or nothing at all."""
    if not pixels:
        yield None
        return
    with closing(open_painter(config)) as painter:
        painter.render(np.zeros((config.num_balls, 2)))  # a machine that cannot draw says so before it simulates
        yield painter.render_all


@functools.cache  # looking them up takes longer than writing a trajectory
def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in _VERSIONED}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Session:
    """What all trajectories of one call share."""

    directory: Path
    config: BallsConfig
    seed: int
    num_steps: int
    pixels: bool

    def metadata(self, index: int) -> BallsEpisodeMetadata:
        """Describe a trajectory."""
        return BallsEpisodeMetadata(
            config=self.config,
            seed=self.seed,
            episode_index=index,
            num_steps=self.num_steps,
            pixels=self.pixels,
            versions=_versions(),
        )

    def missing(self, num_episodes: int) -> list[int]:
        """List the numbers of the trajectories to be recorded, after a look at those that are there."""
        store = EpisodeStore(self.directory)
        origin = self.metadata(0).origin
        if len(store) and store.origin != origin:
            raise ValueError(
                explain(
                    expected=f"a new directory, or one with episodes of {origin}",
                    got=f"{self.directory} with {store.origin}",
                    fix="Collect into another directory.",
                )
            )
        present = {meta.episode_index: meta for meta in store.episodes if meta.seed == self.seed}
        for index, meta in present.items():
            if meta.num_steps != self.num_steps:
                raise ValueError(
                    explain(
                        expected=f"episode {index} of seed {self.seed} with {self.num_steps} steps",
                        got=f"{meta.num_steps} steps in {self.directory}",
                        fix="Pass another seed to add to this directory, or collect into another one.",
                    )
                )
        return [index for index in range(num_episodes) if index not in present]

    def record(
        self,
        indices: Sequence[int],
        paint: Paint | None,
        num_workers: int,
        on_episode: Callable[[BallsEpisodeMetadata], None] | None,
    ) -> None:
        """Simulate trajectories at once, draw and write them one by one, and report each when it is on the disk."""
        seeds = [derive(self.seed, "episode", index) for index in indices]
        states = simulate(self.config, seeds, self.num_steps + 1, num_threads=num_workers)
        unfinished: deque[Future[BallsEpisodeMetadata]] = deque()

        def report_first() -> None:
            metadata = unfinished.popleft().result()
            if on_episode is not None:
                on_episode(metadata)

        with ThreadPoolExecutor(max_workers=_WRITERS) as pool:
            for index, trajectory in zip(indices, states, strict=True):
                # The graphics context belongs to the thread that made it; compressing and writing go on beside it.
                pictures = None if paint is None else paint(trajectory)
                unfinished.append(pool.submit(self._write, index, trajectory, pictures))
                if len(unfinished) > _WRITERS:
                    report_first()
            while unfinished:
                report_first()

    def _write(
        self, index: int, states: NDArray[np.float32], pictures: NDArray[np.uint8] | None
    ) -> BallsEpisodeMetadata:
        metadata = self.metadata(index)
        writer = EpisodeWriter(max_steps=self.num_steps, layout=metadata.layout)
        shown = [None] * len(states) if pictures is None else pictures
        writer.start(shown[0], states[0])
        for picture, state in zip(shown[1:], states[1:], strict=True):
            writer.step(0, 0.0, picture, state)
        writer.commit(self.directory, metadata, terminated=False)
        return metadata
