"""The pretrained network that a features extractor is asked for, whatever form the request has."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rmr_gym.errors import explain
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.freezing import fingerprint
from rmr_gym.models.hub import find_folder

Request = str | Path | Mapping[str, Any] | nn.Module
"""A folder, its document as `describe_folder` returns it, or a module."""

WEIGHTS = "weights"
"""Key of the folder in a document that is handed to a features extractor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """How networks of one kind are found.

    Attributes:
        load: reads one from a folder.
        document: describes the one in a folder, in JSON values.
        build: makes one of random weights from a document.
        title: names the one of a document, for readers.
    """

    load: Callable[[Path], nn.Module]
    document: Callable[[Path], dict[str, Any]]
    build: Callable[[Mapping[str, Any]], nn.Module]
    title: Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pretrained:
    """A network of one's own.

    Attributes:
        module: shares nothing with any other; without weights (not a number) if they are missing.
        fingerprint: of the weights that it has or should have.
        title: what it is, for readers.
        missing: why there are no weights; None when they are there.
    """

    module: nn.Module
    fingerprint: str
    title: str
    missing: str | None = None


def find_pretrained(request: Request, family: Family) -> Pretrained:
    """Load, build or copy a network. The global random streams are not moved.

    Args:
        request: a folder; the document of one, which need not be there (an agent that is loaded brings the weights);
            or a module, which is copied.
        family: what to look for.

    Raises:
        CorruptFileError: when a file in the folder is damaged.
        ValueError: when there is no such network.
    """
    with initial_weights(0):
        if isinstance(request, nn.Module):
            module = copy.deepcopy(request).cpu()
            return Pretrained(module=module, fingerprint=fingerprint(module), title=type(module).__name__)
        if isinstance(request, Mapping):
            return _from_document(request, family)
        return _from_folder(Path(request), family)


def describe_folder(name_or_folder: str | Path, family: Family) -> dict[str, Any]:
    """Return the document of a folder, with the folder, as `find_pretrained` takes it; all JSON values.

    Args:
        name_or_folder: a folder, or a name on the Hugging Face Hub such as "user/name", which is downloaded.
        family: what to look for.

    Raises:
        CorruptFileError: when a file in the folder is damaged.
        ValueError: when there is no such network.
    """
    folder = find_folder(name_or_folder)
    return {**family.document(folder), WEIGHTS: str(folder.resolve())}


def title_from(name: str, document: Mapping[str, Any]) -> str:
    """Return a name with the facts of a document that tell readers where it comes from."""
    facts = document.get("facts", {})
    named = [str(facts[key]) for key in ("game", "arm") if key in facts]
    seed = [f"seed {facts['seed']}"] if "seed" in facts else []
    return ", ".join([name, *named, *seed])


def _from_folder(folder: Path, family: Family) -> Pretrained:
    if not folder.is_dir():
        fix = (
            "Pass the folder where it is now. To load an agent whose zip names this one: "
            'load(..., custom_objects={"policy_kwargs": policy_kwargs_from(FOLDER)}); agents that were made with '
            "policy_kwargs_from need no folder."
        )
        raise ValueError(explain(expected=f"the folder of an encoder at {folder}", got="no such folder", fix=fix))
    document = family.document(folder)
    title = family.title(document)
    return Pretrained(module=family.load(folder), fingerprint=document["fingerprint"], title=title)


def _from_document(document: Mapping[str, Any], family: Family) -> Pretrained:
    absent = [key for key in ("fingerprint", WEIGHTS) if key not in document]
    if absent:
        fix = "Pass what policy_kwargs_from(FOLDER) writes."
        raise ValueError(explain(expected="the document of an encoder", got=f"one without {absent}", fix=fix))
    title, expected, folder = family.title(document), str(document["fingerprint"]), Path(document[WEIGHTS])
    try:
        module = family.load(folder)
        found = fingerprint(module)
        missing = None if found == expected else f"{folder} holds another encoder now (fingerprint {found[:12]})"
    except (OSError, ValueError) as error:
        missing = str(error)
    if missing is None:
        return Pretrained(module=module, fingerprint=expected, title=title)
    module = family.build(document)
    leave_blank(module)
    return Pretrained(module=module, fingerprint=expected, title=title, missing=missing)


def leave_blank(module: nn.Module) -> None:
    """Fill a module with what cannot be mistaken for weights: not a number, and zero where there is no such value."""
    for tensor in module.state_dict().values():
        tensor.fill_(torch.nan if tensor.is_floating_point() else 0)


def is_blank(state: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether a state is what `leave_blank` leaves."""
    floats = [tensor for tensor in state.values() if tensor.is_floating_point()]
    return bool(floats) and all(bool(tensor.isnan().all()) for tensor in floats)
