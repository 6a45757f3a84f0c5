"""Players that other processes can import."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray


class UnpicklableError(Exception):
    """An error that cannot be made again of its arguments."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Idler:
    """Does nothing, and from the given step on what `trouble` says."""

    def __init__(self, trouble: str = "none", *, home: int = 0) -> None:
        self.name, self.skill, self.trouble = f"idler-{trouble}", 0.0, trouble
        self.home = home
        """Number of a process in which there is no trouble."""
        self.lookahead_steps = 0.0

    def start_episode(self, legal_actions: Sequence[int], seed: int) -> None:
        pass

    def act(self, observation: Mapping[str, NDArray[Any]]) -> int:
        if os.getpid() == self.home or self.trouble == "none":
            return 0
        if self.trouble == "exit":
            os._exit(3)
        if self.trouble == "print":
            sys.stdout.write("hello\n")
            return 0
        raise (UnpicklableError("one", "two") if self.trouble == "unpicklable" else LookupError("no such thing"))
