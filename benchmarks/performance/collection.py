"""Collection of pairs to the disk, beside the emulator alone and beside the plain loop around Gymnasium.

All play the same episodes of Pong: `collect` records them, the others repeat its actions.

    python -m benchmarks.performance --only collection
"""

from __future__ import annotations

import functools
import multiprocessing
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.performance.harness import Comparison, Spread, speed_ratio, take_turns
from benchmarks.performance.plain_loops import Script, play_bare, play_in_gymnasium
from benchmarks.performance.settings import Settings
from rmr_gym.data import Episode, EpisodeMetadata, EpisodeStore, collect
from rmr_gym.data.cores import usable_cores
from rmr_gym.data.recorder import Recorder, pack_session
from rmr_gym.data.session import Session
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.players import graded_players

_GAME, _ENV_ID = "pong", "ALE/Pong-v5"

_OURS = "rmr_gym.data.collect"

_EPISODES = 96
"""Episodes of one game in the paper; its section 5."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Peer:
    """A loop that plays episodes again, in as many processes or threads as its pool has."""

    pool: Executor
    play: Callable[[Sequence[Script]], int]
    scripts: Sequence[Script]
    bar: float | None = None
    note: str = ""

    def __call__(self) -> int:
        """Play all episodes and return the number of steps."""
        return sum([task.result() for task in [self.pool.submit(self.play, [script]) for script in self.scripts]])


def measure(settings: Settings) -> list[Comparison]:
    """Compare the collection of a data set, from the call to the manifest, with loops whose processes have started."""
    cores = usable_cores()
    num_episodes, max_steps = (2, 20) if settings.quick else (_EPISODES, 1500)
    spawn = multiprocessing.get_context("spawn")  # not forked: PyTorch or MuJoCo may have started threads here
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(cores, mp_context=spawn) as processes,
        ProcessPoolExecutor(1, mp_context=spawn) as process,
        ThreadPoolExecutor(cores) as threads,
    ):
        ours = functools.partial(_collect_anew, Path(folder, "data"), num_episodes, max_steps)
        store = ours()
        scripts = [_script(store, index) for index in range(len(store))]
        peers = _peers(scripts, Path(folder), threads=threads, processes=processes, process=process, cores=cores)
        tidy = functools.partial(_remove_files, Path(folder))  # in a turn of its own, which counts for nobody
        seconds = take_turns({_OURS: ours, **peers, "": tidy}, settings.repeats)
        num_steps = sum(len(actions) for _, actions in scripts)
        stored = sum(episode.num_steps for episode in store.episodes)
        size = f"{num_episodes} episodes of Pong, {num_steps} steps of 4 frames, {stored} of them stored"
        return [
            Comparison(
                what=f"collection, {size}",
                ours=f"{_OURS}, {cores} workers",
                peer=name,
                figure=speed_ratio(seconds, ours=_OURS, peer=name, work=num_steps / peer()),
                bar=peer.bar,
                note=peer.note,
            )
            for name, peer in peers.items()
        ] + [_start(Path(folder), settings.repeats)]


def _peers(
    scripts: Sequence[Script], folder: Path, *, threads: Executor, processes: Executor, process: Executor, cores: int
) -> dict[str, _Peer]:
    """List what collection is compared to; the slow ones play a part of the episodes, which the ratio allows for."""
    # The longest first: a process waits for the last episode of another, which counts among few and not among all.
    few = sorted(scripts[: max(len(scripts) // 8, 1)], key=lambda script: len(script[1]), reverse=True)
    bare = functools.partial(play_bare, _GAME, "palette")
    saved = functools.partial(play_in_gymnasium, _ENV_ID, False, folder)
    compressed = functools.partial(play_in_gymnasium, _ENV_ID, True, folder)
    return {
        f"emulator alone, {cores} processes": _Peer(
            pool=processes,
            play=bare,
            scripts=scripts,
            bar=0.8,
            note="act x 4, getScreen (palette indices, the cheapest) and getRAM; its processes are started before",
        ),
        f"emulator alone with getScreenRGB, {cores} processes": _Peer(
            pool=processes, play=functools.partial(play_bare, _GAME, "rgb"), scripts=few
        ),
        f"emulator alone, {cores} threads": _Peer(
            pool=threads, play=bare, scripts=few, note="act() of ale-py 0.12 holds the interpreter's lock"
        ),
        f"Gymnasium and np.savez, {cores} processes": _Peer(
            pool=processes,
            play=saved,
            scripts=few,
            bar=3.0,
            note="one file per episode, RGB, not forced to the disk, while every file of ours is",
        ),
        f"Gymnasium and np.savez_compressed, {cores} processes": _Peer(pool=processes, play=compressed, scripts=few),
        "Gymnasium and np.savez, one process": _Peer(
            pool=process, play=saved, scripts=few[: cores + 1], note="as most people write it"
        ),
    }


def _collect_anew(path: Path, num_episodes: int, max_steps: int) -> EpisodeStore:
    shutil.rmtree(path, ignore_errors=True)
    return collect(path, _GAME, num_episodes=num_episodes, max_steps_per_episode=max_steps)


def _remove_files(folder: Path) -> None:
    for file in folder.glob("*.npz"):
        file.unlink()


def _script(store: EpisodeStore, index: int) -> Script:
    metadata, episode = store.episodes[index], store.read(index)
    assert isinstance(metadata, EpisodeMetadata), "episodes of a game"
    assert isinstance(episode, Episode), "episodes of a game"
    return metadata.num_noops, [*metadata.lead_in, *episode.actions.tolist()]


def _start(folder: Path, repeats: int) -> Comparison:
    """Time what a collection pays once for each process that it starts, while this one records already."""
    console = ConsoleConfig(game=_GAME)
    session = Session(directory=folder, console=console, players=tuple(graded_players(1)), seed=0, max_steps=1)
    seconds = take_turns({"start": functools.partial(_record_elsewhere, session)}, repeats)["start"]
    return Comparison(
        what="start of a process that records, paid once and contained in the figures of collection",
        ours=_OURS,
        peer="nothing",
        figure=Spread.of(seconds),
        unit="s",
        direction="at most",
    )


def _record_elsewhere(session: Session) -> None:
    with closing(Recorder(session, parcel=pack_session(session))) as recorder:
        recorder.record(0)
