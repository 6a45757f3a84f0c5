"""Settings that all comparisons share."""

from __future__ import annotations

from dataclasses import dataclass

from rmr_gym.errors import explain


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How often and how large."""

    repeats: int = 5
    """Turns that every variant takes after one that does not count."""

    quick: bool = False
    """Sizes so small that everything runs in seconds; the figures then mean nothing."""

    device: str = "cpu"
    """Where the networks run."""

    def __post_init__(self) -> None:
        """Refuse numbers that are not positive."""
        if self.repeats < 1:
            raise ValueError(explain(expected="repeats of at least 1", got=self.repeats, fix="Leave it at 5."))
