"""Checkpoints: a folder with `config.json` and `model.safetensors`; nothing is ever unpickled."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from rmr_gym.atomic import write_atomically
from rmr_gym.errors import explain
from rmr_gym.models.ball_models import VideoModel
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import VideoDecoder
from rmr_gym.models.documents import (
    CONFIG_FILE,
    WEIGHTS_FILE,
    Checkpoint,
    config_of,
    corrupt,
    describe,
    read_checkpoint,
    sealed,
)
from rmr_gym.models.freezing import fingerprint
from rmr_gym.models.hub import find_folder
from rmr_gym.models.interfaces import NUM_ACTIONS, Encoder, Processor, VideoEncoder


def save_processor(processor: Processor, folder: str | Path, *, num_slots: int, **facts: Any) -> Path:
    """Write a processor.

    Args:
        processor: built from a config of `PROCESSORS` or `BALL_PROCESSORS`.
        folder: made if it does not exist.
        num_slots: slots that it was trained on.
        **facts: JSON values kept beside the config (game, seed, ...).

    Returns:
        The folder.
    """
    build = {"num_slots": num_slots, "num_actions": processor.num_actions}
    return save_module(processor, folder, "processor", build, facts)


def load_processor(folder: str | Path, *, device: str | torch.device = "cpu") -> Processor:
    """Read a processor written by `save_processor`, or a folder of `rmr-gym pretrain`, in float32.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds no processor.
    """
    processor: Processor = build_module(folder, read_checkpoint(folder, "processor"))
    return processor.to(device)


def save_encoder(encoder: Encoder | VideoEncoder, folder: str | Path, **facts: Any) -> Path:
    """Write an encoder of pictures or of windows of pictures; arguments as in `save_processor`.

    The facts of an encoder that was loaded are kept; facts of the same name take their place.
    """
    return save_module(encoder, folder, _kind(encoder), {}, {**encoder.facts, **facts})


def load_encoder(folder: str | Path, *, device: str | torch.device = "cpu") -> Encoder:
    """Read an encoder written by `save_encoder`, or a folder of `rmr-gym train`, in float32.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds no encoder.
    """
    checkpoint = read_checkpoint(folder, "encoder")
    encoder: Encoder = build_module(folder, checkpoint)
    encoder.facts = checkpoint.document["facts"]
    return encoder.to(device)


def load_any_encoder(name_or_folder: str | Path, *, device: str | torch.device = "cpu") -> Encoder | VideoEncoder:
    """Read an encoder of pictures or of windows of pictures.

    Args:
        name_or_folder: a folder of `save_encoder` or `rmr-gym train`; or of `save_video_model` or `rmr-gym balls`, of
            which the encoder is read; or, where there is no such folder, a name on the Hugging Face Hub, "user/name".
        device: where to put it.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds no encoder.
    """
    folder = find_folder(name_or_folder)
    if not (folder / CONFIG_FILE).exists() and (folder / "encoder" / CONFIG_FILE).exists():
        folder = folder / "encoder"  # a video model
    checkpoint = read_checkpoint(folder, "encoder", "video encoder")
    encoder: Encoder | VideoEncoder = build_module(folder, checkpoint)
    encoder.facts = checkpoint.document["facts"]
    return encoder.to(device)


def encoder_document(encoder: Encoder | VideoEncoder, /, **facts: Any) -> dict[str, Any]:
    """Describe an encoder in JSON values, from which `build_encoder` makes one like it.

    Args:
        encoder: built from a config of `ENCODERS` or `VIDEO_ENCODERS`.
        **facts: JSON values for readers (game, arm, seed, ...), beside those that it was loaded with.

    Returns:
        `format`, `kind`, `name`, `config`, `build`, `facts`, and the `fingerprint` of the weights. Equal to what
        reading its JSON gives.

    Raises:
        ValueError: when no registered config built the encoder.

    Example:
        >>> from rmr_gym.models.encoders import NatureCnnConfig
        >>> document = encoder_document(NatureCnnConfig(slot_dim=2).build(), game="pong")
        >>> document["name"], document["config"]["slot_dim"], build_encoder(document).slot_dim
        ('nature_cnn', 2, 2)
    """
    document = describe(encoder, _kind(encoder), {}, {**encoder.facts, **facts})
    return document | {"fingerprint": fingerprint(encoder)}


def read_encoder_document(name_or_folder: str | Path) -> dict[str, Any]:
    """Return the document of the encoder in a folder, whose weights are checked.

    Args:
        name_or_folder: as for `load_any_encoder`.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds no encoder.
    """
    return encoder_document(load_any_encoder(name_or_folder))


def build_encoder(document: Mapping[str, Any]) -> Encoder | VideoEncoder:
    """Build the encoder of a document with random weights, drawn as those of any new module.

    Raises:
        ValueError: when the document is not one of an encoder that this version knows.
    """
    if document.get("kind") not in ("encoder", "video encoder"):
        fix = "Pass what encoder_document or read_encoder_document returned."
        got = f"kind {document.get('kind')!r}"
        raise ValueError(explain(expected="the document of an encoder", got=got, fix=fix))
    encoder: Encoder | VideoEncoder = config_of(document).build(**document["build"])
    return encoder


def save_video_model(model: VideoModel, folder: str | Path, **facts: Any) -> Path:
    """Write encoder, processor and decoder of a video model, each into a folder of its own.

    Args:
        model: its parts are built from configs of `VIDEO_ENCODERS`, `BALL_PROCESSORS` and `VIDEO_DECODERS`.
        folder: made if it does not exist; `encoder`, `processor` and `decoder` lie in it.
        **facts: JSON values kept beside each config (arm, seed, ...).

    Returns:
        The folder.
    """
    folder = Path(folder)
    save_module(model.encoder, folder / "encoder", "video encoder", {}, facts)
    save_processor(model.processor, folder / "processor", num_slots=model.encoder.num_slots, **facts)
    save_module(model.decoder, folder / "decoder", "video decoder", {"input_dim": model.decoder.input_dim}, facts)
    return folder


def load_video_model(folder: str | Path, *, device: str | torch.device = "cpu") -> VideoModel:
    """Read a video model written by `save_video_model`, in float32.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds no video model.
    """
    folder = Path(folder)
    parts = {part: read_checkpoint(folder / part, f"video {part}") for part in ("encoder", "decoder")}
    encoder: VideoEncoder = build_module(folder / "encoder", parts["encoder"])
    decoder: VideoDecoder = build_module(folder / "decoder", parts["decoder"])
    return VideoModel(encoder, load_processor(folder / "processor"), decoder).eval().to(device)


def save_module(
    module: nn.Module, folder: str | Path, kind: str, build: Mapping[str, Any], facts: Mapping[str, Any]
) -> Path:
    """Write a module of a kind; arguments and errors as of `describe`. Returns the folder."""
    document = describe(module, kind, build, facts)
    weights = save({name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()})
    document["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / WEIGHTS_FILE, weights)
    write_atomically(folder / CONFIG_FILE, (json.dumps(sealed(document), indent=2, sort_keys=True) + "\n").encode())
    return folder


def build_module(folder: str | Path, checkpoint: Checkpoint) -> Any:
    """Build the module that `read_checkpoint` found in a folder, with its weights, in evaluation mode.

    The global generator stays where it is.

    Raises:
        CorruptFileError: when config or weights do not fit this version, or each other.
    """
    document, weights = checkpoint
    try:
        # Checkpoints from before there were worlds without actions do not say how many there are.
        defaults = {"num_actions": NUM_ACTIONS} if document["kind"] == "processor" else {}
        with initial_weights(0):
            module: nn.Module = config_of(document).build(**(defaults | document["build"]))
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise corrupt(Path(folder), "a config and weights that fit this version", str(error)) from error
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise corrupt(Path(folder), "weights that fit the config", str(error)) from error
    return module.eval()


def _kind(encoder: Encoder | VideoEncoder) -> str:
    return "video encoder" if isinstance(encoder, VideoEncoder) else "encoder"
