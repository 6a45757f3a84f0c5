"""The 24 games of the paper as data."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from rmr_gym.errors import explain
from rmr_gym.registry import UnknownNameError

NUM_RAM_BYTES = 128
"""Size of the console's memory in bytes; one byte is one slot of the abstract state."""

SCREEN_SHAPE = (210, 160)
"""Height and width in pixels of the screen of all 24 games."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Game:
    """One game under the names that its users know it by.

    Example:
        >>> get_game("ms_pacman").env_id
        'rmr/MsPacman-v0'
    """

    rom_id: str
    """Name of the cartridge in ale-py, in snake case ("ms_pacman"); the name used in files and on the command line."""

    name: str
    """Name in environment ids ("MsPacman")."""

    @property
    def env_id(self) -> str:
        """Id of the paired environment that this package registers."""
        return f"rmr/{self.name}-v0"

    @property
    def ale_id(self) -> str:
        """Id under which ale-py registers the same cartridge, with pixels only."""
        return f"ALE/{self.name}-v5"


GAMES: tuple[str, ...] = (
    "asteroids",
    "battle_zone",
    "berzerk",
    "bowling",
    "boxing",
    "breakout",
    "demon_attack",
    "freeway",
    "frostbite",
    "hero",
    "montezuma_revenge",
    "ms_pacman",
    "pitfall",
    "pong",
    "private_eye",
    "qbert",
    "riverraid",
    "seaquest",
    "skiing",
    "space_invaders",
    "tennis",
    "venture",
    "video_pinball",
    "yars_revenge",
)
"""Rom ids of the games of the paper's tables 1 and 2 (those with annotated RAM), in alphabetical order."""

_GAMES = {rom_id: Game(rom_id=rom_id, name=rom_id.title().replace("_", "")) for rom_id in GAMES}
_KNOWN_AS = {alias: game for game in _GAMES.values() for alias in (game.rom_id, game.name, game.env_id, game.ale_id)}


def get_game(name: str | Game) -> Game:
    """Find a game by any of its names.

    Args:
        name: a rom id ("ms_pacman"), a name ("MsPacman"), an environment id ("rmr/MsPacman-v0", "ALE/MsPacman-v5")
            or a `Game`, which is returned as it is.

    Returns:
        The game.

    Raises:
        ValueError: when no game has this name; the message lists the games and the nearest.

    Example:
        >>> get_game("rmr/Pong-v0").rom_id
        'pong'
    """
    if isinstance(name, Game):
        return name
    try:
        return _KNOWN_AS[name]
    except (KeyError, TypeError):
        raise UnknownNameError(_unknown(str(name))) from None


def _unknown(name: str) -> str:
    folded = {alias.lower(): game.rom_id for alias, game in _KNOWN_AS.items()}
    near = difflib.get_close_matches(name.lower(), folded, n=1)
    fix = f"Did you mean {folded[near[0]]!r}?" if near else "Choose one of these."
    return explain(expected=f"a game out of {', '.join(GAMES)}", got=name, fix=fix)
