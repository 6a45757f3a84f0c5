"""Checkpoints of the abstract pipeline: a processor, and beside it what it was trained between."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from rmr_gym.errors import explain
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.checkpoint import build_module, load_processor, save_module, save_processor
from rmr_gym.models.documents import FORMAT, config_of, describe, read_checkpoint
from rmr_gym.models.encoders.ram import RamEncoder
from rmr_gym.models.freezing import fingerprint
from rmr_gym.models.interfaces import Processor
from rmr_gym.models.world_model import AbstractModel

_KIND = "abstract features"


class AbstractParts(NamedTuple):
    """What makes features of memory: equation 1, and what the processor says of its slots."""

    encoder: RamEncoder
    processor: Processor


def save_abstract_model(model: AbstractModel, folder: str | Path, **facts: Any) -> Path:
    """Write the processor as `save_processor` does, and the encoder and decoder of memory into folders beside it.

    Args:
        model: trained or not.
        folder: made if it does not exist; `abstract_encoder` and `abstract_decoder` lie in it.
        **facts: JSON values kept beside each config (game, seed, ...).

    Returns:
        The folder.
    """
    for part, module in (("encoder", model.encoder), ("decoder", model.decoder)):
        save_module(module, _beside(folder, part), f"ram {part}", {}, facts)
    return save_processor(model.processor, folder, num_slots=model.encoder.config.num_slots, **facts)


def load_abstract_model(folder: str | Path, *, device: str | torch.device = "cpu") -> AbstractModel:
    """Read the whole abstract pipeline from a folder of `rmr-gym pretrain` or `save_abstract_model`.

    Raises:
        CorruptFileError: when a file is damaged, truncated or was changed.
        ValueError: when the folder holds none, or the processor alone.
    """
    encoder, processor = load_abstract_parts(folder)
    with initial_weights(0):  # which are replaced; the global generator stays where it is
        model = AbstractModel(processor, num_slots=encoder.config.num_slots)
    model.encoder, model.decoder = encoder, _load_beside(folder, "decoder")
    return model.eval().to(device)


def load_abstract_encoder(folder: str | Path, *, device: str | torch.device = "cpu") -> RamEncoder:
    """Read the encoder of memory beside a processor; arguments and errors as of `load_abstract_model`."""
    encoder: RamEncoder = _load_beside(folder, "encoder")
    return encoder.to(device)


def load_abstract_parts(folder: str | Path, *, device: str | torch.device = "cpu") -> AbstractParts:
    """Read encoder and processor of memory; arguments and errors as of `load_abstract_model`."""
    return AbstractParts(load_abstract_encoder(folder, device=device), load_processor(folder, device=device))


def abstract_document(parts: AbstractParts, /, **facts: Any) -> dict[str, Any]:
    """Describe encoder and processor of memory in JSON values, from which `build_abstract_parts` makes some like them.

    Args:
        parts: built from configs of this package.
        **facts: JSON values for readers (game, seed, ...).

    Returns:
        `format`, `kind`, `encoder`, `processor` (each with `name`, `config` and `build`), `facts`, and the
        `fingerprint` of both together, which is that of a `RamStateFeatures` with both.
    """
    encoder, processor = parts
    build = {"num_slots": encoder.config.num_slots, "num_actions": processor.num_actions}
    return {
        "format": FORMAT,
        "kind": _KIND,
        "encoder": describe(encoder, "ram encoder", {}, {}),
        "processor": describe(processor, "processor", build, {}),
        "facts": facts,
        "fingerprint": fingerprint(nn.ModuleDict(parts._asdict())),
    }


def read_abstract_document(folder: str | Path) -> dict[str, Any]:
    """Return the document of a folder, whose weights are checked; arguments and errors as of `load_abstract_model`."""
    facts = read_checkpoint(folder, "processor").document["facts"]
    return abstract_document(load_abstract_parts(folder), **facts)


def build_abstract_parts(document: Mapping[str, Any]) -> AbstractParts:
    """Build what a document describes with random weights, drawn as those of any new module.

    Raises:
        ValueError: when it is no document of `abstract_document`, or of parts that this version does not know.
    """
    if document.get("kind") != _KIND:
        fix, got = "Pass what abstract_document returned.", f"kind {document.get('kind')!r}"
        raise ValueError(explain(expected="the document of an abstract encoder and processor", got=got, fix=fix))
    parts = (document[part] for part in AbstractParts._fields)
    return AbstractParts(*(config_of(part).build(**part["build"]) for part in parts))


def _beside(folder: str | Path, part: str) -> Path:
    return Path(folder, f"abstract_{part}")


def _load_beside(folder: str | Path, part: str) -> Any:
    source = _beside(folder, part)
    if not source.exists():
        read_checkpoint(folder, "processor")  # says so when the folder is something else
        fix = "An earlier version wrote the processor alone: repeat `rmr-gym pretrain` with another --out."
        got = "the processor alone"
        raise ValueError(explain(expected=f"the abstract {part} in {source}", got=got, fix=fix))
    return build_module(source, read_checkpoint(source, f"ram {part}"))
