"""First step where the pairs are there already: count what the data sets hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from rmr_gym.data import EpisodeStore, TransitionDataset
from rmr_gym.envs.games import get_game
from rmr_gym.errors import explain
from rmr_gym.pipeline.datasets import Split, game_of, open_dataset
from rmr_gym.pipeline.progress import Reporter, spent
from rmr_gym.pipeline.stage import JsonObject, Stage, exclusive
from rmr_gym.pipeline.stages.collect import describe_splits


def open_recorded(data: Sequence[str | Path], game: str) -> dict[str, TransitionDataset]:
    """Open both halves of recorded data sets.

    Args:
        data: folders of episodes, which open as one.
        game: any name of the game that they are to be of.

    Raises:
        ValueError: when they are of another game or do not go together.
    """
    splits = {name: open_dataset(data, name) for name in get_args(Split)}
    recorded, wanted = game_of(splits["train"]), get_game(game).rom_id
    if recorded != wanted:
        got, fix = f"{', '.join(map(str, data))} of {recorded}", f"Say {recorded}, or pass other folders."
        raise ValueError(explain(expected=f"data sets of {wanted}", got=got, fix=fix))
    return splits


def survey(data: Sequence[str | Path], out: str | Path, game: str, *, reporter: Reporter | None = None) -> JsonObject:
    """Count what recorded data sets hold, in the place of `collect`.

    Args:
        data: folders of episodes, which open as one.
        out: folder of the record, which is no data set.
        game: any name of the game that they are to be of.
        reporter: shows progress.

    Returns:
        What `collect` returns.

    Raises:
        ValueError: as `open_recorded`, or when others were counted here before.
    """
    reporter = reporter or Reporter()
    splits = open_recorded(data, game)
    inputs = {"recorded": {name: dataset.fingerprint for name, dataset in splits.items()}}
    with exclusive(out):
        stage = Stage(out, inputs)
        if stage.finished:
            return stage.result
        with reporter.task("Counting what was recorded"):
            num_bytes = sum(file.num_bytes for folder in data for file in EpisodeStore(Path(folder)).files)
            result = stage.finish({"num_bytes": num_bytes, "splits": describe_splits(splits)})
    episodes, frames = (
        sum(split[name] for split in result["splits"].values()) for name in ("num_episodes", "num_frames")
    )
    reporter.line(f"Took {episodes} recorded episodes, {frames:,} frames{spent(result)}")
    return result
