"""Exchange with Minari, the format of the Farama Foundation for recorded play: nothing is lost on the way or back."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from gymnasium.error import DependencyNotInstalled

from rmr_gym.data.codec import metadata_from_json, metadata_to_json
from rmr_gym.data.layout import ATARI
from rmr_gym.data.metadata import AnyMetadata, BallsEpisodeMetadata, EpisodeMetadata
from rmr_gym.data.minari_environments import recorded_environment
from rmr_gym.data.minari_foreign import ForeignEpisodes
from rmr_gym.data.palettes import ColourIndex
from rmr_gym.data.records import BallsEpisode, Episode
from rmr_gym.data.store import EpisodeStore
from rmr_gym.data.writer import EpisodeWriter
from rmr_gym.errors import BusyFolderError, explain, missing_extra

MinariFormat = Literal["arrow", "hdf5", "parquet"]
"""How Minari stores: "arrow" needs no further package, "hdf5" (Minari's default) needs h5py, "parquet" compresses."""

_ROOT = "MINARI_DATASETS_PATH"

_METADATA = "rmr_episodes"
"""Our key in the metadata of a Minari data set: what is known about each episode, by its number there."""


def export_minari(
    path: str | Path,
    dataset_id: str,
    *,
    data_format: MinariFormat = "arrow",
    author: str | None = None,
    author_email: str | None = None,
    code_permalink: str | None = None,
    description: str | None = None,
    on_episode: Callable[[int, int], None] | None = None,
) -> Path:
    """Write all episodes of a directory as a Minari data set.

    Observations of games are those of `rmr/<Game>-v0`: a dictionary of `pixels`, RGB `(210, 160, 3)`, and `ram`
    `(128,)`; actions are ALE values. Pictures are stored without JPEG, whose loss is Minari's default, and therefore
    large: 101 kB per frame of a game, before the compression of "parquet". `import_minari` gives back the same files.

    The environment in the specification plays the same game with the same preprocessing. Its own resets draw other
    numbers of no-ops than our collector, so that episodes carry no seed of a Gymnasium reset; what repeats them,
    `replay`, comes back with the import.

    Minari's directory is that in MINARI_DATASETS_PATH, else `~/.minari/datasets`. The data set gets its name when all
    its episodes are written. What an export that was killed has written is in a directory beside it that Minari does
    not list, such as `.random-v0.tmp`, which the next export of that id replaces.

    Args:
        path: directory of episodes.
        dataset_id: Minari's name, such as "rmr/pong/random-v0".
        data_format: see `MinariFormat`.
        author: name for the metadata; Minari recommends to fill in this and the next three.
        author_email: address for the metadata.
        code_permalink: link to the code that recorded.
        description: what the data are; None writes it.
        on_episode: told `(done, all)` after each episode.

    Returns:
        The directory of the Minari data set.

    Raises:
        ValueError: when there are no episodes, the id is malformed or taken, or a picture has colours that the palette
            cannot tell apart, which would not come back.
        BusyFolderError: when another process exports to this id.
        CorruptFileError: when an episode is damaged.
        DependencyNotInstalled: when Minari, or h5py for "hdf5", is missing.
        OSError: when the disk is full. As after any other failure no episode is left behind.
    """
    minari = _minari()
    store = EpisodeStore(path)
    if not len(store):
        raise ValueError(explain(expected="at least one episode", got=f"none in {path}", fix="Call collect() first."))
    try:  # Minari itself makes the directory of a bad id first
        namespace, *_ = minari.dataset.minari_dataset.parse_dataset_id(dataset_id)
    except TypeError as error:
        fix = f"Pass {dataset_id}-v0."
        raise ValueError(explain(expected="an id that ends in a version", got=dataset_id, fix=fix)) from error
    root, folder = (_dataset_folder(minari, name).absolute() for name in ("", dataset_id))
    first = store.episodes[0]
    about = {
        "algorithm_name": _players(store),
        "description": description or f"Pictures and the state behind them: {first.heading}",
        "author": author,
        "author_email": author_email,
        "code_permalink": code_permalink,
    }
    told = {str(number): metadata_to_json(meta).decode() for number, meta in enumerate(store.episodes)}
    with _unfinished(folder) as place:
        if folder.exists():
            fix = "Pass another id, or delete it: minari delete."
            raise ValueError(explain(expected="an id that is free", got=f"{dataset_id}, which exists", fix=fix))
        with _quiet(), _environment(first) as env, _root_at(place):
            dataset = _create(minari, dataset_id, env, first, data_format, about)
        dataset.storage.update_metadata({_METADATA: told})
        for number, file in enumerate(store.files):
            dataset.update_dataset_from_buffer([_buffer(minari, number, file.read())])
            if on_episode is not None:
                on_episode(number + 1, len(store))
        with _root_at(root):
            if namespace is not None and namespace not in minari.namespace.list_local_namespaces():
                minari.namespace.create_namespace(namespace)
        (place / dataset_id).rename(folder)
    return folder


def import_minari(
    dataset_id: str,
    path: str | Path,
    *,
    seed: int = 0,
    on_episode: Callable[[int, int], None] | None = None,
) -> EpisodeStore:
    """Write the episodes of a Minari data set into a directory of episodes.

    What `export_minari` wrote becomes the same episodes, bit for bit. Other data sets are taken if they were recorded
    with `rmr/<Game>-v0` (or its like by `make_atari`) without JPEG, see `ForeignEpisodes`.

    Args:
        dataset_id: Minari's name of a data set that is on this machine.
        path: directory of episodes; made when missing. Episodes that are in it stay.
        seed: written into episodes that were not exported by us, as the seed of their collection.
        on_episode: told `(done, all)` after each episode.

    Returns:
        The store with all its episodes.

    Raises:
        ValueError: when there is no such data set, it lacks episodes because its export was killed, it has no pairs of
            pixels and RAM, its pictures are lossy, or the directory holds episodes of another game or preprocessing.
        DependencyNotInstalled: when Minari, or what it needs for the format, is missing.
        OSError: when the disk is full; the episodes that were written stay.
    """
    minari = _minari()
    if not (_dataset_folder(minari, dataset_id) / "data").exists():
        fix = "List them with `minari list local`; MINARI_DATASETS_PATH says where they are."
        raise ValueError(explain(expected="a Minari data set of this machine", got=dataset_id, fix=fix))
    with _storage_packages():
        dataset = minari.load_dataset(dataset_id)
    _refuse_jpeg(dataset)
    told = dataset.storage.metadata.get(_METADATA, {})
    _refuse_incomplete(dataset, len(told))
    numbers = dataset.episode_indices.tolist()
    # Others may also have added episodes to a data set that we exported.
    foreign = None if all(str(number) in told for number in numbers) else ForeignEpisodes(dataset, seed)
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    for count, number in enumerate(numbers):
        (data,) = dataset.iterate_episodes([number])
        ours = told.get(str(number))
        metadata = foreign.metadata(data) if foreign and ours is None else metadata_from_json(ours.encode())
        if count == 0:
            _check_origin(folder, metadata)
        _write(folder, metadata, data)
        if on_episode is not None:
            on_episode(count + 1, len(dataset))
    store = EpisodeStore(folder)
    store.write_manifest()
    return store


def _create(
    minari: ModuleType, dataset_id: str, env: Any, first: AnyMetadata, data_format: str, about: dict[str, str | None]
) -> Any:
    observations, actions = observation_spaces(first)
    with _storage_packages():
        return minari.create_dataset_from_buffers(
            dataset_id,
            [],
            env=env,
            observation_space=observations,
            action_space=actions,
            data_format=data_format,
            jpeg_encoding=False,
            **about,
        )


def observation_spaces(metadata: AnyMetadata) -> tuple[spaces.Space[Any], spaces.Space[Any]]:
    """Return the spaces of the observations and actions of an episode."""
    layout = metadata.layout
    parts: dict[str, spaces.Space[Any]] = {}
    if layout.screen_shape is not None:
        parts["pixels"] = spaces.Box(0, 255, (*layout.screen_shape[:2], 3), np.uint8)
    if isinstance(metadata, BallsEpisodeMetadata):
        side = metadata.config.box_size / 2
        parts["state"] = spaces.Box(-side, side, layout.abstract_shape, np.float32)
        return spaces.Dict(parts), spaces.Discrete(1)
    parts["ram"] = spaces.Box(0, 255, layout.abstract_shape, np.uint8)
    return spaces.Dict(parts), spaces.Discrete(ATARI.num_actions)


def _buffer(minari: ModuleType, number: int, episode: Episode | BallsEpisode) -> Any:
    if isinstance(episode, Episode):
        pixels: Any = episode.rgb()
        if not np.array_equal(ColourIndex(episode.metadata.palette).indices(pixels), episode.screens):
            raise ValueError(
                explain(
                    expected="pictures whose colours name their palette index",
                    got=f"two indices of one colour in episode {episode.metadata.episode_index}",
                    fix="Such pictures do not come from the console; export them in another way.",
                )
            )
        observations = {"pixels": pixels, "ram": episode.ram}
    else:
        pixels = {} if episode.pixels is None else {"pixels": episode.pixels}
        observations = {**pixels, "state": episode.state}
    return minari.data_collector.EpisodeBuffer(
        id=number,
        observations=observations,
        actions=episode.actions.astype(np.int64),
        rewards=episode.rewards,
        terminations=episode.terminated,
        truncations=episode.truncated,
    )


def _write(folder: Path, metadata: AnyMetadata, data: Any) -> None:
    layout = metadata.layout
    abstract = np.ascontiguousarray(data.observations[layout.abstract_name], dtype=layout.abstract_type)
    screens: Any = [None] * len(abstract)
    if isinstance(metadata, EpisodeMetadata):
        screens = ColourIndex(metadata.palette).indices(np.asarray(data.observations["pixels"]))
    elif layout.screen_shape is not None:
        screens = np.asarray(data.observations["pixels"])
    lead_in = metadata.lead_in if isinstance(metadata, EpisodeMetadata) else ()
    writer = EpisodeWriter(max_steps=metadata.num_steps, layout=layout)
    writer.start(screens[0], abstract[0], lead_in=lead_in)
    rewards = np.asarray(data.rewards)
    if not np.array_equal(rewards.astype(np.float32), rewards):
        fix = "Episodes store rewards as float32; scale them in a copy of the data set."
        raise ValueError(explain(expected="rewards that float32 can hold", got=f"{rewards.dtype}", fix=fix))
    for row, (action, reward) in enumerate(zip(data.actions, rewards, strict=True)):
        writer.step(int(action), float(reward), screens[row + 1], abstract[row + 1])
    writer.commit(folder, metadata, terminated=bool(data.terminations[-1]))


def _check_origin(folder: Path, metadata: AnyMetadata) -> None:
    """Refuse a directory of other episodes before anything is written into it."""
    there = EpisodeStore(folder).origin
    if there and there != metadata.origin:
        fix = "Import into another directory."
        raise ValueError(explain(expected=f"episodes of {there} for {folder}", got=str(metadata.origin), fix=fix))


def _refuse_jpeg(dataset: Any) -> None:
    if dataset.storage.jpeg_encoding:
        raise ValueError(
            explain(
                expected="a Minari data set with the pictures as they were",
                got=f"{dataset.id} with JPEG, which changes them",
                fix="Record it again with jpeg_encoding=False.",
            )
        )


def _refuse_incomplete(dataset: Any, num_told: int) -> None:
    """Refuse what a killed export of an earlier version left, which wrote under the final id from the start."""
    total = dataset.storage.total_episodes  # of a part of a data set, too, the whole
    if total < max(num_told, 1):
        raise ValueError(
            explain(
                expected=f"a Minari data set of at least {max(num_told, 1)} episodes",
                got=f"{total} in {dataset.id}",
                fix="Its export did not end: delete it with `minari delete` and export it again.",
            )
        )


def _players(store: EpisodeStore) -> str:
    names = sorted({meta.player for meta in store.episodes if isinstance(meta, EpisodeMetadata)})
    if not names:
        return "simulation"
    return names[0] if len(names) == 1 else f"{len(names)} players, from {names[0]} to {names[-1]}"


@contextlib.contextmanager
def _environment(metadata: AnyMetadata) -> Iterator[Any]:
    """Make the environment for the specification; None where its emulator is not installed."""
    try:
        env = recorded_environment(metadata)
    except DependencyNotInstalled:
        yield None
        return
    with contextlib.closing(env):
        yield env


def _dataset_folder(minari: ModuleType, dataset_id: str) -> Path:
    return Path(minari.storage.datasets_root_dir.get_dataset_path(dataset_id))


@contextlib.contextmanager
def _unfinished(folder: Path) -> Iterator[Path]:
    """Keep an empty directory beside a data set, which Minari does not list, to this process; delete it at the end."""
    place = folder.with_name(f".{folder.name}.tmp")
    place.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(place, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            got = "another process that is exporting to it"
            fix = "Wait until it ends, or pass another id."
            raise BusyFolderError(explain(expected=f"{folder} for this process alone", got=got, fix=fix)) from error
        for left in place.iterdir():  # by an export that was killed
            shutil.rmtree(left)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
    finally:
        os.close(descriptor)  # releases the lock, and so does a kill


@contextlib.contextmanager
def _root_at(folder: Path) -> Iterator[None]:
    """Let Minari take an absolute path as its root: with a relative one Minari 0.5.4 cannot create anything."""
    told = os.environ.get(_ROOT)
    os.environ[_ROOT] = str(folder)
    try:
        yield
    finally:
        del os.environ[_ROOT]
        if told is not None:
            os.environ[_ROOT] = told


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep back Minari's recommendations about its metadata."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@contextlib.contextmanager
def _storage_packages() -> Iterator[None]:
    """Name the extra when a package is missing that Minari needs for a format."""
    try:
        yield
    except ImportError as error:
        raise missing_extra("h5py", "data") from error


def _minari() -> ModuleType:
    try:
        import minari
    except ImportError as error:
        raise missing_extra("minari", "data") from error
    module: ModuleType = minari
    return module
