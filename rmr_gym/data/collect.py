"""Recording players at the console into a directory of episodes."""

from __future__ import annotations

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
from rmr_gym.envs.games import Game, get_game
from rmr_gym.players import Player, graded_players


def collect(
    path: str | Path,
    game: str | Game,
    *,
    num_episodes: int,
    max_steps_per_episode: int = 1500,
    players: Sequence[Player] | None = None,
    seed: int = 0,
    frame_skip: int = 4,
    max_pool: bool = True,
    noop_max: int = 30,
    num_workers: int | None = None,
    on_episode: Callable[[EpisodeMetadata], None] | None = None,
    before_episode: Callable[[], None] | None = None,
) -> EpisodeStore:
    """Record episodes 0 to `num_episodes` - 1 of a seed, those that are not there yet.

    An episode depends on `seed` and its number alone: any number of workers writes the same files, a call that was
    killed can be made again and goes on, and more episodes can be added later. Several collectors with different seeds
    may write into one directory at once. Sticky actions are off, so that action and RAM decide the next RAM.

    A long episode is stored as one window of `max_steps_per_episode` transitions. Play stops after that many steps and
    as many more as a number drawn uniformly between 0 and `max_steps_per_episode` says, or when the game is over, and
    the last steps are kept. So the middle and the end of a game occur in the data and not its opening alone (paper:
    whole episodes; the cap and its place are ours). The actions before the window are stored, and `replay` can check
    the episode against the emulator.

    One worker plays in this process, every other one in a process of its own, as long as there is enough to play that
    starting it pays. A script needs no `if __name__ == "__main__"`. Players whose class is defined in the main script,
    or that cannot be pickled, play in threads of this process, where only one at a time has the emulator: put the class
    into a module to use all cores.

    Args:
        path: directory of the data set; made when missing.
        game: any name of a game, see `get_game`.
        num_episodes: number of episodes of this seed that there shall be.
        max_steps_per_episode: most stored transitions of one episode, in agent steps of `frame_skip` frames.
        players: episode i is played by player i modulo their number; None takes `graded_players()`.
        seed: of everything random.
        frame_skip: emulated frames per step, see `ConsoleConfig`.
        max_pool: see `ConsoleConfig`.
        noop_max: most frames without action at the start, see `ConsoleConfig`.
        num_workers: episodes that are played at once; None takes the number of usable cores.
        on_episode: called in the calling thread after each episode that was written and is safe on the disk.
        before_episode: called before each episode is begun, by several threads at a time; what it raises ends the
            collection, as `DiskWatch` does.

    Returns:
        The store with all its episodes, those of other seeds too. Its manifest has been written.

    Raises:
        ValueError: when a number is out of range, or the directory holds another game, other preprocessing or, under
            the same seed, episodes of other players or another length.
        CorruptFileError: when an episode in the directory is damaged.
        OSError: when the disk is full; the episodes that were written stay.
        RuntimeError: when a process that recorded has ended, for lack of memory perhaps; the episodes that were written
            stay.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = collect(folder, "pong", num_episodes=2, max_steps_per_episode=5)
        >>> [episode.num_steps for episode in store.episodes]
        [5, 5]
    """
    num_episodes = as_count("num_episodes", num_episodes)
    max_steps_per_episode = as_count("max_steps_per_episode", max_steps_per_episode)
    num_workers = usable_cores() if num_workers is None else as_count("num_workers", num_workers)
    console = ConsoleConfig(game=get_game(game).rom_id, frame_skip=frame_skip, max_pool=max_pool, noop_max=noop_max)
    session = Session(
        directory=Path(path),
        console=console,
        players=tuple(graded_players() if players is None else players),
        seed=seed,
        max_steps=max_steps_per_episode,
    )
    session.directory.mkdir(parents=True, exist_ok=True)
    sweep_unfinished(session.directory)
    missing = session.missing(num_episodes)
    play([(session, index) for index in missing], num_workers, on_episode, before_episode)
    store = EpisodeStore(session.directory)
    store.write_manifest()
    return store
