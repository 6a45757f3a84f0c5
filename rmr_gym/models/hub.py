"""Encoders in the format of the Hugging Face Hub: the files of a checkpoint and a model card."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from rmr_gym.errors import explain, missing_extra

CARD_FILE = "README.md"
FILES = ("config.json", "model.safetensors", CARD_FILE)
"""What is written, uploaded and downloaded."""

PAPER = "https://arxiv.org/abs/2107.08881"

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)

Model = TypeVar("Model", bound="HubModel")


class HubModel:
    """What an encoder offers to those who publish it; methods as of `huggingface_hub.ModelHubMixin`.

    Attributes:
        facts: JSON values that stand beside the config in a checkpoint (game, arm, seed, ...); set by loading.
    """

    facts: Mapping[str, Any] = MappingProxyType({})

    def save_pretrained(
        self,
        save_directory: str | Path,
        *,
        facts: Mapping[str, Any] | None = None,
        repo_id: str | None = None,
        push_to_hub: bool = False,
        **push_to_hub_kwargs: Any,
    ) -> str | None:
        """Write `config.json`, `model.safetensors` and, unless there is one, a model card.

        Args:
            save_directory: made if it does not exist; every function here that reads an encoder takes it.
            facts: further `facts`.
            repo_id: "user/name"; the name of the folder by default.
            push_to_hub: whether to upload the three files, too.
            **push_to_hub_kwargs: as `push_to_hub` takes them.

        Returns:
            The address of the commit if it was pushed.

        Raises:
            ValueError: when no registered config built the encoder.
            DependencyNotInstalled: when it is to be pushed and huggingface_hub is missing.
        """
        from rmr_gym.models.checkpoint import read_encoder_document, save_encoder  # they import the class of encoders

        folder = save_encoder(self, Path(save_directory), **(facts or {}))  # type: ignore[arg-type]
        if not (folder / CARD_FILE).exists():
            card = model_card(read_encoder_document(folder), repo_id or folder.name)
            (folder / CARD_FILE).write_text(card, encoding="utf-8")
        return _upload(folder, repo_id or folder.name, **push_to_hub_kwargs) if push_to_hub else None

    def push_to_hub(
        self,
        repo_id: str,
        *,
        facts: Mapping[str, Any] | None = None,
        commit_message: str = "Push an encoder using rmr_gym.",
        private: bool | None = None,
        token: str | bool | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
    ) -> str:
        """Upload the encoder with a model card.

        Args:
            repo_id: "user/name"; made if it does not exist.
            facts: further `facts`.
            commit_message: of the commit.
            private: whether a repository that is made is private.
            token: of an account; the one that is logged in by default.
            branch: where to commit.
            create_pr: whether to propose the commit.

        Returns:
            The address of the commit.

        Raises:
            DependencyNotInstalled: when huggingface_hub is missing.
        """
        import tempfile

        kwargs = {"commit_message": commit_message, "private": private, "token": token}
        with tempfile.TemporaryDirectory() as folder:
            url = self.save_pretrained(
                folder, facts=facts, repo_id=repo_id, push_to_hub=True, branch=branch, create_pr=create_pr, **kwargs
            )
        return str(url)

    @classmethod
    def from_pretrained(
        cls: type[Model],
        pretrained_model_name_or_path: str | Path,
        *,
        revision: str | None = None,
        local_files_only: bool = False,
        cache_dir: str | Path | None = None,
        force_download: bool = False,
        token: str | bool | None = None,
        device: str = "cpu",
    ) -> Model:
        """Read an encoder from a folder, or from the Hub where there is no such folder.

        Args:
            pretrained_model_name_or_path: a folder of a checkpoint, or "user/name".
            revision: branch, tag or commit on the Hub.
            local_files_only: whether to look into the cache of the Hub alone.
            cache_dir: of the Hub; that of huggingface_hub by default.
            force_download: whether to download what is in the cache.
            token: of an account; the one that is logged in by default.
            device: where to put it.

        Returns:
            The encoder, in evaluation mode.

        Raises:
            CorruptFileError: when a file is damaged, truncated or was changed.
            DependencyNotInstalled: when it is not a folder and huggingface_hub is missing.
            ValueError: when there is no such encoder, or it is of another class than the one that was asked.
        """
        from rmr_gym.models.checkpoint import load_any_encoder

        folder = find_folder(
            pretrained_model_name_or_path,
            revision=revision,
            local_files_only=local_files_only,
            cache_dir=cache_dir,
            force_download=force_download,
            token=token,
        )
        encoder: object = load_any_encoder(folder, device=device)
        if not isinstance(encoder, cls):
            fix = f"Call {type(encoder).__name__}.from_pretrained."
            raise ValueError(explain(expected=f"a {cls.__name__} in {folder}", got=type(encoder).__name__, fix=fix))
        return encoder


def find_folder(name_or_folder: str | Path, **download: Any) -> Path:
    """Return a folder as it is, or that of a download from the Hub.

    Args:
        name_or_folder: a folder; a string like "user/name" for which there is none is a name on the Hub.
        **download: keywords of `huggingface_hub.snapshot_download`.

    Raises:
        DependencyNotInstalled: when it is not a folder and huggingface_hub is missing.
        ValueError: when the Hub has no such model, or cannot be reached and the cache has none.
    """
    folder = Path(name_or_folder)
    if folder.exists() or isinstance(name_or_folder, Path) or not _REPOSITORY.fullmatch(name_or_folder):
        return folder  # those who read it say what is wrong with it
    try:
        import huggingface_hub
    except ImportError as error:
        missing = missing_extra("huggingface_hub", "hub")
        missing.add_note(f"There is no folder {name_or_folder}, so it would be a name on the Hugging Face Hub.")
        raise missing from error
    try:
        return Path(huggingface_hub.snapshot_download(name_or_folder, allow_patterns=[*FILES], **download))
    except (huggingface_hub.errors.HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        expected = "the folder of an encoder, or the name of one on the Hugging Face Hub"
        got = f"{name_or_folder!r}, which is no folder, and the Hub: {reason}"
        raise ValueError(explain(expected=expected, got=got, fix="Check the name, or pass a folder.")) from error


def model_card(document: Mapping[str, Any], name: str) -> str:
    """Write the page that the Hub shows.

    Args:
        document: of the encoder (`encoder_document`).
        name: "user/name", or that of the folder.
    """
    facts = document["facts"]
    known = ", ".join(f"{key} {facts[key]}" for key in ("game", "world", "arm", "seed") if key in facts)
    return f"""---
library_name: rmr_gym
pipeline_tag: image-feature-extraction
tags:
- reinforcement-learning
- representation-learning
- world-model
---

# {document["name"]}{f": {known}" if known else ""}

A {document["kind"]} made with `rmr_gym`, which implements [Reasoning-Modulated Representations]({PAPER})
(Veličković, Bošnjak et al., 2021).

```python
from rmr_gym import FrozenFeatures

features = FrozenFeatures("{name}")  # batches of observations to feature vectors, numpy to numpy
```

`rmr_gym.sb3.policy_kwargs_from` puts the encoder into policies of Stable-Baselines3, and
`rmr_gym.models.load_any_encoder` gives the network itself.

What is known of it:

```json
{json.dumps(facts, indent=2, sort_keys=True)}
```

What it is built from:

```json
{json.dumps(document["config"], indent=2, sort_keys=True)}
```

Fingerprint of the weights: `{document["fingerprint"]}`
"""


def _upload(
    folder: Path,
    repo_id: str,
    *,
    commit_message: str = "Push an encoder using rmr_gym.",
    private: bool | None = None,
    token: str | bool | None = None,
    branch: str | None = None,
    create_pr: bool | None = None,
) -> str:
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise missing_extra("huggingface_hub", "hub") from error
    api = HfApi(token=token)
    repository = api.create_repo(repo_id=repo_id, private=private, exist_ok=True).repo_id
    commit = api.upload_folder(
        repo_id=repository,
        folder_path=folder,
        commit_message=commit_message,
        revision=branch,
        create_pr=create_pr,
        allow_patterns=[*FILES],
    )
    return str(commit)
