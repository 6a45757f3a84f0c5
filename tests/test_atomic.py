"""Files appear whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rmr_gym import atomic
from rmr_gym.atomic import rename_folder, sweep_unfinished, write_atomically


@contextmanager
def file_size_limit(num_bytes: int) -> Iterator[None]:
    """Stand in for a full disk: writing beyond the limit fails, as far as this process is concerned."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_write_makes_and_replaces_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomically(path, b"one")
    write_atomically(path, memoryview(b"two"))
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_written_file_has_the_usual_mode(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"")
    (tmp_path / "b").touch()
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


@pytest.mark.parametrize("limit", [0, 5_000, 99_999])
def test_full_disk_raises_and_leaves_everything_as_it_was(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "a"
    write_atomically(path, b"old")
    with (
        file_size_limit(limit),
        pytest.raises(OSError, match=r"room for 100,000 bytes.*make the same call again") as info,
    ):
        write_atomically(path, bytes(100_000))
    assert info.value.errno == errno.EFBIG
    assert info.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    write_atomically(path, bytes(100_000))
    assert path.stat().st_size == 100_000


def test_data_are_on_the_disk_before_the_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = []
    path = tmp_path / "a"

    def fsync(descriptor: int) -> None:
        kind = "directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file"  # noqa: PTH112
        events.append((kind, path.exists()))

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    write_atomically(path, b"x")
    assert events == [("file", False), ("directory", True)]


def test_folder_is_on_the_disk_before_its_name_and_the_name_before_the_return(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unfinished, path = tmp_path / ".partial", tmp_path / "whole"
    (unfinished / "b").mkdir(parents=True)
    (unfinished / "a").write_bytes(b"one")
    (unfinished / "b" / "c").write_bytes(b"two")
    events = []

    def fsync(descriptor: int) -> None:
        synced = Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(tmp_path)
        events.append((str(synced), path.exists()))

    monkeypatch.setattr(atomic.os, "fsync", fsync)
    rename_folder(unfinished, path)
    inside = [(".partial/a", False), (".partial/b", False), (".partial/b/c", False)]
    assert events == [*inside, (".partial", False), (".", True)]
    assert (path / "b" / "c").read_bytes() == b"two"
    assert not unfinished.exists()


def test_sweep_deletes_unfinished_files_only(tmp_path: Path) -> None:
    finished, other = tmp_path / "ep-000000-0123456789abcdef.arrow", tmp_path / "notes.txt"
    for path in (finished, other):
        path.touch()
    stray = tmp_path / ".ep-000001-0123456789abcdef.arrow.0123456789ab.tmp"
    stray.write_bytes(b"half")
    assert sweep_unfinished(tmp_path) == [stray]
    assert sorted(tmp_path.iterdir()) == [finished, other]
    assert sweep_unfinished(tmp_path) == []


@pytest.mark.parametrize("name", ["thesis.tmp", ".thesis.tmp", "ep-000001.0123456789ab.tmp", ".a.0123456789AB.tmp"])
def test_sweep_leaves_files_alone_that_only_end_alike(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("years of work")
    (tmp_path / ".cache.0123456789ab.tmp").mkdir()
    assert sweep_unfinished(tmp_path) == []
    assert (tmp_path / name).read_text() == "years of work"


WRITER_AT_WORK = """
import sys
from pathlib import Path
from rmr_gym import atomic
with atomic._unfinished_file(Path(sys.argv[1])) as file:
    print("open", flush=True)
    sys.stdin.readline()
"""


def test_sweep_leaves_the_files_of_a_living_writer_alone(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER_AT_WORK, str(tmp_path / "a")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        assert sweep_unfinished(tmp_path) == []
        assert len(list(tmp_path.iterdir())) == 1
        writer.kill()
    assert len(sweep_unfinished(tmp_path)) == 1


def test_write_starts_over_when_a_sweep_comes_between_opening_and_locking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, calls = atomic.fcntl.flock, []

    def late_flock(file: object, operation: int) -> None:
        if not calls:
            for path in tmp_path.glob("*.tmp"):
                path.unlink()
        calls.append(operation)
        flock(file, operation)  # type: ignore[arg-type]

    monkeypatch.setattr(atomic.fcntl, "flock", late_flock)
    write_atomically(tmp_path / "a", b"x")
    assert len(calls) == 2
    assert (tmp_path / "a").read_bytes() == b"x"


def test_writing_keeps_the_old_content_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
