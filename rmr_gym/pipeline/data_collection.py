"""Collecting several games at once: a plan with its size and time, then all of them on all cores."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.text import Text

from rmr_gym.data import DiskWatch, EpisodeMetadata, EpisodeStore, collect_games
from rmr_gym.data.collect_games import rom_ids_of
from rmr_gym.data.cores import usable_cores
from rmr_gym.data.disk_watch import GIGABYTE, episode_sizes, free_bytes
from rmr_gym.pipeline.config import GRADED, DataConfig
from rmr_gym.pipeline.data_estimate import NOTHING, Estimate, estimate
from rmr_gym.pipeline.players import named_players
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stage import EPISODES, JsonObject, Stage, check_stage, exclusive
from rmr_gym.pipeline.stages.collect import begin_collection, collection_inputs, describe_collection, recording
from rmr_gym.pipeline.tables import columns, under


@dataclass(frozen=True, kw_only=True, slots=True)
class DiskLimits:
    """When a collection stops for the sake of the disk; what is finished is kept, and the same call goes on."""

    max_gigabytes: float | None = None
    """Most that the episodes in the output folder may take, in 10^9 bytes; without it there is no limit."""

    min_free_gigabytes: float = 1.0
    """Least that is to stay free on the disk (ours)."""

    def watch(self, folder: Path, num_workers: int | None) -> DiskWatch:
        """Make what looks at the disk before every episode."""
        return DiskWatch(
            folder,
            max_gigabytes=self.max_gigabytes,
            min_free_gigabytes=self.min_free_gigabytes,
            num_workers=num_workers,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedGame:
    """What is there of the data set of a game, and what the rest takes."""

    game: str
    """Rom id."""

    present: int
    """Finished episodes."""

    missing: int
    """Episodes to be played."""

    estimate: Estimate
    """Of the missing ones, at most."""


def plan_games(
    folders: Mapping[str, Path],
    config: DataConfig,
    *,
    seed: int = 0,
    sources: Sequence[str] = (GRADED,),
    reporter: Reporter | None = None,
) -> list[PlannedGame]:
    """Look at what is there, and let players try a moment of each game that is not complete. Writes nothing.

    Args:
        folders: for each rom id the folder of its episodes, which need not exist.
        config: what is to be recorded.
        seed: seed of everything random.
        sources: who plays, see `named_players`.
        reporter: shows progress.

    Raises:
        ValueError: when a folder holds another data set, or as `named_players`.
    """
    plans = []
    with (reporter or Reporter()).task("Estimating size and time") as progress:
        for number, (game, folder) in enumerate(folders.items()):
            players = named_players(sources, game, config)
            session = recording(folder, game, config, seed, players)
            count = config.num_episodes
            if folder.is_dir():
                check_stage(folder, collection_inputs(game, config, seed, sources, players), work=(EPISODES,))
            missing = len(session.missing(count)) if folder.is_dir() else count
            taken = estimate(session.console, session.players, num_episodes=missing, max_steps=config.max_steps)
            plans.append(PlannedGame(game=game, present=count - missing, missing=missing, estimate=taken))
            progress(number + 1, len(folders))
    return plans


def plan_table(
    plans: Sequence[PlannedGame], out: Path, limits: DiskLimits, *, num_workers: int | None = None
) -> RenderableType:
    """Show a plan, what it adds up to, and whether that fits."""
    table = columns("game", "finished", "to play", "MB", "core minutes")
    for plan in plans:
        size, minutes = plan.estimate.num_bytes / 1e6, plan.estimate.core_seconds / 60
        table.add_row(plan.game, str(plan.present), str(plan.missing), f"{size:,.1f}", f"{minutes:,.1f}")
    total = functools.reduce(Estimate.__add__, [plan.estimate for plan in plans], NOTHING)
    workers, free, episodes = num_workers or usable_cores(), free_bytes(out), sum(plan.missing for plan in plans)
    at_once = max(1, min(workers, usable_cores(), episodes))  # more of them share the cores
    sentence = (
        f"At most about {_size(total.num_bytes)} and {_duration(total.core_seconds / at_once)} for "
        f"{episodes:,} episodes, {workers} at once; {_size(free)} are free."
    )
    parts: list[RenderableType] = [under("Plan (estimated from a moment of play)", table), "", Text(sentence)]
    room = [free - limits.min_free_gigabytes * GIGABYTE]
    if limits.max_gigabytes is not None:
        room.append(limits.max_gigabytes * GIGABYTE - sum(episode_sizes(out)))
    if total.num_bytes > min(room):
        text = f"Warning: there is room for {_size(max(min(room), 0))}, so that the collection may stop before its end."
        parts.append(Text(text, style="yellow"))
    return Group(*parts)


def collect_several(
    games: Sequence[str],
    out: Path,
    config: DataConfig,
    *,
    seed: int = 0,
    sources: Sequence[str] = (GRADED,),
    limits: DiskLimits | None = None,
    num_workers: int | None = None,
    reporter: Reporter | None = None,
) -> dict[str, JsonObject]:
    """Record the data sets of several games into `out/<rom id>`, each as `rmr_gym.pipeline.stages.collect` does.

    Args:
        games: names of games, or "all".
        out: folder of the folders.
        config: what is recorded of each, and how it will be split.
        seed: seed of everything random.
        sources: who plays, see `named_players`.
        limits: when to stop for the sake of the disk.
        num_workers: episodes that are played at once; None takes the number of usable cores.
        reporter: shows progress.

    Returns:
        For each rom id what `collect` returns.

    Raises:
        ValueError: when a folder holds another data set, or as `named_players`.
        DiskLimitError: when a limit is reached. What is finished is kept.
        OSError: when the disk is full all the same; likewise.
    """
    reporter = reporter or Reporter()
    watch = (limits or DiskLimits()).watch(out, num_workers)
    players = {game: named_players(sources, game, config) for game in rom_ids_of(games)}
    inputs = {game: collection_inputs(game, config, seed, sources, group) for game, group in players.items()}
    with ExitStack() as stack:
        for game in players:
            stack.enter_context(exclusive(out / game))
        sessions = {game: recording(out / game, game, config, seed, group) for game, group in players.items()}
        stages = {game: begin_collection(sessions[game], inputs[game]) for game in players}
        open_games = [game for game, stage in stages.items() if not stage.finished]
        total = config.num_episodes * len(players)
        present = sum(len(EpisodeStore(out / game)) for game in players)
        progress = stack.enter_context(reporter.task(f"Playing {len(open_games)} games"))
        count = itertools.count(present + 1)
        started: dict[str, Stage] = {}

        def on_episode(metadata: EpisodeMetadata) -> None:
            game = metadata.console.game
            if game not in started:  # so that the time is that of this game, about
                started[game] = Stage(out / game, inputs[game], work=(EPISODES,))
                started[game].resumed = stages[game].resumed  # not by this call, which has begun it above
            progress(next(count), total)

        def on_game(store: EpisodeStore) -> None:
            game = store.path.name
            started.get(game, stages[game]).finish(describe_collection(store.path, config))
            frames, size = sum(file.num_rows for file in store.files), sum(file.num_bytes for file in store.files)
            reporter.line(f"{game}: {len(store)} episodes, {frames:,} frames, {size / 1e6:,.1f} MB")

        if open_games:
            collect_games(
                out,
                open_games,
                num_episodes=config.num_episodes,
                max_steps_per_episode=config.max_steps,
                players=players.__getitem__,
                seed=seed,
                frame_skip=config.frame_skip,
                max_pool=config.max_pool,
                noop_max=config.noop_max,
                num_workers=num_workers,
                on_episode=on_episode,
                before_episode=watch,
                on_game=on_game,
            )
        return {game: stage.result for game, stage in stages.items()}


def _size(num_bytes: float | int) -> str:
    return f"{num_bytes / GIGABYTE:,.2f} GB" if num_bytes >= GIGABYTE / 10 else f"{num_bytes / 1e6:,.1f} MB"


def _duration(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} hours" if seconds >= 5400 else f"{seconds / 60:,.1f} minutes"
