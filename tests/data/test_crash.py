"""Collectors that are killed and disks that are full."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rmr_gym.atomic import sweep_unfinished
from rmr_gym.data import EpisodeStore, collect
from tests.data.endless_collector import collect_without_end

NUM_KILLS = 20

PROCESSES = multiprocessing.get_context("forkserver")
"""Twenty interpreters would spend most of their time on their imports; these are copies of one that has done them."""


def collect_and_kill(folder: Path, rng: random.Random) -> set[int]:
    """Start a collector, kill it soon after a random acknowledgement, and return the acknowledged episodes."""
    (out, its_out), (err, its_err) = PROCESSES.Pipe(duplex=False), PROCESSES.Pipe(duplex=False)
    collector = PROCESSES.Process(target=collect_without_end, args=(str(folder), its_out, its_err))
    collector.start()
    its_out.close()
    its_err.close()
    with os.fdopen(os.dup(out.fileno())) as lines, os.fdopen(os.dup(err.fileno())) as errors, out, err:
        acknowledged = [lines.readline() for _ in range(rng.randrange(1, 6))]
        time.sleep(rng.random() * 0.02)
        collector.kill()
        acknowledged += lines.readlines()
        assert errors.read() == ""
    collector.join()
    assert collector.exitcode == -signal.SIGKILL
    return {int(line) for line in acknowledged if line.endswith("\n")}


def test_killed_collectors_lose_no_committed_episode(tmp_path: Path) -> None:
    PROCESSES.set_forkserver_preload(["pytest", "tests.data.endless_collector"])
    rng, acknowledged, contents = random.Random(0), set[int](), dict[str, bytes]()
    for _ in range(NUM_KILLS):
        new = collect_and_kill(tmp_path, rng)
        assert new, "the collector must have gone on"
        assert not new & acknowledged, "a finished episode must not be collected again"
        acknowledged |= new
        store = EpisodeStore(tmp_path)  # checks every checksum
        assert {meta.episode_index for meta in store.episodes} >= acknowledged
        for name, content in contents.items():
            assert (tmp_path / name).read_bytes() == content
        contents = {file.path.name: file.path.read_bytes() for file in store.files}
    assert len(acknowledged) >= NUM_KILLS
    store.verify()
    sweep_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(contents)


FULL_DISK = """
import resource, signal, sys
from rmr_gym.data import collect
from rmr_gym.envs.console import palette
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    collect(sys.argv[1], "pong", num_episodes=4, max_steps_per_episode=40, num_workers=2)
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 6_000])
def test_full_disk_costs_no_committed_episode(tmp_path: Path, room: int) -> None:
    before = collect(tmp_path, "pong", num_episodes=2, max_steps_per_episode=40)
    committed = {file.path.name: file.sha256 for file in before.files}
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(room)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    assert "Expected room for" in done.stdout
    assert "make the same call again" in done.stdout
    assert done.stderr == ""
    assert {file.path.name: file.sha256 for file in EpisodeStore(tmp_path).files} == committed
    assert not list(tmp_path.glob("*.tmp"))
    after = collect(tmp_path, "pong", num_episodes=4, max_steps_per_episode=40)
    assert len(after) == 4
    assert committed.items() <= {file.path.name: file.sha256 for file in after.files}.items()


SMALL_DISK = """
import shutil, sys
from pathlib import Path
from rmr_gym.data import EpisodeStore, collect
folder = Path(sys.argv[1]) / "pong"
stored = []
try:
    collect(folder, "pong", num_episodes=200, max_steps_per_episode=40, num_workers=1,
            on_episode=lambda metadata: stored.append(metadata.episode_index))
except OSError as error:
    print(error)
store = EpisodeStore(folder)
print(len(stored), store.verify(), [meta.episode_index for meta in store.episodes] == sorted(stored))
print(shutil.disk_usage(folder).free, list(folder.glob("*.tmp")))
"""


def may_mount(folder: Path) -> bool:
    """Whether this process may have a file system of its own, in a namespace that ends with it."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_small_disk_that_fills_up_keeps_what_was_committed(tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("no right to mount; the limit on the size of files above stands in for a full disk")
    script = 'mount -t tmpfs -o size=100k tmpfs "$1" && exec "$2" -c "$3" "$1"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(tmp_path), sys.executable, SMALL_DISK]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    error, kept, disk = done.stdout.splitlines()
    assert "Expected room for" in error
    assert "got No space left on device" in error
    num_stored, num_frames, same = kept.split()
    assert int(num_stored) >= 2
    assert int(num_frames) == 41 * int(num_stored)
    assert same == "True"
    assert disk.endswith(" []")
    assert int(disk.split()[0]) < 50_000
    assert list(tmp_path.iterdir()) == []  # the disk is gone with its namespace
