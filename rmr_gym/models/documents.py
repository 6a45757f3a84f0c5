"""What a checkpoint says about its module, as JSON; the weights lie beside it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from rmr_gym.errors import CorruptFileError, explain
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import VIDEO_DECODERS
from rmr_gym.models.decoders.ram import RamDecoderConfig
from rmr_gym.models.encoders import ENCODERS, VIDEO_ENCODERS
from rmr_gym.models.encoders.ram import RamEncoderConfig
from rmr_gym.models.processors import BALL_PROCESSORS, PROCESSORS
from rmr_gym.models.trajectory_coder import TrajectoryCoderConfig
from rmr_gym.registry import Registry

FORMAT = "rmr-checkpoint/1"
"""Version of the folder's layout."""

_FIELDS = {"kind", "name", "config", "build", "facts"}
_OWN_CHECKSUM = "document_sha256"

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"

KINDS: Mapping[str, Registry[type[Any]]] = {
    "encoder": ENCODERS,
    "video encoder": VIDEO_ENCODERS,
    "ram encoder": Registry("ram encoder", ("linear", RamEncoderConfig)),
    # A name may stand in both tables if it means the same; the registry refuses it otherwise.
    "processor": Registry("processor", *dict.fromkeys([*PROCESSORS.items(), *BALL_PROCESSORS.items()])),
    "ram decoder": Registry("ram decoder", ("linear", RamDecoderConfig)),
    "video decoder": VIDEO_DECODERS,
    "trajectory coder": Registry("trajectory coder", ("linear", TrajectoryCoderConfig)),
}
"""Kinds of modules and the config classes that build them."""

_MODELS = {"video": "video_model", "ram": "abstract_model"}
_SAVED_AS = {f"{side} {part}": model for part in ("encoder", "decoder") for side, model in _MODELS.items()} | {
    "trajectory coder": "trajectory_model"
}

JsonObject = dict[str, Any]


class Checkpoint(NamedTuple):
    """What a folder holds."""

    document: JsonObject
    weights: dict[str, Tensor]


def describe(module: nn.Module, kind: str, build: Mapping[str, Any], facts: Mapping[str, Any]) -> JsonObject:
    """Return the document of a module: JSON values that are the same after writing and reading.

    Args:
        module: built from a config of `KINDS[kind]`.
        kind: a key of `KINDS`.
        build: arguments of the config's `build`.
        facts: JSON values for readers.

    Raises:
        ValueError: when no registered config built the module, or its config builds another class.
    """
    config: Any = getattr(module, "config", None)
    names = [name for name, config_class in KINDS[kind].items() if type(config) is config_class]
    if not names:
        fix = f"Add {type(config).__name__} to the registry of {kind}s."
        expected = f"a {kind} that load_{saved_as(kind)} can build"
        raise ValueError(explain(expected=expected, got=type(module).__name__, fix=fix))
    with initial_weights(0):
        require_rebuilt(module, config.build(**build))
    document: JsonObject = {
        "format": FORMAT,
        "kind": kind,
        "name": names[0],
        "config": dataclasses.asdict(config),
        "build": dict(build),
        "facts": dict(facts),
    }
    return json.loads(json.dumps(document))  # type: ignore[no-any-return]


def require_rebuilt(module: nn.Module, rebuilt: nn.Module) -> None:
    """Refuse a module from whose config another class comes back, such as a subclass that shares a config.

    Its weights may fit all the same, so that nothing afterwards would tell that something else is computed.

    Args:
        module: what is to be kept as a config and weights.
        rebuilt: what its config builds.

    Raises:
        ValueError: when their classes differ.
    """
    got, comes_back = type(module), type(rebuilt)
    if got is not comes_back:
        expected = f"a {comes_back.__name__}, since that is what its {type(module.config).__name__} builds"
        fix = f"Give {got.__name__} a config of its own that builds it, and to save it add that to the registry."
        raise ValueError(explain(expected=expected, got=got.__name__, fix=fix))


def config_of(document: Mapping[str, Any]) -> Any:
    """Return the config object that a document describes.

    Raises:
        ValueError: when this version knows no such kind, name or field.
    """
    kind = str(document.get("kind"))
    if document.get("format") != FORMAT or kind not in KINDS:
        got = f"format {document.get('format')!r}, kind {kind!r}"
        fix = "Pass what encoder_document or read_encoder_document returned."
        raise ValueError(explain(expected=f"a document of format {FORMAT!r}", got=got, fix=fix))
    config_class = KINDS[kind][document["name"]]
    try:
        return config_class(**{key: _with_tuples(value) for key, value in document["config"].items()})
    except TypeError as error:
        fix = "Use the version of rmr_gym that wrote it."
        raise ValueError(explain(expected=f"fields of {config_class.__name__}", got=str(error), fix=fix)) from error


def read_checkpoint(folder: str | Path, *kinds: str) -> Checkpoint:
    """Read document and verified weights of a folder.

    Args:
        folder: written by one of the functions of `rmr_gym.models.checkpoint`.
        *kinds: what it may hold.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds no checkpoint, or that of another kind.
    """
    folder = Path(folder)
    try:
        document = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
        content = (folder / WEIGHTS_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        fix = f"Pass a folder written by save_{saved_as(kinds[0])} or `rmr-gym`."
        got = f"{folder}: {error}"
        raise ValueError(
            explain(expected=f"a folder with {CONFIG_FILE} and {WEIGHTS_FILE}", got=got, fix=fix)
        ) from error
    except (ValueError, RecursionError) as error:
        raise corrupt(folder / CONFIG_FILE, "readable JSON", str(error)) from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise corrupt(folder / CONFIG_FILE, f"format {FORMAT!r}", repr(found))
    if not (set(document) >= _FIELDS and isinstance(document["facts"], dict)):
        raise corrupt(folder / CONFIG_FILE, f"the fields {', '.join(sorted(_FIELDS))}", ", ".join(document))
    if str(document["kind"]) not in KINDS:
        raise corrupt(folder / CONFIG_FILE, f"a kind out of {', '.join(KINDS)}", repr(document["kind"]))
    if document["kind"] not in kinds:
        expected = f"a checkpoint of a {' or a '.join(kinds)} in {folder}"
        fix = f"Use load_{saved_as(document['kind'])}."
        raise ValueError(explain(expected=expected, got=f"a {document['kind']}", fix=fix))
    if document.get(_OWN_CHECKSUM, checksum(document)) != checksum(document):  # older checkpoints have none
        raise corrupt(folder / CONFIG_FILE, "the checksum of its other fields", "another one")
    if hashlib.sha256(content).hexdigest() != document.get("weights_sha256"):
        raise corrupt(folder / WEIGHTS_FILE, "the checksum in config.json", "another one")
    try:
        return Checkpoint(document, load(content))
    except SafetensorError as error:
        raise corrupt(folder, "readable weights", str(error)) from error


def checksum(document: Mapping[str, Any]) -> str:
    """Return the checksum of all fields of a document but the one for itself, however they are laid out."""
    others = {key: value for key, value in document.items() if key != _OWN_CHECKSUM}
    return hashlib.sha256(json.dumps(others, sort_keys=True).encode()).hexdigest()


def sealed(document: JsonObject) -> JsonObject:
    """Return a document with its own checksum, by which a change of, say, a reduction is seen."""
    return document | {_OWN_CHECKSUM: checksum(document)}


def saved_as(kind: object) -> object:
    """Return what the functions to save and load a kind of module are called for."""
    return _SAVED_AS.get(str(kind), kind)


def corrupt(path: Path, expected: str, got: str) -> CorruptFileError:
    """Return the error for a file that cannot be what was written."""
    fix = "The file is damaged or was changed; restore it from a copy or train again."
    return CorruptFileError(explain(expected=f"{expected} in {path}", got=got, fix=fix))


def _with_tuples(value: object) -> object:
    """Return a value of a config as it was before JSON, which knows no tuples; configs know no lists."""
    return tuple(_with_tuples(part) for part in value) if isinstance(value, list) else value
