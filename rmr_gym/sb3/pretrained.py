"""The encoder that a features extractor is asked for, whatever form the request has."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rmr_gym.errors import explain
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.checkpoint import build_encoder, encoder_document, load_any_encoder, read_encoder_document
from rmr_gym.models.freezing import fingerprint
from rmr_gym.models.interfaces import Encoder, VideoEncoder

Request = str | Path | Mapping[str, Any] | Encoder | VideoEncoder
"""A folder, what `policy_kwargs_from` wrote, or an encoder."""

WEIGHTS = "weights"
"""Key of the folder in the document of an encoder that is handed to a features extractor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretrained:
    """An encoder of one's own.

    Attributes:
        encoder: shares nothing with any other; without weights (not a number) if they are missing.
        fingerprint: of the weights that it has or should have.
        title: what it is, for readers.
        missing: why there are no weights; None when they are there.
    """

    encoder: Encoder | VideoEncoder
    fingerprint: str
    title: str
    missing: str | None = None


def find_encoder(request: Request) -> Pretrained:
    """Load, build or copy an encoder. The global random streams are not moved.

    Args:
        request: a folder written by `rmr-gym train`, `save_encoder` or `save_video_model`; the document that
            `policy_kwargs_from` embeds, for which the folder need not be there (an agent that is loaded brings the
            weights); or an encoder, which is copied.

    Raises:
        CorruptFileError: when a file in the folder is damaged.
        ValueError: when there is no such encoder.
        TypeError: when the request is something else.
    """
    with initial_weights(0):
        if isinstance(request, nn.Module):
            encoder = copy.deepcopy(request).cpu()
            return Pretrained(encoder=encoder, fingerprint=fingerprint(encoder), title=_title(encoder))
        if isinstance(request, Mapping):
            return _from_document(request)
        if isinstance(request, str | Path):
            return _from_folder(Path(request))
    fix = "Pass a folder, an encoder, or use policy_kwargs_from(...)."
    raise TypeError(explain(expected="an encoder or where to find one", got=type(request).__name__, fix=fix))


def describe_folder(folder: str | Path) -> dict[str, Any]:
    """Return the document of the encoder in a folder, with the folder, as `find_encoder` takes it; all JSON values."""
    return {**read_encoder_document(folder), WEIGHTS: str(Path(folder).resolve())}


def _from_folder(folder: Path) -> Pretrained:
    if not folder.is_dir():
        fix = (
            "Pass the folder where it is now. To load an agent whose zip names this one: "
            'load(..., custom_objects={"policy_kwargs": policy_kwargs_from(FOLDER)}); agents that were made with '
            "policy_kwargs_from need no folder."
        )
        raise ValueError(explain(expected=f"the folder of an encoder at {folder}", got="no such folder", fix=fix))
    document = read_encoder_document(folder)
    return Pretrained(encoder=load_any_encoder(folder), fingerprint=document["fingerprint"], title=_title_of(document))


def _from_document(document: Mapping[str, Any]) -> Pretrained:
    absent = [key for key in ("fingerprint", WEIGHTS) if key not in document]
    if absent:
        fix = "Pass what policy_kwargs_from(FOLDER) writes."
        raise ValueError(explain(expected="the document of an encoder", got=f"one without {absent}", fix=fix))
    title, expected = _title_of(document), str(document["fingerprint"])
    folder = Path(document[WEIGHTS])
    try:
        encoder = load_any_encoder(folder)
        found = fingerprint(encoder)
        missing = None if found == expected else f"{folder} holds another encoder now (fingerprint {found[:12]})"
    except (OSError, ValueError) as error:
        missing = str(error)
    if missing is None:
        return Pretrained(encoder=encoder, fingerprint=expected, title=title)
    encoder = build_encoder(document)
    leave_blank(encoder)
    return Pretrained(encoder=encoder, fingerprint=expected, title=title, missing=missing)


def leave_blank(module: nn.Module) -> None:
    """Fill a module with what cannot be mistaken for weights: not a number, and zero where there is no such value."""
    for tensor in module.state_dict().values():
        tensor.fill_(torch.nan if tensor.is_floating_point() else 0)


def is_blank(state: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether a state is what `leave_blank` leaves."""
    floats = [tensor for tensor in state.values() if tensor.is_floating_point()]
    return bool(floats) and all(bool(tensor.isnan().all()) for tensor in floats)


def _title(encoder: Encoder | VideoEncoder) -> str:
    try:
        return _title_of(encoder_document(encoder))
    except ValueError:  # a class of the user's own
        return type(encoder).__name__


def _title_of(document: Mapping[str, Any]) -> str:
    facts = document.get("facts", {})
    named = [str(facts[key]) for key in ("game", "arm") if key in facts]
    seed = [f"seed {facts['seed']}"] if "seed" in facts else []
    return ", ".join([str(document.get("name", "encoder")), *named, *seed])
