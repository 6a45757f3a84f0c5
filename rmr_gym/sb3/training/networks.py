"""The networks of a run, in its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from rmr_gym.errors import explain
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.checkpoint import build_encoder, load_any_encoder, read_encoder_document, save_encoder
from rmr_gym.models.documents import CONFIG_FILE
from rmr_gym.models.freezing import fingerprint
from rmr_gym.models.interfaces import Encoder, VideoEncoder
from rmr_gym.models.picture_layout import Colours
from rmr_gym.sb3.training.standardising import play_randomly
from rmr_gym.sb3.training.tasks import Task, make_task_env
from rmr_gym.seeding import derive, numpy_generator

Weights = Literal["trained", "random"]

_CALIBRATION_FRAMES, _CALIBRATION_ENVS = 1_000, 8
_KEPT_FACTS = ("game", "world")


def check_path(path: str) -> None:
    """Refuse a folder without a name.

    Raises:
        ValueError: when there is none.
    """
    if not path:
        fix = "Pass the folder that `rmr-gym train` wrote."
        raise ValueError(explain(expected="the folder of an encoder", got="none", fix=fix))


def encoder_folder(folder: Path) -> Path:
    """Return where a run keeps its encoder."""
    return folder / "encoder"


def has_encoder(folder: Path) -> bool:
    """Say whether a run has its encoder already."""
    return (encoder_folder(folder) / CONFIG_FILE).exists()  # written last


def put_encoder(path: str, folder: Path, weights: Weights, seed: int, task: Task) -> str:
    """Copy an encoder into the folder of a run, or draw one of the same architecture there.

    A second call changes nothing.

    Args:
        path: folder of the encoder. When it is gone later, the copy is taken; another one in its place is refused.
        folder: of the run.
        weights: those of the folder, or random ones.
        seed: of the agent.
        task: of the agent; random encoders of pictures are calibrated on random play of it, as `rmr-gym run` does for
            the arm untrained on its data.

    Returns:
        The fingerprint of its weights.

    Raises:
        CorruptFileError: when a file is damaged.
        ValueError: when there is no encoder, or another one than at first (of random ones, of another architecture).
    """
    own = encoder_folder(folder)
    copied = has_encoder(folder)
    if copied and not Path(path).is_dir():
        return fingerprint(load_any_encoder(own))
    fix = "Pass the same encoder as before, or another --out."
    if weights == "random":
        document = read_encoder_document(path)
        if not copied:
            facts = {name: value for name, value in document["facts"].items() if name in _KEPT_FACTS}
            save_encoder(_draw(document, seed, task), own, **facts, arm="random", seed=seed)
        # Not its weights: another machine would calibrate it to other last bits.
        there = read_encoder_document(own)
        if any(there[part] != document[part] for part in ("kind", "name", "config", "build")):
            got = f"a {document['name']} of {document['config']} in {path}"
            expected = f"the architecture of the encoder of {folder}, a {there['name']} of {there['config']}"
            raise ValueError(explain(expected=expected, got=got, fix=fix))
        return str(there["fingerprint"])
    encoder = load_any_encoder(path)
    if not copied:
        save_encoder(encoder, own)
    found, now = fingerprint(load_any_encoder(own)), fingerprint(encoder)
    if found != now:
        got = f"one of fingerprint {now[:12]} in {path}"
        raise ValueError(explain(expected=f"the encoder of {folder}, fingerprint {found[:12]}", got=got, fix=fix))
    return now


def _draw(document: dict[str, Any], seed: int, task: Task) -> Encoder | VideoEncoder:
    """Draw an encoder of the architecture of another one, and calibrate it as that was before its training."""
    with initial_weights(derive(seed, "encoder")):
        encoder = build_encoder(document)
    if not isinstance(encoder, Encoder) or type(encoder).calibrate is Encoder.calibrate:
        return encoder  # nothing to calibrate
    venv = make_task_env(task, num_envs=_CALIBRATION_ENVS, seed=0)
    try:
        generator, own = numpy_generator(seed, "calibration"), derive(seed, "calibration") % 2**31
        pixels = play_randomly(venv, generator, seed=own, count=_CALIBRATION_FRAMES)
    finally:
        venv.close()
    encoder.calibrate(torch.from_numpy(np.moveaxis(pixels, -1, 1).copy()))
    return encoder


def encoder_colours(folder: Path) -> Colours:
    """Return the colours of the pictures that the encoder of a run takes."""
    return "gray" if load_any_encoder(encoder_folder(folder)).input_shape[-3] == 1 else "rgb"


def encoder_history(folder: Path) -> int:
    """Return the number of pictures that the encoder of a run takes at once."""
    encoder = load_any_encoder(encoder_folder(folder))
    return encoder.input_shape[0] if isinstance(encoder, VideoEncoder) else 1
