"""Checkpoints: a folder with `config.json` and `model.safetensors`; nothing is ever unpickled."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from rmr_gym.errors import CorruptFileError, explain
from rmr_gym.models.ball_models import VideoModel
from rmr_gym.models.decoders import BroadcastDecoder, BroadcastDecoderConfig
from rmr_gym.models.encoders import ENCODERS, VIDEO_ENCODERS
from rmr_gym.models.interfaces import NUM_ACTIONS, Encoder, Processor, VideoEncoder
from rmr_gym.models.processors import BALL_PROCESSORS, PROCESSORS
from rmr_gym.registry import Registry

FORMAT = "rmr-checkpoint/1"
"""Version of the folder's layout."""

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"

# A name may stand in both tables if it means the same; the registry refuses it otherwise.
_PROCESSORS: Registry[type[Any]] = Registry(
    "processor", *dict.fromkeys([*PROCESSORS.items(), *BALL_PROCESSORS.items()])
)
_VIDEO_DECODERS: Registry[type[Any]] = Registry("video decoder", ("broadcast", BroadcastDecoderConfig))


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
    return _save(processor, folder, "processor", _PROCESSORS, build, facts)


def load_processor(folder: str | Path, *, device: str | torch.device = "cpu") -> Processor:
    """Read a processor written by `save_processor`, or a folder of `rmr-gym pretrain`.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds no processor.
    """
    config, build, weights = _read(folder, "processor", _PROCESSORS)
    # Checkpoints from before there were worlds without actions do not say how many there are.
    processor: Processor = config.build(build["num_slots"], num_actions=build.get("num_actions", NUM_ACTIONS))
    _restore(processor, weights, folder)
    return processor.to(device)


def save_encoder(encoder: Encoder, folder: str | Path, **facts: Any) -> Path:
    """Write an encoder; arguments as in `save_processor`."""
    return _save(encoder, folder, "encoder", ENCODERS, {}, facts)


def load_encoder(folder: str | Path, *, device: str | torch.device = "cpu") -> Encoder:
    """Read an encoder written by `save_encoder`, or a folder of `rmr-gym train`.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds no encoder.
    """
    config, _, weights = _read(folder, "encoder", ENCODERS)
    encoder: Encoder = config.build()
    _restore(encoder, weights, folder)
    return encoder.to(device)


def save_video_model(model: VideoModel, folder: str | Path, **facts: Any) -> Path:
    """Write encoder, processor and decoder of a video model, each into a folder of its own.

    Args:
        model: its parts are built from configs of `VIDEO_ENCODERS`, `BALL_PROCESSORS` and `BroadcastDecoderConfig`.
        folder: made if it does not exist; `encoder`, `processor` and `decoder` lie in it.
        **facts: JSON values kept beside each config (arm, seed, ...).

    Returns:
        The folder.
    """
    folder = Path(folder)
    _save(model.encoder, folder / "encoder", "video encoder", VIDEO_ENCODERS, {}, facts)
    save_processor(model.processor, folder / "processor", num_slots=model.encoder.num_slots, **facts)
    _save(
        model.decoder,
        folder / "decoder",
        "video decoder",
        _VIDEO_DECODERS,
        {"input_dim": model.decoder.input_dim},
        facts,
    )
    return folder


def load_video_model(folder: str | Path, *, device: str | torch.device = "cpu") -> VideoModel:
    """Read a video model written by `save_video_model`, in float32.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds no video model.
    """
    folder = Path(folder)
    config, _, weights = _read(folder / "encoder", "video encoder", VIDEO_ENCODERS)
    encoder: VideoEncoder = config.build()
    _restore(encoder, weights, folder / "encoder")
    config, build, weights = _read(folder / "decoder", "video decoder", _VIDEO_DECODERS)
    decoder: BroadcastDecoder = config.build(build["input_dim"])
    _restore(decoder, weights, folder / "decoder")
    return VideoModel(encoder, load_processor(folder / "processor"), decoder).eval().to(device)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old or the new content and nothing between."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def _save(
    module: Processor | Encoder | VideoEncoder | BroadcastDecoder,
    folder: str | Path,
    kind: str,
    registry: Registry[type[Any]],
    build: dict[str, Any],
    facts: dict[str, Any],
) -> Path:
    config = module.config
    names = [name for name, config_class in registry.items() if isinstance(config, config_class)]
    if not names:
        fix = f"Add {type(config).__name__} to the registry of {kind}s."
        raise ValueError(
            explain(expected=f"a {kind} that load_{_saved_as(kind)} can build", got=type(module).__name__, fix=fix)
        )
    weights = save({name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()})
    document = {
        "format": FORMAT,
        "kind": kind,
        "name": names[0],
        "config": dataclasses.asdict(config),
        "build": build,
        "facts": facts,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / WEIGHTS_FILE, weights)
    write_atomically(folder / CONFIG_FILE, (json.dumps(document, indent=2, sort_keys=True) + "\n").encode())
    return folder


def _read(folder: str | Path, kind: str, registry: Registry[Any]) -> tuple[Any, dict[str, Any], dict[str, Tensor]]:
    """Return the config object, the build arguments and the verified weights of a checkpoint."""
    folder = Path(folder)
    try:
        document = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        content = (folder / WEIGHTS_FILE).read_bytes()
    except FileNotFoundError as error:
        fix = f"Pass a folder written by save_{_saved_as(kind)} or `rmr-gym`."
        raise ValueError(
            explain(expected=f"a folder with {CONFIG_FILE} and {WEIGHTS_FILE}", got=f"{folder}: {error}", fix=fix)
        ) from error
    except (ValueError, RecursionError) as error:
        raise _corrupt(folder / CONFIG_FILE, "readable JSON", str(error)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise _corrupt(folder / CONFIG_FILE, f"format {FORMAT!r}", repr(found))
    if document.get("kind") != kind:
        fix = f"Use load_{_saved_as(document.get('kind'))}."
        raise ValueError(
            explain(expected=f"a checkpoint of a {kind} in {folder}", got=f"a {document.get('kind')}", fix=fix)
        )
    if hashlib.sha256(content).hexdigest() != document.get("weights_sha256"):
        raise _corrupt(folder / WEIGHTS_FILE, "the checksum in config.json", "another one")
    config_class = registry[document["name"]]
    try:
        # JSON knows no tuples, configs know no lists.
        fields = {key: tuple(value) if isinstance(value, list) else value for key, value in document["config"].items()}
        return config_class(**fields), dict(document["build"]), load(content)
    except (AttributeError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise _corrupt(folder, "a config and weights that fit this version", str(error)) from error


def _saved_as(kind: object) -> object:
    """Return what the functions to save and load a kind of module are called for."""
    return "video_model" if kind in ("video encoder", "video decoder") else kind


def _restore(module: nn.Module, weights: dict[str, Tensor], folder: str | Path) -> None:
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise _corrupt(Path(folder), "weights that fit the config", str(error)) from error
    module.eval()


def _corrupt(path: Path, expected: str, got: str) -> CorruptFileError:
    fix = "The file is damaged or was changed; restore it from a copy or train again."
    return CorruptFileError(explain(expected=f"{expected} in {path}", got=got, fix=fix))
