"""The whole chain on bouncing balls in one folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rmr_gym.atomic import write_atomically
from rmr_gym.documents import write_json
from rmr_gym.evaluation import videos
from rmr_gym.evaluation.statistics import compare_paired
from rmr_gym.models.checkpoint import load_video_model
from rmr_gym.pipeline.balls import figures, stages
from rmr_gym.pipeline.balls.config import HISTORY, BallsRunConfig
from rmr_gym.pipeline.balls.tables import as_text
from rmr_gym.pipeline.circumstances import earlier, session
from rmr_gym.pipeline.config_json import read_json, to_json
from rmr_gym.pipeline.machine import check_device
from rmr_gym.pipeline.pinning import pin
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stage import LOG_FILE, JsonObject, Stopwatch, exclusive
from rmr_gym.pipeline.stage import RESULT_FILE as STAGE_RESULT_FILE
from rmr_gym.training import read_records

FORMAT = "rmr-balls-result/1"
"""Version of the layout of result.json."""

RESULT_FILE, PRETRAINED_FILE, TABLE_FILE = "result.json", "pretrained.json", "table.txt"
CURVES_FILE, ROLLOUT_FILE, ANIMATION_FILE = "curves.png", "rollout.png", "rollout.gif"

REFERENCE_ARM = "end_to_end"
"""Arm that every other one is compared with (paper, section 4)."""

_MAY_GROW = ("arms", "num_seeds")

_OF_PICTURES = (*_MAY_GROW, "natural")
"""What the abstract stage has nothing to do with."""

_OF_ERRORS = {"better": "worse", "worse": "better"}
"""What a verdict on scores, of which the higher one is the better, means for errors."""


def run_balls(
    config: BallsRunConfig,
    out: str | Path,
    *,
    device: str = "cpu",
    command_line: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> JsonObject:
    """Record, pre-train on positions, train all arms on pictures, compare them, draw.

    Every stage keeps its own record, so a call that was killed is continued by the same call, and more seeds or arms
    can be added by a later one.

    Source: paper, section 4.

    Args:
        config: what decides the numbers.
        out: folder of everything that is written.
        device: where the networks run.
        command_line: kept in the result, as machine and versions are, unless everything was finished before.
        reporter: shows progress.

    Returns:
        The content of result.json.

    Raises:
        ValueError: when the folder holds a run of another config or is in use, or the device is absent.
        DependencyNotInstalled: when there are no data yet and MuJoCo is missing.
    """
    reporter = reporter or Reporter()
    check_device(device)
    with exclusive(out) as folder:
        stages.require_simulator(folder)
        _pin(config, folder, reporter)
        before, stopwatch = earlier(folder / RESULT_FILE, _records(config, folder)), Stopwatch()
        recorded, pretrained = prepare(config, folder, device=device, reporter=reporter)
        trained = _train_all(config, folder, device, reporter)
        now = session(stopwatch, device=device, command_line=command_line, before=before)
        result = {
            "format": FORMAT,
            "config": to_json(config),
            "data": recorded,
            "abstract": {key: pretrained[key] for key in ("scores", "last_record")},
            "natural": _natural(config, folder, trained),
            "comparisons": compare(config, trained),
            **now,
            "timing": {
                "pretrain": pretrained["timing"],
                "train": {arm: [record["timing"] for record in by_seed.values()] for arm, by_seed in trained.items()},
                **now["timing"],
            },
        }
        draw(config, folder)
        write_json(folder / RESULT_FILE, result)
        result = dict(read_json(folder / RESULT_FILE))
        write_atomically(folder / TABLE_FILE, as_text(result).encode())
        return result


def pretrain_balls(
    config: BallsRunConfig,
    out: str | Path,
    *,
    device: str = "cpu",
    command_line: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> JsonObject:
    """Record trajectories and pre-train the processor on them: the abstract stage of `run_balls`, which goes on there.

    Arguments and errors as of `run_balls`; what the config says of pictures may be another in the later call.

    Source: paper, section 4 and appendix A (abstract pipeline).

    Returns:
        The content of pretrained.json.
    """
    reporter = reporter or Reporter()
    check_device(device)
    with exclusive(out) as folder:
        stages.require_simulator(folder)
        _pin(config, folder, reporter)
        record = folder / "processor" / STAGE_RESULT_FILE
        before, stopwatch = earlier(folder / PRETRAINED_FILE, [record]), Stopwatch()
        recorded, pretrained = prepare(config, folder, device=device, reporter=reporter, pictures=False)
        now = session(stopwatch, device=device, command_line=command_line, before=before)
        result = {
            "format": FORMAT,
            "config": {name: part for name, part in to_json(config).items() if name not in _OF_PICTURES},
            "data": recorded,
            "abstract": {key: pretrained[key] for key in ("scores", "last_record")},
            **now,
            "timing": {"pretrain": pretrained["timing"], **now["timing"]},
        }
        write_json(folder / PRETRAINED_FILE, result)
        return dict(read_json(folder / PRETRAINED_FILE))


Records = dict[str, dict[int, JsonObject]]
"""Records of the natural stage by arm and seed."""


def prepare(
    config: BallsRunConfig, folder: Path, *, device: str, reporter: Reporter, pictures: bool = True
) -> tuple[JsonObject, JsonObject]:
    """Record both sets, or trajectories alone, and pre-train the processor.

    Returns:
        What was recorded, by kind, and the record of the abstract stage.
    """
    kinds = {"videos": True, "trajectories": False}  # a machine that cannot draw is to say so at once
    recorded = {
        kind: stages.record(
            folder / kind, config.world, config.data, pixels=pixels, seed=config.seed, reporter=reporter
        )
        for kind, pixels in kinds.items()
        if pictures or not pixels
    }
    pretrained = stages.pretrain(
        folder / "trajectories",
        folder / "processor",
        config.abstract,
        config.data,
        config.scoring,
        seed=config.seed,
        device=device,
        reporter=reporter,
    )
    return {kind: {key: found[key] for key in ("splits", "num_bytes")} for kind, found in recorded.items()}, pretrained


def _pin(config: BallsRunConfig, folder: Path, reporter: Reporter) -> None:
    """Compare the settings with those of the run in the folder, if there is one."""
    begun = any(folder.glob("models/*/*"))
    if pin(config, folder, may_change=_MAY_GROW if begun else _OF_PICTURES):
        reporter.line(f"Continuing the run in {folder}")


def model_folder(out: Path, arm: str, seed: int) -> Path:
    """Return the folder of a model in the folder of a run."""
    return out / "models" / arm / f"seed-{seed}"


def _records(config: BallsRunConfig, folder: Path) -> list[Path]:
    """List what all stages together leave when they are finished."""
    models = [model_folder(folder, arm, seed) for arm in config.arms for seed in config.seeds]
    return [part / RESULT_FILE for part in (folder / "videos", folder / "trajectories", folder / "processor", *models)]


def compare(config: BallsRunConfig, trained: Records) -> list[JsonObject]:
    """Compare every arm with the end-to-end one, paired over the seeds, on both errors of the pictures.

    Returns:
        One object per comparison: `error`, `arm`, `reference`, and the fields of `PairedComparison`, whose differences
        are those of the errors: negative is better, and so says the verdict.
    """
    if REFERENCE_ARM not in trained:
        return []
    found = []
    for error in ("mse", "foreground_mse"):
        by_arm = {
            arm: [by_seed[seed]["scores"]["pictures"][error] for seed in config.seeds]
            for arm, by_seed in trained.items()
        }
        if any(value is None for values in by_arm.values() for value in values):
            continue  # balls in the colour of the background have no foreground
        for arm in config.arms:
            if arm != REFERENCE_ARM:
                comparison = dataclasses.asdict(compare_paired(by_arm[arm], by_arm[REFERENCE_ARM]))
                verdict = _OF_ERRORS.get(comparison["verdict"], comparison["verdict"])
                names = {"error": error, "arm": arm, "reference": REFERENCE_ARM}
                found.append(names | comparison | {"verdict": verdict})
    return found


def draw(config: BallsRunConfig, folder: Path) -> None:
    """Draw the curves of all models, and a rollout of the first arm."""
    logs = {
        arm: [read_records(model_folder(folder, arm, seed) / LOG_FILE) for seed in config.seeds] for arm in config.arms
    }
    figures.draw_curves(folder / CURVES_FILE, read_records(folder / "processor" / LOG_FILE), logs)
    arm, seed = config.arms[0], config.seeds[0]
    model = load_video_model(model_folder(folder, arm, seed))
    horizon = config.scoring.horizon
    held_out = stages.open_balls(folder / "videos", "validation", config.data, history=HISTORY + horizon - 1)
    rows = held_out.windows([0])
    assert rows.pixels is not None
    assert rows.next_pixels is not None
    given, true = rows.pixels[:, :HISTORY], rows.pixels[0, HISTORY:]
    predicted, masks = videos.roll_pictures(model, given, horizon, seed=seed)
    shown = figures.Rollout(
        given=given[0],
        true=[*true, rows.next_pixels[0]],
        predicted=predicted[0],
        masks=masks[0],
        title=f"{arm}, seed {seed}",
    )
    figures.draw_rollout(folder / ROLLOUT_FILE, shown)
    figures.animate_rollout(folder / ANIMATION_FILE, shown)


def _train_all(config: BallsRunConfig, folder: Path, device: str, reporter: Reporter) -> Records:
    """Train all arms seed by seed, so that an interrupted run has whole pairs."""
    trained: Records = {arm: {} for arm in config.arms}
    for seed in config.seeds:
        for arm in config.arms:
            trained[arm][seed] = stages.train(
                folder / "videos",
                folder / "processor",
                model_folder(folder, arm, seed),
                arm,
                config.natural,
                config.data,
                config.scoring,
                seed=seed,
                device=device,
                reporter=reporter,
            )
    return trained


def _natural(config: BallsRunConfig, folder: Path, trained: Records) -> JsonObject:
    held_out = stages.open_balls(folder / "videos", "validation", config.data)
    indices = videos.draw_indices(held_out.num_windows, config.scoring.num_pictures, seed=0)
    baselines = videos.score_video_baselines(held_out, indices)
    return {
        "num_windows": len(indices),
        "baselines": {name: dataclasses.asdict(scores) for name, scores in baselines.items()},
        "arms": {
            arm: {str(seed): record["scores"] | {"training": record["last_record"]} for seed, record in by_seed.items()}
            for arm, by_seed in trained.items()
        },
    }
