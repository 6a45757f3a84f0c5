from __future__ import annotations

import builtins
import hashlib
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled

from rmr_gym.errors import CorruptFileError
from rmr_gym.models import (
    Encoder,
    FrozenFeatures,
    VideoEncoder,
    encoder_document,
    fingerprint,
    load_any_encoder,
    load_encoder,
    save_encoder,
)
from rmr_gym.models.encoders import NatureCnnConfig, SlotAttentionConfig
from rmr_gym.models.encoders.nature_cnn import NatureCnn
from rmr_gym.models.hub import FILES, find_folder, model_card

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def make_encoder() -> NatureCnn:
    return NatureCnnConfig(resolution="84x84", num_slots=3, slot_dim=2, maps_per_slot=1).build()


def make_video_encoder() -> VideoEncoder:
    return SlotAttentionConfig(size=(8, 12), num_slots=3, slot_dim=6, channels=2, slot_size=4, hidden_dim=4).build()


def fill_cache(cache: Path, folder: Path, name: str, *, revision: str = "main") -> None:
    """Lay out the files of a folder as huggingface_hub does after a download."""
    repository = cache / f"models--{name.replace('/', '--')}"
    snapshot = repository / "snapshots" / COMMIT
    for part in (snapshot, repository / "blobs", repository / "refs"):
        part.mkdir(parents=True)
    for file in folder.iterdir():
        blob = repository / "blobs" / hashlib.sha256(file.read_bytes()).hexdigest()
        shutil.copy(file, blob)
        (snapshot / file.name).symlink_to(Path("..", "..", "blobs", blob.name))
    (repository / "refs" / revision).write_text(COMMIT)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache of the Hub, and no way to the network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("make", [make_encoder, make_video_encoder])
def test_encoder_survives_the_round_trip_through_a_folder(make: Any, tmp_path: Path) -> None:
    encoder = make()
    assert encoder.save_pretrained(tmp_path / "encoder", facts={"game": "pong", "seed": 3}) is None
    loaded = type(encoder).from_pretrained(tmp_path / "encoder")
    assert fingerprint(loaded) == fingerprint(encoder)
    assert loaded.config == encoder.config
    assert loaded.facts == {"game": "pong", "seed": 3}
    assert not loaded.training
    assert sorted(file.name for file in (tmp_path / "encoder").iterdir()) == sorted(FILES)
    assert fingerprint(load_any_encoder(tmp_path / "encoder")) == fingerprint(encoder)


def test_facts_stay_with_an_encoder_that_is_saved_again(tmp_path: Path) -> None:
    save_encoder(make_encoder(), tmp_path / "first", game="pong", arm="rmr", seed=3)
    encoder = load_encoder(tmp_path / "first")
    encoder.save_pretrained(tmp_path / "second", facts={"seed": 4})
    assert Encoder.from_pretrained(tmp_path / "second").facts == {"game": "pong", "arm": "rmr", "seed": 4}


def test_card_says_what_is_known(tmp_path: Path) -> None:
    encoder = make_encoder()
    encoder.save_pretrained(tmp_path, repo_id="user/name", facts={"game": "pong", "arm": "rmr", "seed": 3})
    card = (tmp_path / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: rmr_gym\n")
    assert huggingface_hub.ModelCard(card).data.library_name == "rmr_gym"  # the Hub can read it
    for known in ("# nature_cnn: game pong, arm rmr, seed 3", '"resolution": "84x84"', "arxiv.org/abs/2107.08881"):
        assert known in card
    assert fingerprint(encoder) in card
    assert 'FrozenFeatures("user/name")' in card


def test_card_of_an_encoder_of_which_nothing_is_known_has_a_plain_title() -> None:
    assert "\n# nature_cnn\n" in model_card(encoder_document(make_encoder()), "name")


def test_a_card_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    make_encoder().save_pretrained(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_name_is_read_from_the_cache_without_network(tmp_path: Path, offline: Path) -> None:
    encoder = make_encoder()
    encoder.save_pretrained(tmp_path / "encoder", facts={"game": "pong"})
    fill_cache(tmp_path / "elsewhere", tmp_path / "encoder", "user/name")
    loaded = Encoder.from_pretrained("user/name", cache_dir=tmp_path / "elsewhere", local_files_only=True)
    assert fingerprint(loaded) == fingerprint(encoder)
    assert loaded.facts == {"game": "pong"}
    with pytest.raises(ValueError, match="'user/name', which is no folder, and the Hub: Cannot find"):
        Encoder.from_pretrained("user/name", cache_dir=tmp_path / "empty", local_files_only=True)


def test_revisions_are_told_apart(tmp_path: Path, offline: Path) -> None:
    make_encoder().save_pretrained(tmp_path / "encoder")
    fill_cache(offline, tmp_path / "encoder", "user/name", revision="v2")
    for revision in ("v2", COMMIT):
        assert isinstance(NatureCnn.from_pretrained("user/name", revision=revision), NatureCnn)
    with pytest.raises(ValueError, match="which is no folder, and the Hub"):
        NatureCnn.from_pretrained("user/name")


def test_names_stand_wherever_folders_do(tmp_path: Path, offline: Path) -> None:
    encoder = make_encoder()
    encoder.save_pretrained(tmp_path / "encoder")
    fill_cache(offline, tmp_path / "encoder", "user/name")
    assert fingerprint(load_any_encoder("user/name")) == fingerprint(encoder)
    assert FrozenFeatures("user/name")(np.zeros((1, 84, 84), np.uint8)).shape == (1, 6)


def test_a_folder_goes_before_a_name(tmp_path: Path, offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = make_encoder(), make_encoder()
    there.save_pretrained(tmp_path / "there")
    fill_cache(offline, tmp_path / "there", "user/name")
    monkeypatch.chdir(tmp_path)
    here.save_pretrained("user/name")
    assert fingerprint(load_any_encoder("user/name")) == fingerprint(here) != fingerprint(there)


@pytest.mark.parametrize(
    "name", ["runs", "runs/pong/encoder", "./encoder", "../runs", "/runs/encoder", "~/encoder", ""]
)
def test_paths_are_no_names(name: str, offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    assert find_folder(name) == Path(name)
    assert find_folder(Path("user/name")) == Path("user/name")


def test_a_name_that_the_hub_does_not_know_is_refused(offline: Path) -> None:
    with pytest.raises(
        ValueError, match="Expected the folder of an encoder, or the name of one on the Hugging Face Hub"
    ):
        load_any_encoder("runs/encoder")


def test_files_of_another_library_are_refused(tmp_path: Path, offline: Path) -> None:
    make_encoder().save_pretrained(tmp_path / "encoder")
    (tmp_path / "encoder" / "config.json").write_text('{"model_type": "bert"}')
    fill_cache(offline, tmp_path / "encoder", "user/name")
    with pytest.raises(CorruptFileError, match="format 'rmr-checkpoint/1'"):
        Encoder.from_pretrained("user/name")


def test_an_encoder_of_another_class_is_refused(tmp_path: Path) -> None:
    make_encoder().save_pretrained(tmp_path)
    assert isinstance(Encoder.from_pretrained(tmp_path), NatureCnn)
    with pytest.raises(
        ValueError, match=r"Expected a VideoEncoder in .*; got NatureCnn. Call NatureCnn.from_pretrained"
    ):
        VideoEncoder.from_pretrained(tmp_path)


class _Api:
    """Notes what would be sent."""

    calls: list[tuple[str, dict[str, Any]]]

    def __init__(self, token: str | None = None) -> None:
        type(self).calls = [("login", {"token": token})]

    def create_repo(self, **kwargs: Any) -> SimpleNamespace:
        self.calls.append(("create_repo", kwargs))
        return SimpleNamespace(repo_id=kwargs["repo_id"])

    def upload_folder(self, **kwargs: Any) -> str:
        document = json.loads((Path(kwargs["folder_path"]) / "config.json").read_text())
        self.calls.append(("upload_folder", {**kwargs, "facts": document["facts"]}))
        return "https://huggingface.co/user/name/commit/1"


def test_pushing_sends_the_three_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(huggingface_hub, "HfApi", _Api)
    url = make_encoder().push_to_hub("user/name", facts={"game": "pong"}, private=True, token="secret", branch="v2")
    assert url == "https://huggingface.co/user/name/commit/1"
    assert [name for name, _ in _Api.calls] == ["login", "create_repo", "upload_folder"]
    login, repository, upload = (kwargs for _, kwargs in _Api.calls)
    assert login == {"token": "secret"}
    assert repository == {"repo_id": "user/name", "private": True, "exist_ok": True}
    assert (upload["facts"], upload["revision"], upload["allow_patterns"]) == ({"game": "pong"}, "v2", [*FILES])
    assert make_encoder().save_pretrained(tmp_path / "mine", push_to_hub=True) == url
    assert _Api.calls[1][1]["repo_id"] == "mine"  # the name of the folder, as in huggingface_hub


def test_without_huggingface_hub_folders_work_and_names_say_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    original = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "huggingface_hub":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    encoder = make_encoder()
    encoder.save_pretrained(tmp_path)
    assert fingerprint(Encoder.from_pretrained(tmp_path)) == fingerprint(encoder)
    with pytest.raises(DependencyNotInstalled, match=r"rmr-gym\[hub\](.|\n)*There is no folder user/name"):
        Encoder.from_pretrained("user/name")
    with pytest.raises(DependencyNotInstalled, match=r"rmr-gym\[hub\]"):
        encoder.push_to_hub("user/name")
