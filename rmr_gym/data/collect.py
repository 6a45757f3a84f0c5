"""Recording players at the console into a directory of episodes."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rmr_gym.data.arguments import check_positive, usable_cores
from rmr_gym.data.atomic import sweep_unfinished
from rmr_gym.data.metadata import EpisodeMetadata
from rmr_gym.data.recording import record_episode
from rmr_gym.data.store import EpisodeStore
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.envs.games import Game, get_game
from rmr_gym.errors import explain
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

    Workers are threads: the emulator and the compressor release the interpreter's lock, no player has to be sent to
    another process, and a script needs no `if __name__ == "__main__"`.

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

    Returns:
        The store with all its episodes, those of other seeds too. Its manifest has been written.

    Raises:
        ValueError: when a number is out of range, or the directory holds another game, other preprocessing or, under
            the same seed, episodes of other players or another length.
        CorruptFileError: when an episode in the directory is damaged.
        OSError: when the disk is full; the episodes that were written stay.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     store = collect(folder, "pong", num_episodes=2, max_steps_per_episode=5)
        >>> [episode.num_steps for episode in store.episodes]
        [5, 5]
    """
    num_workers = usable_cores() if num_workers is None else num_workers
    check_positive(num_episodes=num_episodes, max_steps_per_episode=max_steps_per_episode, num_workers=num_workers)
    console = ConsoleConfig(game=get_game(game).rom_id, frame_skip=frame_skip, max_pool=max_pool, noop_max=noop_max)
    session = _Session(
        directory=Path(path),
        console=console,
        players=tuple(graded_players() if players is None else players),
        seed=seed,
        max_steps=max_steps_per_episode,
    )
    session.directory.mkdir(parents=True, exist_ok=True)
    sweep_unfinished(session.directory)
    missing = session.missing(num_episodes)
    session.play(missing, num_workers, on_episode)
    store = EpisodeStore(session.directory)
    store.write_manifest()
    return store


@dataclass(frozen=True, kw_only=True, slots=True)
class _Session:
    """What all episodes of one call share."""

    directory: Path
    console: ConsoleConfig
    players: tuple[Player, ...]
    seed: int
    max_steps: int

    def __post_init__(self) -> None:
        given: tuple[object, ...] = self.players
        names = [player.name for player in given if isinstance(player, Player)]
        if not names or len(names) < len(given) or len(set(names)) < len(names):
            raise ValueError(
                explain(
                    expected="at least one rmr_gym.players.Player, all of different names",
                    got=[getattr(player, "name", player) for player in given],
                    fix="Pass players=None for the default, or give each player a name of its own.",
                )
            )

    def missing(self, num_episodes: int) -> list[int]:
        """List the numbers of the episodes to be played, after a look at those that are there."""
        store = EpisodeStore(self.directory)
        console = store.origin.get("console")
        if len(store) and console != self.console:
            raise ValueError(
                explain(
                    expected=f"a new directory, or one with episodes of {self.console}",
                    got=f"{self.directory} with {console or store.origin}",
                    fix="Collect into another directory.",
                )
            )
        games = [meta for meta in store.episodes if isinstance(meta, EpisodeMetadata)]
        present = {meta.episode_index: meta for meta in games if meta.seed == self.seed}
        for index, meta in present.items():
            expected, got = (self._player(index).name, self.max_steps), (meta.player, meta.max_steps)
            if expected != got:
                raise ValueError(
                    explain(
                        expected=f"episode {index} of seed {self.seed} by {expected[0]} of at most {expected[1]} steps",
                        got=f"{got[0]} and {got[1]} steps in {self.directory}",
                        fix="Pass another seed to add to this directory, or collect into another one.",
                    )
                )
        return [index for index in range(num_episodes) if index not in present]

    def play(
        self, episodes: Sequence[int], num_workers: int, on_episode: Callable[[EpisodeMetadata], None] | None
    ) -> None:
        """Play and write episodes, several at a time, and report each when it is on the disk."""
        idle: queue.SimpleQueue[Console] = queue.SimpleQueue()

        def work(index: int) -> EpisodeMetadata:
            try:
                console = idle.get_nowait()
            except queue.Empty:
                console = Console(self.console)
            metadata = record_episode(
                console,
                self._player(index),
                self.directory,
                seed=self.seed,
                episode_index=index,
                max_steps=self.max_steps,
            )
            idle.put(console)
            return metadata

        with ThreadPoolExecutor(max_workers=min(num_workers, len(episodes)) or 1) as pool:
            pending = [pool.submit(work, index) for index in episodes]
            try:
                for finished in as_completed(pending):
                    metadata = finished.result()
                    if on_episode is not None:
                        on_episode(metadata)
            finally:
                for future in pending:
                    future.cancel()

    def _player(self, index: int) -> Player:
        return self.players[index % len(self.players)]
