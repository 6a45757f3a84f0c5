"""Where results lie: a folder of this machine, or any place that fsspec knows, since many machines need one place."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from rmr_gym.atomic import rename_folder, write_atomically


class Storage(Protocol):
    """Named files. A name is a relative path with forward slashes; a file is there as a whole or not at all."""

    @property
    def url(self) -> str:
        """What was passed to `open_storage`."""

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: when there is none.
        """

    def write(self, name: str, content: bytes) -> None:
        """Write a file in the place of one that may be there."""

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""

    def exists(self, name: str) -> bool:
        """Tell whether a file is there."""

    def names(self, last: str) -> set[str]:
        """List the files of a given last name, such as result.json, with one look at all files."""

    def names_below(self, folder: str) -> set[str]:
        """List the files below a folder, by their full names."""


def open_storage(url: str | Path) -> Storage:
    """Open a place for results.

    Args:
        url: a folder, or a URL such as `s3://bucket/run`, `gs://...`, `memory://...`, `file:///...`.

    Raises:
        ImportError: from fsspec, when the package for this kind of URL is missing; the message names it.

    Example:
        >>> place = open_storage("memory://doctest")
        >>> place.write("a/b/result.json", b"{}")
        >>> place.names("result.json"), place.read("a/b/result.json")
        ({'a/b/result.json'}, b'{}')
    """
    folder = local_folder(url)
    return RemoteStorage(str(url)) if folder is None else FolderStorage(folder)


def local_folder(url: str | Path) -> Path | None:
    """Return the folder that a URL means, None when it is not on this machine.

    Example:
        >>> local_folder("runs/a").as_posix(), local_folder("file:///runs/a").as_posix(), local_folder("s3://runs/a")
        ('runs/a', '/runs/a', None)
    """
    text = str(url)
    if text.startswith("file://"):
        return Path(text.removeprefix("file://"))
    return None if "://" in text else Path(url)


class FolderStorage:
    """Files of this machine, written so that a kill leaves the old or the new content.

    Args:
        folder: made when something is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def url(self) -> str:
        """The folder."""
        return str(self.folder)

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        return (self.folder / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        """Write a file atomically."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        (self.folder / name).unlink(missing_ok=True)

    def exists(self, name: str) -> bool:
        """Tell whether a file is there."""
        return (self.folder / name).exists()

    def names(self, last: str) -> set[str]:
        """List the files of a given last name."""
        return {path.relative_to(self.folder).as_posix() for path in self.folder.rglob(last)}

    def names_below(self, folder: str) -> set[str]:
        """List the files below a folder."""
        files = (path for path in (self.folder / folder).rglob("*") if path.is_file())
        return {path.relative_to(self.folder).as_posix() for path in files}


class RemoteStorage:
    """Files behind a URL of fsspec; object stores show a file when all of it has arrived.

    Args:
        url: such as `s3://bucket/run`.
    """

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs  # brings asyncio and much else that a local run needs not

        self._url = url
        self._system: Any
        self._system, root = url_to_fs(url)
        self._root = root.rstrip("/")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the URL alone: connections do not travel."""
        return RemoteStorage, (self._url,)

    @property
    def url(self) -> str:
        """What it was opened with."""
        return self._url

    def read(self, name: str) -> bytes:
        """Return the content of a file."""
        content: bytes = self._system.cat_file(self._path(name))
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file with one request."""
        path = self._path(name)
        self._system.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        self._system.pipe_file(path, content)

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        if self.exists(name):
            self._system.rm_file(self._path(name))

    def exists(self, name: str) -> bool:
        """Tell whether a file is there."""
        self._system.invalidate_cache()  # other machines write, too
        return bool(self._system.exists(self._path(name)))

    def names(self, last: str) -> set[str]:
        """List the files of a given last name."""
        return {name for name in self._below(self._root) if PurePosixPath(name).name == last}

    def names_below(self, folder: str) -> set[str]:
        """List the files below a folder."""
        return self._below(self._path(folder))

    def _below(self, folder: str) -> set[str]:
        self._system.invalidate_cache()
        found = self._system.find(folder) if self._system.exists(folder) else []
        return {path.removeprefix(self._root).lstrip("/") for path in found}

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


def upload(folder: Path, storage: Storage, prefix: str, *, leave: Collection[str] = (), last: str = "") -> None:
    """Copy the files of a folder to a storage.

    Args:
        folder: of this machine.
        storage: where to.
        prefix: folder in it.
        leave: names of files that stay.
        last: name of the file that is copied after all others, since it says that they are complete.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in leave]
    for path in sorted(files, key=lambda path: (path.name == last, path)):
        storage.write(f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def download(storage: Storage, prefix: str, folder: Path) -> None:
    """Copy what lies below a folder of a storage to a folder that appears when all of it has arrived on the disk.

    Args:
        storage: where from.
        prefix: folder in it.
        folder: of this machine; must not exist.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in sorted(storage.names_below(prefix)):
        path = partial / name.removeprefix(f"{prefix}/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(storage.read(name))
    rename_folder(partial, folder)
