"""First step: record pairs of pixels and RAM."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from rmr_gym.data import DiskWatch, EpisodeStore, TransitionDataset
from rmr_gym.data import collect as collect_episodes
from rmr_gym.data.session import Session
from rmr_gym.envs.console import ConsoleConfig, rom_path
from rmr_gym.envs.games import get_game
from rmr_gym.pipeline.config import GRADED, DataConfig
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.datasets import Split
from rmr_gym.pipeline.players import named_players
from rmr_gym.pipeline.progress import Reporter, spent
from rmr_gym.pipeline.stage import EPISODES, RESULT_FILE, JsonObject, Stage, begun_file, exclusive
from rmr_gym.players import Player


def collect(
    game: str,
    out: str | Path,
    config: DataConfig,
    *,
    seed: int = 0,
    sources: Sequence[str] = (GRADED,),
    num_workers: int | None = None,
    watch: DiskWatch | None = None,
    reporter: Reporter | None = None,
) -> JsonObject:
    """Record the data set of a game.

    Args:
        game: any name of a game.
        out: folder of the episodes.
        config: what is recorded, and how it will be split.
        seed: seed of everything random.
        sources: who plays, see `named_players`.
        num_workers: episodes that are played at once; None takes the number of usable cores.
        watch: stops the collection when the disk fills up.
        reporter: shows progress.

    Returns:
        Counts, duplicate rates and fingerprints of the two splits.

    Raises:
        ValueError: when the folder holds another data set, or as `named_players`.
        DiskLimitError: when `watch` says so.
    """
    reporter = reporter or Reporter()
    players = named_players(sources, game, config)
    inputs = collection_inputs(game, config, seed, sources, players)
    with exclusive(out):
        stage = begin_collection(recording(Path(out), game, config, seed, players), inputs)
        if stage.finished:
            return stage.result
        with reporter.task(f"Playing {inputs['game']}") as progress:
            count = itertools.count(1 + len(EpisodeStore(out)))
            collect_episodes(
                out,
                game,
                num_episodes=config.num_episodes,
                max_steps_per_episode=config.max_steps,
                players=players,
                seed=seed,
                frame_skip=config.frame_skip,
                max_pool=config.max_pool,
                noop_max=config.noop_max,
                num_workers=num_workers,
                on_episode=lambda _: progress(next(count), config.num_episodes),
                before_episode=watch,
            )
        result = stage.finish(describe_collection(Path(out), config))
    frames = sum(split["num_frames"] for split in result["splits"].values())
    reporter.line(f"Collected {config.num_episodes} episodes, {frames:,} frames{spent(result)}")
    return result


def collection_inputs(
    game: str, config: DataConfig, seed: int, sources: Sequence[str], players: Sequence[Player]
) -> JsonObject:
    """Return what decides the data set of a game."""
    # The names of agents say which weights they have; data sets of random players are those of before.
    named = None if tuple(sources) == (GRADED,) else [player.name for player in players]
    return {"game": get_game(game).rom_id, "config": to_json(config), "seed": seed, "players": named}


def recording(folder: Path, game: str, config: DataConfig, seed: int, players: Sequence[Player]) -> Session:
    """Return what decides the episodes of a data set."""
    console = ConsoleConfig(
        game=get_game(game).rom_id,
        frame_skip=config.frame_skip,
        max_pool=config.max_pool,
        noop_max=config.noop_max,
    )
    return Session(directory=folder, console=console, players=tuple(players), seed=seed, max_steps=config.max_steps)


def begin_collection(session: Session, inputs: JsonObject) -> Stage:
    """Open the stage of a data set; a finished one is open again where episodes were deleted, as damaged ones are.

    Raises:
        ValueError: when the folder holds another data set, or episodes that are none of this one; nothing is begun
            then, as it would be the end of those.
        DependencyNotInstalled: when it is not finished and the emulator is missing; likewise.
    """
    folder = session.directory
    if not (folder / RESULT_FILE).exists():
        rom_path(inputs["game"])
        if not begun_file(folder).exists():
            session.missing(inputs["config"]["num_episodes"])
    stage = Stage(folder, inputs, work=(EPISODES,))
    if stage.finished:
        recorded = sum(split["num_episodes"] for split in stage.result["splits"].values())
        if sum(1 for _ in folder.glob(EPISODES)) < recorded:
            stage.reopen()
    return stage


def describe_collection(folder: Path, config: DataConfig) -> JsonObject:
    """Count what the two halves of a complete data set hold."""
    splits = {
        name: TransitionDataset(folder, split=name, validation_fraction=config.validation_fraction)
        for name in get_args(Split)
    }
    num_bytes = sum(file.num_bytes for file in EpisodeStore(folder).files)
    return {"num_bytes": num_bytes, "splits": describe_splits(splits)}


def describe_splits(splits: Mapping[str, TransitionDataset]) -> JsonObject:
    """Count what the halves of a data set hold."""
    return {
        name: {
            "num_episodes": len(dataset.episode_indices),
            "num_frames": dataset.num_frames,
            "num_transitions": len(dataset),
            "duplicate_frames": dataclasses.asdict(dataset.duplicate_frame_fraction()),
            "fingerprint": dataset.fingerprint,
        }
        for name, dataset in splits.items()
    }
