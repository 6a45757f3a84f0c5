"""The bottleneck: what it costs to squeeze the balls through narrow latents."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from rmr_gym.documents import write_json
from rmr_gym.errors import explain
from rmr_gym.models.processors import InteractionNetworkConfig, MpnnConfig
from rmr_gym.pipeline.balls import figures, stages
from rmr_gym.pipeline.balls.config import HISTORY, BallsRunConfig
from rmr_gym.pipeline.circumstances import earlier, session
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.machine import check_device
from rmr_gym.pipeline.pinning import pin
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stage import LOG_FILE, JsonObject, Stopwatch, exclusive
from rmr_gym.pipeline.stage import RESULT_FILE as STAGE_FILE
from rmr_gym.training import read_records

FORMAT = "rmr-balls-bottleneck/1"
"""Version of the layout of bottleneck.json."""

RESULT_FILE, CURVES_FILE = "bottleneck.json", "bottleneck.png"

DEFAULT_WIDTHS = (2, 4, 8, 16, 32, 64, 128)
"""Numbers per ball (paper, appendix C; 128 is the usual one, appendix A)."""

INTERACTION_NETWORK = "interaction_network"
"""Name of the variant whose latents are windows of positions, and whose result is positions."""

_ARM = "rmr"


def run_bottleneck(
    config: BallsRunConfig,
    out: str | Path,
    *,
    widths: Sequence[int] = DEFAULT_WIDTHS,
    interaction_network: bool = True,
    device: str = "cpu",
    command_line: Sequence[str] = (),
    reporter: Reporter | None = None,
) -> JsonObject:
    """Pre-train and train the paper's arm with latents of several widths, all else equal.

    The hidden layers of the message function are as wide as the slots, so that they become narrow with them.

    Source: paper, appendix C.

    Args:
        config: everything but the width; its arms are not looked at, its seeds are.
        out: folder of everything that is written.
        widths: numbers per ball in the latent space.
        interaction_network: whether to add the Interaction Network, whose input is a window of positions and whose
            output is a position, so that the latents are 6 and 2 numbers.
        device: where the networks run.
        command_line: kept in the result, as machine and versions are, unless everything was finished before.
        reporter: shows progress.

    Returns:
        The content of bottleneck.json.

    Raises:
        ValueError: when a width is below 1 or stands twice, the settings are not for an MPNN, or the folder holds a run
            of another config.
        DependencyNotInstalled: when there are no data yet and MuJoCo is missing.
    """
    reporter = reporter or Reporter()
    check_device(device)
    variants = _variants(config, widths, interaction_network=interaction_network)
    with exclusive(out) as folder:
        stages.require_simulator(folder)
        pin(config, folder, may_change=("num_seeds",))
        before, stopwatch = earlier(folder / RESULT_FILE, _records(config, folder, variants)), Stopwatch()
        for kind, pixels in (("videos", True), ("trajectories", False)):
            stages.record(folder / kind, config.world, config.data, pixels=pixels, seed=config.seed, reporter=reporter)
        found = {
            name: _run_variant(name, variant, folder, device=device, reporter=reporter)
            for name, variant in variants.items()
        }
        result = {
            "format": FORMAT,
            "config": to_json(config),
            "variants": found,
            **session(stopwatch, device=device, command_line=command_line, before=before),
        }
        curves = {name: read_records(_model_folder(folder, name, config.seed) / LOG_FILE) for name in variants}
        figures.draw_bottleneck(folder / CURVES_FILE, curves, found)
        write_json(folder / RESULT_FILE, result)
        return result


def _variants(config: BallsRunConfig, widths: Sequence[int], *, interaction_network: bool) -> dict[str, BallsRunConfig]:
    processor = config.abstract.processor
    if not isinstance(processor, MpnnConfig):
        got, fix = type(processor).__name__, "Leave abstract.processor as it is."
        raise ValueError(explain(expected="an MPNN, whose width can be varied", got=got, fix=fix))
    if not widths or min(widths) < 1 or len(set(widths)) < len(widths):
        raise ValueError(explain(expected="different widths of at least 1", got=widths, fix="Pass 2 16 128."))
    variants = {
        f"width-{width}": config.with_processor(dataclasses.replace(processor, slot_dim=width)) for width in widths
    }
    if interaction_network:
        variants[INTERACTION_NETWORK] = config.with_processor(InteractionNetworkConfig(history=HISTORY))
    return variants


def _records(config: BallsRunConfig, folder: Path, variants: Iterable[str]) -> list[Path]:
    """List what all stages together leave when they are finished."""
    processors = [folder / name / "processor" for name in variants]
    models = [_model_folder(folder, name, seed) for name in variants for seed in config.seeds]
    return [part / STAGE_FILE for part in (folder / "videos", folder / "trajectories", *processors, *models)]


def _run_variant(name: str, config: BallsRunConfig, folder: Path, *, device: str, reporter: Reporter) -> JsonObject:
    processor = folder / name / "processor"
    pretrained = stages.pretrain(
        folder / "trajectories",
        processor,
        config.abstract,
        config.data,
        config.scoring,
        seed=config.seed,
        device=device,
        reporter=reporter,
    )
    trained = {
        str(seed): stages.train(
            folder / "videos",
            processor,
            _model_folder(folder, name, seed),
            _ARM,
            config.natural,
            config.data,
            config.scoring,
            seed=seed,
            device=device,
            reporter=reporter,
        )
        for seed in config.seeds
    }
    return {
        "abstract": pretrained["scores"]["processor"],
        "natural": {
            seed: {"scores": record["scores"], "training": record["last_record"]} for seed, record in trained.items()
        },
    }


def _model_folder(folder: Path, name: str, seed: int) -> Path:
    return folder / name / f"seed-{seed}"
