"""The steps of the chain on bouncing balls: one function per folder."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import shutil
from pathlib import Path
from typing import get_args

from rmr_gym.data import EpisodeStore, TransitionDataset, collect_balls
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.mujoco_loading import load_mujoco
from rmr_gym.evaluation import trajectories, videos
from rmr_gym.evaluation.symmetries import averaged_over_symmetries
from rmr_gym.models import fingerprint, load_processor, save_trajectory_model
from rmr_gym.models.checkpoint import save_video_model
from rmr_gym.pipeline.balls.config import HISTORY, BallsDataConfig, BallsScoringConfig
from rmr_gym.pipeline.config_json import to_json, to_key_json
from rmr_gym.pipeline.datasets import Split
from rmr_gym.pipeline.progress import Reporter, spent
from rmr_gym.pipeline.stage import EPISODES, LOG_FILE, RESULT_FILE, STATE_FOLDER, JsonObject, Stage, exclusive
from rmr_gym.seeding import derive
from rmr_gym.training import (
    BALL_ARMS,
    JsonlSink,
    TrajectoryConfig,
    VideoConfig,
    read_records,
    train_trajectory_model,
    train_video_model,
)


def require_simulator(folder: Path) -> None:
    """Refuse to begin a run where nothing can be recorded, or its settings would be pinned to a folder with nothing.

    Raises:
        DependencyNotInstalled: when there are no videos yet and MuJoCo is missing.
    """
    if not (folder / "videos" / RESULT_FILE).exists():
        load_mujoco()


def record(
    out: Path, world: BallsConfig, config: BallsDataConfig, *, pixels: bool, seed: int, reporter: Reporter
) -> JsonObject:
    """Record trajectories, with pictures or without; the two kinds have different seeds.

    Returns:
        Counts and fingerprints of the two splits.
    """
    kind, count = ("videos", config.num_videos) if pixels else ("trajectories", config.num_trajectories)
    inputs = {"world": _inputs(world, pixels=pixels), "kind": kind, "config": to_json(config), "seed": seed}
    with exclusive(out):
        stage = Stage(out, inputs, work=(EPISODES,))
        if stage.finished:
            return stage.result
        written = itertools.count(1 + len(EpisodeStore(out)))
        with reporter.task(f"Recording {kind}") as progress:
            collect_balls(
                out,
                world,
                num_episodes=count,
                num_steps=config.num_steps,
                pixels=pixels,
                seed=derive(seed, kind),
                on_episode=lambda _: progress(next(written), count),
            )
        result = stage.finish(_describe(out, config))
    reporter.line(f"Recorded {count} {kind} of {config.num_steps + 1} frames{spent(result)}")
    return result


def pretrain(
    data: Path,
    out: Path,
    config: TrajectoryConfig,
    recorded: BallsDataConfig,
    scoring: BallsScoringConfig,
    *,
    seed: int,
    device: str,
    reporter: Reporter,
) -> JsonObject:
    """Pre-train a processor on trajectories and score it on held-out ones, beside predictors without a model.

    Returns:
        Scores by predictor, the last record of training, and the processor's fingerprint.
    """
    dataset, held_out = (open_balls(data, split, recorded) for split in ("train", "validation"))
    long = open_balls(data, "validation", recorded, history=HISTORY + scoring.horizon - 1)
    inputs = {
        "data": [dataset.fingerprint, held_out.fingerprint],
        "config": to_key_json(config),
        "scoring": to_key_json(scoring),
        "seed": seed,
    }
    with exclusive(out) as folder:
        stage = Stage(folder, inputs)
        if stage.finished:
            return stage.result
        with reporter.task("Pre-training the processor on positions") as progress:
            model = train_trajectory_model(
                dataset,
                config,
                held_out=held_out,
                seed=seed,
                device=device,
                sink=JsonlSink(folder / LOG_FILE),
                on_step=progress,
                state_folder=folder / STATE_FOLDER,
                keep_state=True,  # until it is scored
            )
        world = dataset.balls
        save_trajectory_model(model, folder, num_balls=world.num_balls, world="bouncing_balls", seed=seed)
        windows = trajectories.draw_windows(long, scoring.num_windows, seed=seed)
        predictors = trajectories.baselines() | {
            "processor": functools.partial(trajectories.predict_positions, model, box_size=world.box_size)
        }
        if scoring.symmetric:
            predictors["symmetric_processor"] = averaged_over_symmetries(predictors["processor"], world)
        scores = {
            name: dataclasses.asdict(trajectories.score_trajectories(step, windows, world, history=HISTORY))
            for name, step in predictors.items()
        }
        last = read_records(folder / LOG_FILE)[-1]
        result = stage.finish({"scores": scores, "last_record": last, "fingerprint": fingerprint(model.processor)})
        shutil.rmtree(folder / STATE_FOLDER, ignore_errors=True)
    errors = {name: score["one_step"]["network"]["overall"] for name, score in result["scores"].items()}
    shown = f"MSE {errors['processor']:.2e}, constant velocity {errors['constant_velocity']:.2e}"
    reporter.line(f"Pre-trained the processor: {shown}{spent(result)}")
    return result


def train(
    data: Path,
    processor: Path,
    out: Path,
    arm: str,
    config: VideoConfig,
    recorded: BallsDataConfig,
    scoring: BallsScoringConfig,
    *,
    seed: int,
    device: str,
    reporter: Reporter,
) -> JsonObject:
    """Train the model of one arm on videos and score it on held-out ones.

    Returns:
        The scores, the last record of training, and fingerprints.
    """
    dataset, held_out = (open_balls(data, split, recorded) for split in ("train", "validation"))
    pretrained = load_processor(processor)
    inputs = {
        "data": [dataset.fingerprint, held_out.fingerprint],
        "processor": fingerprint(pretrained),
        "arm": arm,
        "config": to_key_json(config),
        "scoring": to_json(scoring),
        "seed": seed,
    }
    with exclusive(out) as folder:
        stage = Stage(folder, inputs)
        if stage.finished:
            return stage.result
        with reporter.task(f"Training {arm}, seed {seed}") as progress:
            model = train_video_model(
                arm,
                dataset,
                config,
                pretrained,
                held_out=held_out,
                seed=seed,
                device=device,
                sink=JsonlSink(folder / LOG_FILE),
                on_step=progress,
                state_folder=folder / STATE_FOLDER,
                keep_state=True,  # until it is scored
            )
        after = fingerprint(model.processor)
        if BALL_ARMS[arm].processor == "pretrained" and BALL_ARMS[arm].frozen:
            assert after == inputs["processor"], "training has changed a frozen processor"
        save_video_model(model, folder, world="bouncing_balls", arm=arm, seed=seed)
        indices = videos.draw_indices(held_out.num_windows, scoring.num_pictures, seed=0)
        result = stage.finish(
            {
                "scores": dataclasses.asdict(videos.score_video_model(model, held_out, indices, seed=seed)),
                "last_record": read_records(folder / LOG_FILE)[-1],
                "processor_fingerprint": after,
            }
        )
        shutil.rmtree(folder / STATE_FOLDER, ignore_errors=True)
    pictures = result["scores"]["pictures"]
    foreground = pictures["foreground_mse"]
    shown = f"MSE {pictures['mse']:.2e}, foreground {'-' if foreground is None else f'{foreground:.3f}'}"
    reporter.line(f"Trained {arm}, seed {seed}: {shown}{spent(result)}")
    return result


def open_balls(data: Path, split: Split, config: BallsDataConfig, *, history: int = HISTORY) -> TransitionDataset:
    """Open one half of a recorded set, in colour."""
    return TransitionDataset(
        data, split=split, validation_fraction=config.validation_fraction, gray=False, history=history
    )


def _inputs(world: BallsConfig, *, pixels: bool) -> JsonObject:
    """Return the parameters on which a recording depends, without those that change nothing.

    A painter that draws no picture is left out.
    """
    document: JsonObject = to_key_json(world)
    if not pixels:
        document.pop("painter", None)
    return document


def _describe(out: Path, config: BallsDataConfig) -> JsonObject:
    splits = {}
    for split in get_args(Split):
        dataset = open_balls(out, split, config)
        splits[split] = {"num_windows": dataset.num_windows, "fingerprint": dataset.fingerprint}
    return {"splits": splits, "num_bytes": sum(file.num_bytes for file in EpisodeStore(out).files)}
