"""What is known about an episode, stored in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rmr_gym.data.layout import ATARI, Layout, balls_layout
from rmr_gym.envs.actions import NUM_ACTIONS
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.errors import explain


@dataclass(frozen=True, kw_only=True, slots=True)
class EpisodeMetadata:
    """How an episode of an Atari game came about: enough to play it again, frame by frame."""

    world: ClassVar[str] = "atari"
    """Which class of metadata a file holds."""

    console: ConsoleConfig
    """Game and preprocessing."""

    seed: int
    """Seed of the collection."""

    episode_index: int
    """Number of the episode in its collection; with the seed it decides everything random in the episode."""

    player: str
    """Name of the player."""

    skill: float
    """Grade of the player in 0..1."""

    num_noops: int
    """Emulated frames without action between the reset and the first agent step."""

    lead_in: tuple[int, ...]
    """ALE values of the actions that were played after the no-ops and before the first stored row."""

    num_steps: int
    """Stored transitions, at least 1; the file has one row more."""

    max_steps: int
    """Most transitions that the collection stores of an episode."""

    rom_md5: str
    """Checksum of the cartridge."""

    palette_hex: str
    """The 256 RGB colours behind the palette indices, as hexadecimal digits."""

    versions: Mapping[str, str]
    """Versions of the packages that decide the content."""

    def __post_init__(self) -> None:
        """Refuse values of the wrong type or range, which a foreign or damaged file may hold."""
        _check_integers(self, episode_index=0, num_noops=0, num_steps=1, max_steps=1)
        _require(type(self.skill) in (int, float) and 0 <= self.skill <= 1, "skill", self.skill)
        for name, kind in (("player", str), ("rom_md5", str), ("palette_hex", str), ("versions", Mapping)):
            _require(isinstance(getattr(self, name), kind), name, getattr(self, name))
        _require(all(type(a) is int and 0 <= a < NUM_ACTIONS for a in self.lead_in), "lead_in", self.lead_in)
        _require(len(bytes.fromhex(self.palette_hex)) == 256 * 3, "palette_hex", self.palette_hex)

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> EpisodeMetadata:
        """Make metadata of the fields that `dataclasses.asdict` gave, after a way through JSON."""
        fields = dict(fields)
        console = ConsoleConfig(**fields.pop("console"))
        return cls(console=console, lead_in=tuple(fields.pop("lead_in")), **fields)

    @property
    def layout(self) -> Layout:
        """What a row of the file holds."""
        return ATARI

    @property
    def origin(self) -> dict[str, object]:
        """What all episodes of a directory have in common."""
        names = ("world", "console", "rom_md5", "palette_hex")
        return {name: getattr(self, name) for name in names}

    @property
    def heading(self) -> dict[str, object]:
        """What the manifest says about the whole directory, JSON-able."""
        return {"console": asdict(self.console)}

    @property
    def entry(self) -> dict[str, object]:
        """What the manifest says about this episode, JSON-able."""
        names = ("seed", "episode_index", "player", "skill", "num_steps")
        return {name: getattr(self, name) for name in names} | {"first_step": self.first_step}

    @property
    def play(self) -> tuple[int | str, ...]:
        """What decides the whole play, of which an episode holds a part."""
        return self.seed, self.episode_index, self.player, self.num_noops

    @property
    def first_step(self) -> int:
        """Agent steps before the first stored row."""
        return len(self.lead_in)

    @property
    def palette(self) -> NDArray[np.uint8]:
        """Colours of the palette indices, uint8 `(256, 3)`, read-only."""
        return np.frombuffer(bytes.fromhex(self.palette_hex), dtype=np.uint8).reshape(256, 3)


@dataclass(frozen=True, kw_only=True, slots=True)
class BallsEpisodeMetadata:
    """How a trajectory of bouncing balls came about: enough to simulate it again."""

    world: ClassVar[str] = "bouncing_balls"
    """Which class of metadata a file holds."""

    skill: ClassVar[float] = 0.0
    """Nobody plays: for a split by skill all trajectories are equal."""

    first_step: ClassVar[int] = 0
    """Steps before the first stored row: trajectories are stored whole."""

    config: BallsConfig
    """The parameters of the world."""

    seed: int
    """Seed of the collection."""

    episode_index: int
    """Number of the episode in its collection; with the seed it decides the start."""

    num_steps: int
    """Stored transitions, at least 1; the file has one row more."""

    pixels: bool
    """Whether pictures were recorded."""

    versions: Mapping[str, str]
    """Versions of the packages that decide the content."""

    def __post_init__(self) -> None:
        """Refuse values of the wrong type or range, which a foreign or damaged file may hold."""
        _check_integers(self, episode_index=0, num_steps=1)
        for name, kind in (("config", BallsConfig), ("pixels", bool), ("versions", Mapping)):
            _require(isinstance(getattr(self, name), kind), name, getattr(self, name))

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> BallsEpisodeMetadata:
        """Make metadata of the fields that `dataclasses.asdict` gave, after a way through JSON."""
        fields = dict(fields)
        config = {name: _tuples(value) for name, value in dict(fields.pop("config")).items()}
        config = {**BallsConfig.MEANT_BEFORE, **config}
        return cls(config=BallsConfig(**config), **fields)

    @property
    def play(self) -> tuple[int | str, ...]:
        """What decides the start, and with the world all that follows."""
        return self.seed, self.episode_index

    @property
    def layout(self) -> Layout:
        """What a row of the file holds."""
        return balls_layout(self.config, pixels=self.pixels)

    @property
    def origin(self) -> dict[str, object]:
        """What all episodes of a directory have in common."""
        # What draws no picture makes no difference.
        config = self.config if self.pixels else replace(self.config, painter="discs")
        return {"world": self.world, "config": config, "pixels": self.pixels}

    @property
    def heading(self) -> dict[str, object]:
        """What the manifest says about the whole directory, JSON-able."""
        return {"world": self.world, "config": asdict(self.config), "pixels": self.pixels}

    @property
    def entry(self) -> dict[str, object]:
        """What the manifest says about this episode, JSON-able."""
        return {name: getattr(self, name) for name in ("seed", "episode_index", "num_steps")}


AnyMetadata: TypeAlias = EpisodeMetadata | BallsEpisodeMetadata
"""Metadata of an episode of either world."""


def _check_integers(metadata: AnyMetadata, **least: int) -> None:
    """Check the seed, which may be any integer, and numbers that have a least value."""
    _require(type(metadata.seed) is int, "seed", metadata.seed)
    for name, minimum in least.items():
        value = getattr(metadata, name)
        _require(type(value) is int and value >= minimum, name, value)


def _require(holds: bool, name: str, value: object) -> None:
    if not holds:
        raise ValueError(explain(expected=f"valid episode metadata {name!r}", got=value, fix="Collect it again."))


def _tuples(value: Any) -> Any:
    """Turn the lists that JSON made of tuples back into tuples."""
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value
