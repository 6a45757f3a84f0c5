"""Recording several games, each into a directory of its own, on all cores at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from rmr_gym.atomic import sweep_unfinished
from rmr_gym.counts import as_count
from rmr_gym.data.cores import usable_cores
from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.playing import play
from rmr_gym.data.session import Session
from rmr_gym.data.store import EpisodeStore
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.envs.games import GAMES, get_game
from rmr_gym.errors import explain
from rmr_gym.players import Player, graded_players


def collect_games(
    path: str | Path,
    games: Sequence[str] = GAMES,
    *,
    num_episodes: int,
    max_steps_per_episode: int = 1500,
    players: Callable[[str], Sequence[Player]] | None = None,
    seed: int = 0,
    frame_skip: int = 4,
    max_pool: bool = True,
    noop_max: int = 30,
    num_workers: int | None = None,
    on_episode: Callable[[EpisodeMetadata], None] | None = None,
    before_episode: Callable[[], None] | None = None,
    on_game: Callable[[EpisodeStore], None] | None = None,
) -> dict[str, EpisodeStore]:
    """Record episodes of several games into `path/<rom id>`, those that are not there yet; see `collect`.

    Each directory is what `collect` with the same arguments makes. Workers go over to the next game while the last
    episodes of the one before are still being played. Only one process at a time should do this in one directory.

    Args:
        path: directory of the directories; made when missing.
        games: any names of games.
        num_episodes: episodes of each game.
        max_steps_per_episode: see `collect`.
        players: gives the players of a rom id; None takes `graded_players()` for all.
        seed: see `collect`; the same for all games.
        frame_skip: see `collect`.
        max_pool: see `collect`.
        noop_max: see `collect`.
        num_workers: see `collect`.
        on_episode: called in the calling thread after each episode that is safe on the disk.
        before_episode: see `collect`.
        on_game: called in the calling thread with the store of a game that is complete, while others are played.

    Returns:
        The stores of all games by rom id.

    Raises:
        ValueError: when a game stands twice; else see `collect`, before anything is played.
        CorruptFileError, OSError, RuntimeError: see `collect`.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     stores = collect_games(folder, ["pong", "boxing"], num_episodes=2, max_steps_per_episode=5)
        >>> [(game, len(store)) for game, store in stores.items()]
        [('pong', 2), ('boxing', 2)]
    """
    num_episodes = as_count("num_episodes", num_episodes)
    max_steps_per_episode = as_count("max_steps_per_episode", max_steps_per_episode)
    num_workers = usable_cores() if num_workers is None else as_count("num_workers", num_workers)
    rom_ids = rom_ids_of(games)
    sessions = {
        game: Session(
            directory=Path(path) / game,
            console=ConsoleConfig(game=game, frame_skip=frame_skip, max_pool=max_pool, noop_max=noop_max),
            players=tuple(graded_players() if players is None else players(game)),
            seed=seed,
            max_steps=max_steps_per_episode,
        )
        for game in rom_ids
    }
    work = []
    for session in sessions.values():
        session.directory.mkdir(parents=True, exist_ok=True)
        sweep_unfinished(session.directory)
        work += [(session, index) for index in session.missing(num_episodes)]
    left = Counter(session.console.game for session, _ in work)
    stores: dict[str, EpisodeStore] = {}

    def complete(game: str) -> None:
        stores[game] = EpisodeStore(sessions[game].directory)
        stores[game].write_manifest()
        if on_game is not None:
            on_game(stores[game])

    def count(metadata: EpisodeMetadata) -> None:
        if on_episode is not None:
            on_episode(metadata)
        left[metadata.console.game] -= 1
        if not left[metadata.console.game]:
            complete(metadata.console.game)

    for game in rom_ids:
        if not left[game]:
            complete(game)
    play(work, num_workers, count, before_episode)
    return {game: stores[game] for game in rom_ids}


def rom_ids_of(games: Sequence[str]) -> tuple[str, ...]:
    """Translate names of games; "all" alone stands for all 24.

    Raises:
        ValueError: when there is none, one is unknown, or two are the same.

    Example:
        >>> rom_ids_of(["rmr/MsPacman-v0", "pong"]), len(rom_ids_of(["all"]))
        (('ms_pacman', 'pong'), 24)
    """
    names = GAMES if list(games) == ["all"] else games
    rom_ids = () if "all" in names else tuple(get_game(name).rom_id for name in names)
    if not rom_ids or len(set(rom_ids)) < len(rom_ids):
        raise ValueError(
            explain(expected='different games, or "all" alone', got=", ".join(games) or "none", fix="Name each once.")
        )
    return rom_ids
