"""Stopping a collection before the disk is full, or before the data have taken more of it than they may."""

from __future__ import annotations

import shutil
from pathlib import Path

from rmr_gym.data.cores import usable_cores
from rmr_gym.errors import explain

GIGABYTE = 1e9

_AGAIN = "What is finished is kept: {do} and make the same call again."


class DiskLimitError(OSError):
    """A collection has reached the limit that it was given; all finished episodes are kept."""


class DiskWatch:
    """Looks at the disk before every episode; to be passed as `before_episode`.

    Room is kept for as many episodes as are played at once, so that these do not exceed the limit either, unless they
    are larger than all before them.

    Args:
        folder: of the data; need not exist yet.
        max_gigabytes: most that the episodes in it and in the folders right in it may take, in 10**9 bytes; None for no
            limit.
        min_free_gigabytes: least that is to stay free on its disk.
        num_workers: episodes that are played at once; None takes the number of usable cores.

    Raises:
        ValueError: when a limit is negative or not a number.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        max_gigabytes: float | None = None,
        min_free_gigabytes: float = 0.0,
        num_workers: int | None = None,
    ) -> None:
        for name, value in (("max_gigabytes", max_gigabytes), ("min_free_gigabytes", min_free_gigabytes)):
            if value is not None and not value >= 0:  # also not a number
                raise ValueError(explain(expected=f"{name} of at least 0", got=value, fix="Leave it out."))
        self._folder, self._most, self._least = Path(folder), max_gigabytes, min_free_gigabytes
        self._num_workers = usable_cores() if num_workers is None else num_workers

    def __call__(self) -> None:
        """Look now.

        Raises:
            DiskLimitError: when the episodes that are being played might exceed a limit.
        """
        sizes = episode_sizes(self._folder)
        pending = self._num_workers * max(sizes, default=0)
        if self._most is not None and sum(sizes) + pending > self._most * GIGABYTE:
            raise DiskLimitError(
                explain(
                    expected=f"the episodes in {self._folder} to stay below {self._most:g} GB",
                    got=f"{len(sizes):,} of them with {sum(sizes) / GIGABYTE:.3f} GB, and those that are being played",
                    fix=_AGAIN.format(do="raise max_gigabytes"),
                )
            )
        free = free_bytes(self._folder)
        if free - pending < self._least * GIGABYTE:
            raise DiskLimitError(
                explain(
                    expected=f"{self._least:g} GB to stay free on the disk of {self._folder}",
                    got=f"{free / GIGABYTE:.3f} GB, and episodes that are being played",
                    fix=_AGAIN.format(do="make room, or lower min_free_gigabytes,"),
                )
            )


def episode_sizes(folder: Path) -> list[int]:
    """Return the bytes of all episodes in a folder and in the folders right in it; what lies deeper is not walked."""
    return [path.stat().st_size for pattern in ("ep-*.arrow", "*/ep-*.arrow") for path in folder.glob(pattern)]


def free_bytes(folder: Path) -> int:
    """Return the room on the disk of a folder that need not exist yet."""
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return shutil.disk_usage(existing).free
