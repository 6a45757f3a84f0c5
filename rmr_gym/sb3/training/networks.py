"""The networks of a run, in its own folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rmr_gym.errors import explain
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.checkpoint import build_encoder, load_any_encoder, read_encoder_document, save_encoder
from rmr_gym.models.documents import CONFIG_FILE
from rmr_gym.models.freezing import fingerprint
from rmr_gym.models.interfaces import VideoEncoder
from rmr_gym.models.picture_layout import Colours
from rmr_gym.seeding import derive

Weights = Literal["trained", "random"]


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


def put_encoder(path: str, folder: Path, weights: Weights, seed: int) -> str:
    """Copy an encoder into the folder of a run, or draw one of the same architecture there.

    A second call changes nothing.

    Args:
        path: folder of the encoder. When it is gone later, the copy is taken; another one in its place is refused.
        folder: of the run.
        weights: those of the folder, or random ones.
        seed: of the agent.

    Returns:
        The fingerprint of its weights.

    Raises:
        CorruptFileError: when a file is damaged.
        ValueError: when there is no encoder, or another one than at first.
    """
    own = encoder_folder(folder)
    copied = (own / CONFIG_FILE).exists()  # written last
    if copied and not Path(path).is_dir():
        return fingerprint(load_any_encoder(own))
    document = read_encoder_document(path)
    if weights == "trained":
        encoder = load_any_encoder(path)
    else:
        with initial_weights(derive(seed, "encoder")):
            encoder = build_encoder(document)
    if not copied:
        save_encoder(encoder, own, **document["facts"])
    found, now = fingerprint(load_any_encoder(own)), fingerprint(encoder)
    if found != now:
        fix = "Pass the same encoder as before, or another --out."
        got = f"one of fingerprint {now[:12]} in {path}"
        raise ValueError(explain(expected=f"the encoder of {folder}, fingerprint {found[:12]}", got=got, fix=fix))
    return now


def encoder_colours(folder: Path) -> Colours:
    """Return the colours of the pictures that the encoder of a run takes."""
    return "gray" if load_any_encoder(encoder_folder(folder)).input_shape[-3] == 1 else "rgb"


def encoder_history(folder: Path) -> int:
    """Return the number of pictures that the encoder of a run takes at once."""
    encoder = load_any_encoder(encoder_folder(folder))
    return encoder.input_shape[0] if isinstance(encoder, VideoEncoder) else 1
