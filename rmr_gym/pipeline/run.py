"""The whole chain in one folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rmr_gym.atomic import write_atomically
from rmr_gym.data.split import num_held_out
from rmr_gym.documents import write_json
from rmr_gym.envs.console import rom_path
from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics import target_bits
from rmr_gym.pipeline import figures, stages, summary
from rmr_gym.pipeline.circumstances import circumstances, earlier
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.config_json import read_json, to_json
from rmr_gym.pipeline.datasets import DataPath, open_dataset
from rmr_gym.pipeline.machine import check_device
from rmr_gym.pipeline.pinning import pin
from rmr_gym.pipeline.players import named_players
from rmr_gym.pipeline.probed import PROBE_FILE
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stage import LOG_FILE, JsonObject, Stopwatch, exclusive, has_work
from rmr_gym.pipeline.tables import as_text
from rmr_gym.training import ARMS, Member, read_records
from rmr_gym.training.encoders import ENSEMBLE_FOLDER

FORMAT = "rmr-result/1"
"""Version of the layout of result.json."""

RESULT_FILE, TABLE_FILE = "result.json", "table.txt"
CURVES_FILE, BITS_FILE = "curves.png", "bits.png"

_MAY_GROW = ("arms", "num_seeds")
"""Fields that a later call may change: they add encoders and change none."""

_AFTER_DATA = ("abstract", "natural", "probe")
"""Parts of the config of which nothing comes before the processor is trained."""


def run(
    config: RunConfig,
    out: str | Path,
    *,
    device: str = "cpu",
    together: bool | None = None,
    command_line: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> JsonObject:
    """Collect, or take what was recorded; pre-train, train and probe all arms, compare them, draw.

    Every stage keeps its own record, so a call that was killed is continued by the same call, and more seeds or arms
    can be added by a later one.

    Args:
        config: what decides the numbers.
        out: folder of everything that is written.
        device: where the networks run.
        together: whether the encoders are trained as one ensemble, which moves nothing but rounding; None trains them
            so on a GPU, where it is many times faster.
        command_line: kept in the result, as machine and versions are, unless everything was finished before.
        reporter: shows progress.

    Returns:
        The content of result.json.

    Raises:
        ValueError: when the folder holds something else or a run of another config, or is in use, the device is absent,
            or processor and encoder have slots of different widths.
        DependencyNotInstalled: when there are no data yet and the emulator is missing.
    """
    reporter = reporter or Reporter()
    check_device(device)
    _require_one_width(config)
    _require_batches(config)
    with exclusive(out) as folder:
        if not config.recorded and not (folder / "data" / RESULT_FILE).exists():
            # Before anything is written, or a config would be left behind that belongs to nothing.
            rom_path(config.game)
            named_players(config.players, config.game, config.data)
        # What was refused once the data were there, as an entropy that no byte has, does not bind the next call.
        begun = has_work(folder / "processor")
        if pin(config, folder, may_change=_MAY_GROW if begun else (*_MAY_GROW, *_AFTER_DATA)):
            reporter.line(f"Continuing the run in {folder}")
        before, stopwatch = earlier(folder / RESULT_FILE, _records(config, folder)), Stopwatch()
        collected = _collect(config, folder, reporter)
        pretrained = stages.pretrain(
            _data(config, folder),
            folder / "processor",
            config.abstract,
            entropy_threshold=config.probe.entropy_threshold,
            seed=config.seed,
            device=device,
            reporter=reporter,
        )
        if device.startswith("cuda") if together is None else together:
            _train_together(config, folder, device, reporter)
        trained, probed = _encoders(config, folder, device, reporter)
        # Left by an ensemble that was interrupted and gone on with one by one.
        shutil.rmtree(folder / "encoders" / ENSEMBLE_FOLDER, ignore_errors=True)
        parts = {"collect": [collected], "pretrain": [pretrained], "train": _all(trained), "probe": _all(probed)}
        result = _summarise(config, collected, pretrained, trained, probed) | circumstances(
            parts, stopwatch, device=device, command_line=command_line, before=before
        )
        _draw(config, folder, pretrained, probed)
        write_json(folder / RESULT_FILE, result)
        result = dict(read_json(folder / RESULT_FILE))
        write_atomically(folder / TABLE_FILE, as_text(result).encode())
        return result


def _require_one_width(config: RunConfig) -> None:
    """Refuse slots of two widths before anything is collected: a run that has begun keeps its settings."""
    processor, encoder = config.abstract.processor.slot_dim, config.natural.encoder.slot_dim
    if processor != encoder:
        got = f"abstract.processor.slot_dim {processor} and natural.encoder.slot_dim {encoder}"
        raise ValueError(explain(expected="slots of one width", got=got, fix="Set both to the same number."))


def _require_batches(config: RunConfig) -> None:
    """Refuse batches larger than all that can be, or was, recorded for training; games that end early leave less."""
    if config.recorded:
        most = len(stages.open_recorded(config.recorded, config.game)["train"])
    else:
        data = config.data
        most = (data.num_episodes - num_held_out(data.num_episodes, data.validation_fraction)) * data.max_steps
    loops = {"abstract.loop": config.abstract.loop}
    for arm in config.arms:
        if ARMS[arm].learns_from != "nothing":
            name = "natural.supervised" if ARMS[arm].learns_from == "ram" else "natural.loop"
            loops[name] = config.natural.loop_of(arm)
    for name, loop in loops.items():
        if most < loop.batch_size:
            expected = f"{name}.batch_size of at most the {most} transitions that are there for training"
            raise ValueError(explain(expected=expected, got=loop.batch_size, fix="Lower it, or record more."))


def _data(config: RunConfig, folder: Path) -> DataPath:
    """Return where the pairs of a run are."""
    return config.recorded or folder / "data"


def _collect(config: RunConfig, folder: Path, reporter: Reporter) -> JsonObject:
    """Record pairs, or count those that were recorded."""
    out = folder / "data"
    if config.recorded:
        return stages.survey(config.recorded, out, config.game, reporter=reporter)
    return stages.collect(config.game, out, config.data, seed=config.seed, sources=config.players, reporter=reporter)


Records = dict[str, dict[int, JsonObject]]
"""Records of a stage by arm and seed."""


def encoder_folder(out: Path, arm: str, seed: int) -> Path:
    """Return the folder of an encoder in the folder of a run."""
    return out / "encoders" / arm / f"seed-{seed}"


def _records(config: RunConfig, folder: Path) -> list[Path]:
    """List what all stages together leave when they are finished."""
    encoders = [encoder_folder(folder, arm, seed) for arm in config.arms for seed in config.seeds]
    first = [folder / stage / RESULT_FILE for stage in ("data", "processor")]
    return first + [encoder / name for encoder in encoders for name in (RESULT_FILE, PROBE_FILE)]


def _all(records: Records) -> list[JsonObject]:
    return [record for by_seed in records.values() for record in by_seed.values()]


def _train_together(config: RunConfig, folder: Path, device: str, reporter: Reporter) -> None:
    """Train what is not trained yet as one ensemble; the stages of the encoders are finished then."""
    members = [Member(arm, seed) for seed in config.seeds for arm in config.arms]
    stages.train_together(
        _data(config, folder),
        folder / "processor",
        {member: encoder_folder(folder, member.arm, member.seed) for member in members},
        config.natural,
        state_folder=folder / "encoders",
        device=device,
        reporter=reporter,
    )


def _encoders(config: RunConfig, folder: Path, device: str, reporter: Reporter) -> tuple[Records, Records]:
    """Train and probe all arms seed by seed, so that an interrupted run has whole pairs."""
    trained: Records = {arm: {} for arm in config.arms}
    probed: Records = {arm: {} for arm in config.arms}
    for seed in config.seeds:
        for arm in config.arms:
            out = encoder_folder(folder, arm, seed)
            trained[arm][seed] = stages.train(
                _data(config, folder),
                folder / "processor",
                out,
                arm,
                config.natural,
                seed=seed,
                device=device,
                reporter=reporter,
            )
            probed[arm][seed] = stages.probe(
                _data(config, folder), out, None, config.probe, seed=config.seed, device=device, reporter=reporter
            )
    return trained, probed


def _summarise(
    config: RunConfig, collected: JsonObject, pretrained: JsonObject, trained: Records, probed: Records
) -> JsonObject:
    comparisons = summary.compare_arms(probed, config)
    some_probe = probed[config.arms[0]][config.seeds[0]]
    shared = ("majority", "num_train_frames", "num_validation_frames", "share_of_validation_seen_in_training")
    arms = {
        arm: {
            str(seed): {
                "readouts": record["readouts"],
                "collapse": record["collapse"],
                "training": trained[arm][seed]["last_record"],
            }
            for seed, record in by_seed.items()
        }
        for arm, by_seed in probed.items()
    }
    return {
        "format": FORMAT,
        "config": to_json(config),
        "data": {key: collected[key] for key in ("num_bytes", "splits")},
        "abstract": {key: pretrained[key] for key in ("kept_slots", "num_transitions", "copy", "processor")},
        "natural": {key: some_probe[key] for key in shared} | {"arms": arms},
        "comparisons": comparisons,
        "normalised": summary.normalise(probed, config),
        "findings": summary.findings(comparisons),
        "warnings": summary.warnings(config, comparisons, probed),
    }


def _draw(config: RunConfig, folder: Path, pretrained: JsonObject, probed: Records) -> None:
    figures.draw_curves(
        folder / CURVES_FILE,
        read_records(folder / "processor" / LOG_FILE),
        {
            arm: [read_records(encoder_folder(folder, arm, seed) / LOG_FILE) for seed in config.seeds]
            for arm in config.arms
        },
    )
    arm, seed = config.arms[0], config.seeds[0]
    examples: Mapping[str, Any] = probed[arm][seed]["examples"]
    held_out = open_dataset(_data(config, folder), "validation", gray=False)
    frames = held_out.frames(np.array(examples["frames"]))
    assert frames.pixels is not None
    kept = np.array(pretrained["kept_slots"])
    predicted = np.array(examples["ram"], np.uint8)
    figures.draw_bits(
        folder / BITS_FILE,
        np.moveaxis(frames.pixels, 1, -1),
        target_bits(frames.ram, kept).reshape(len(predicted), -1, 8),
        np.unpackbits(predicted[..., None], axis=-1),
        kept.tolist(),
        title=f"{config.game}: RAM that a linear probe ({examples['readout']}) reads off {arm}, seed {seed}",
    )
