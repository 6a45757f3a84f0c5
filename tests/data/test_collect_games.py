"""Recording several games at once, and stopping for the sake of the disk."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from rmr_gym.data import DiskLimitError, DiskWatch, EpisodeMetadata, EpisodeStore, collect, collect_games, playing
from rmr_gym.data.collect_games import rom_ids_of
from rmr_gym.envs.games import GAMES
from tests.data.synthetic import write_episode
from tests.data.travelling_players import Idler

SHORT = {"num_episodes": 3, "max_steps_per_episode": 10}


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.arrow"))


@pytest.mark.parametrize("workers", [1, 2])
def test_games_are_those_that_are_collected_one_by_one(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "_FRAMES_PER_PROCESS", 1)  # else so little is played in this process alone
    for game in ("pong", "boxing"):
        collect(tmp_path / "one" / game, game, num_workers=1, **SHORT)
    told: list[str] = []
    stores = collect_games(
        tmp_path / "all",
        ["rmr/Pong-v0", "boxing"],
        num_workers=workers,
        on_episode=lambda metadata: told.append(f"episode of {metadata.console.game}"),
        on_game=lambda store: told.append(store.path.name),
        **SHORT,
    )
    assert list(stores) == ["pong", "boxing"]
    assert names(tmp_path / "all") == names(tmp_path / "one")
    assert len(names(tmp_path / "all")) == 6
    for game in ("pong", "boxing"):
        assert (tmp_path / "all" / game / "manifest.json").exists()
        assert told.index(game) > max(place for place, text in enumerate(told) if text == f"episode of {game}")
    assert len(told) == 8


def test_games_go_on_where_they_were(tmp_path: Path) -> None:
    games = ["pong", "boxing"]
    collect_games(tmp_path, games, **SHORT)
    before = names(tmp_path)
    next((tmp_path / "boxing").glob("ep-000001-*")).unlink()
    played: list[EpisodeMetadata] = []
    complete: list[str] = []
    collect_games(
        tmp_path, games, on_episode=played.append, on_game=lambda store: complete.append(store.path.name), **SHORT
    )
    assert [(metadata.console.game, metadata.episode_index) for metadata in played] == [("boxing", 1)]
    assert complete == ["pong", "boxing"]
    assert names(tmp_path) == before


def test_each_game_has_its_players(tmp_path: Path) -> None:
    class Named(Idler):
        def __init__(self, game: str) -> None:
            super().__init__()
            self.name = f"of {game}"

    stores = collect_games(
        tmp_path, ["pong", "boxing"], num_episodes=1, max_steps_per_episode=3, players=lambda game: [Named(game)]
    )
    assert [store.episodes[0].player for store in stores.values()] == ["of pong", "of boxing"]  # type: ignore[union-attr]


def test_nothing_is_played_when_one_folder_holds_something_else(tmp_path: Path) -> None:
    write_episode(tmp_path / "boxing")  # of Pong
    with pytest.raises(ValueError, match="Collect into another directory"):
        collect_games(tmp_path, ["pong", "boxing"], **SHORT)
    assert names(tmp_path / "pong") == []


@pytest.mark.parametrize(
    ("games", "message"),
    [
        ([], "different games"),
        (["pong", "Pong"], "Name each once"),
        (["ping"], "Did you mean 'pong'"),
        (["all", "pong"], '"all" alone'),
    ],
)
def test_games_are_checked(games: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        collect_games(tmp_path / "new", games, **SHORT)
    assert not (tmp_path / "new").exists()


def test_all_games_are_the_default() -> None:
    assert rom_ids_of(["all"]) == rom_ids_of(GAMES) == GAMES


@pytest.mark.parametrize("workers", [1, 2])
def test_limit_of_the_data_stops_the_collection_and_keeps_what_is_there(
    workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playing, "_FRAMES_PER_PROCESS", 1)
    options: dict[str, Any] = {"num_workers": workers, "max_steps_per_episode": 10, "num_episodes": 9}
    size = collect(tmp_path / "data", "pong", **(options | {"num_episodes": 1})).files[0].num_bytes
    watch = DiskWatch(tmp_path, max_gigabytes=5 * size / 1e9, num_workers=workers)
    with pytest.raises(DiskLimitError, match="raise max_gigabytes and make the same call again") as info:
        collect(tmp_path / "data", "pong", before_episode=watch, **options)
    assert isinstance(info.value, OSError)
    assert str(tmp_path) in str(info.value)
    store = EpisodeStore(tmp_path / "data")
    assert 2 <= len(store) < 6
    assert sum(file.num_bytes for file in store.files) <= 5 * size
    store.verify()
    watch = DiskWatch(tmp_path, max_gigabytes=1.0, num_workers=workers)
    assert len(collect(tmp_path / "data", "pong", before_episode=watch, **options)) == 9


def test_room_that_is_to_stay_free_stops_the_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    size = write_episode(tmp_path / "new" / "game").stat().st_size
    watch = DiskWatch(tmp_path / "new", min_free_gigabytes=1.0, num_workers=2)
    usage = namedtuple("usage", "total used free")
    asked: list[Path] = []

    def disk_usage(path: Path) -> usage:
        asked.append(path)
        return usage(0, 0, free)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    free = 10**9 + 2 * size
    watch()
    free -= 1
    with pytest.raises(DiskLimitError, match="1 GB to stay free on the disk"):
        watch()
    DiskWatch(tmp_path / "absent" / "still", min_free_gigabytes=0.0)()
    assert asked == [tmp_path / "new", tmp_path / "new", tmp_path]


@pytest.mark.parametrize("limits", [{"max_gigabytes": -1.0}, {"min_free_gigabytes": float("nan")}])
def test_limits_are_checked(limits: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(limits))} of at least 0"):
        DiskWatch(tmp_path, **limits)  # type: ignore[arg-type]
