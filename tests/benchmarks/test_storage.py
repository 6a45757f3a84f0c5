"""One behaviour for folders and URLs."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from uuid import uuid4

import pytest

from benchmarks.storage import FolderStorage, RemoteStorage, Storage, download, open_storage, upload


@pytest.fixture(params=["folder", "file", "memory", "remote file"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "remote file":  # the same system, by way of fsspec
        return RemoteStorage(f"file://{tmp_path}/place")
    urls = {"folder": str(tmp_path / "place"), "file": f"file://{tmp_path}/place", "memory": f"memory://{uuid4()}"}
    return open_storage(urls[request.param])


def test_files_are_found_again(storage: Storage) -> None:
    assert not storage.exists("a/b-1/result.json")
    assert storage.names("result.json") == set()
    storage.write("a/b-1/result.json", b"old")
    storage.write("a/b-1/result.json", b"new")
    storage.write("a/b-1/processor/config.json", b"{}")
    storage.write("c/failure.json", b"")
    assert storage.exists("a/b-1/result.json")
    assert storage.read("a/b-1/result.json") == b"new"
    assert storage.names("result.json") == {"a/b-1/result.json"}
    assert storage.names_below("a/b-1") == {"a/b-1/result.json", "a/b-1/processor/config.json"}
    assert storage.names_below("nowhere") == set()


def test_missing_files_are_an_error_to_read_and_none_to_remove(storage: Storage) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read("result.json")
    storage.remove("result.json")
    storage.write("result.json", b"")
    storage.remove("result.json")
    assert not storage.exists("result.json")


def test_storage_travels_to_other_processes(storage: Storage) -> None:
    storage.write("a", b"1")
    again = pickle.loads(pickle.dumps(storage))
    assert (again.url, again.read("a")) == (storage.url, b"1")


def test_folders_go_there_and_back(storage: Storage, tmp_path: Path) -> None:
    here, back = tmp_path / "here", tmp_path / "back"
    for name in ("config.json", "part/weights", "log.jsonl"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(name)
    upload(here, storage, "x/y", leave=("log.jsonl",))
    download(storage, "x/y", back)
    assert {path.relative_to(back).as_posix() for path in back.rglob("*") if path.is_file()} == {
        "config.json",
        "part/weights",
    }
    assert (back / "part/weights").read_text() == "part/weights"


def test_upload_writes_the_file_that_says_it_is_complete_after_all_others(tmp_path: Path) -> None:
    class Order(FolderStorage):
        def write(self, name: str, content: bytes) -> None:
            written.append(name)

    written: list[str] = []
    for name in ("a", "result.json", "z"):
        (tmp_path / name).touch()
    upload(tmp_path, Order(tmp_path), "p", last="result.json")
    assert written == ["p/a", "p/z", "p/result.json"]


def test_download_that_was_interrupted_leaves_no_folder(tmp_path: Path) -> None:
    class Breaks(FolderStorage):
        def read(self, name: str) -> bytes:
            if broken:
                raise ConnectionError("gone")
            return super().read(name)

    storage = Breaks(tmp_path / "place")
    storage.write("x/a", b"1")
    storage.write("x/b", b"2")
    broken = True
    with pytest.raises(ConnectionError):
        download(storage, "x", tmp_path / "back")
    assert not (tmp_path / "back").exists()
    broken = False
    download(storage, "x", tmp_path / "back")
    assert (tmp_path / "back/b").read_bytes() == b"2"


def test_download_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = FolderStorage(tmp_path / "place")
    storage.write("x/part/a", b"1")
    forced = set()

    def fsync(descriptor: int) -> None:
        synced = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path)
        forced.add((str(synced), (tmp_path / "back").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    download(storage, "x", tmp_path / "back")
    inside = {(name, False) for name in (".back.partial/part/a", ".back.partial/part", ".back.partial")}
    assert forced == {*inside, (".", True)}
