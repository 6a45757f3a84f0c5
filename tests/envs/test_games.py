from __future__ import annotations

import gymnasium as gym
import pytest
from ale_py import roms

from rmr_gym.envs.games import GAMES, Game, get_game


def test_games_are_the_24_of_the_paper_in_order() -> None:
    assert len(GAMES) == len(set(GAMES)) == 24
    assert list(GAMES) == sorted(GAMES)


@pytest.mark.parametrize("rom_id", GAMES)
def test_game_is_known_to_ale_py_under_both_its_names(rom_id: str) -> None:
    assert rom_id in roms.get_all_rom_ids()
    assert gym.spec(get_game(rom_id).ale_id).kwargs["game"] == rom_id


@pytest.mark.parametrize("name", ["ms_pacman", "MsPacman", "rmr/MsPacman-v0", "ALE/MsPacman-v5"])
def test_get_game_accepts_every_name_of_a_game(name: str) -> None:
    assert get_game(name) == Game(rom_id="ms_pacman", name="MsPacman")


def test_get_game_returns_a_game_as_it_is() -> None:
    game = Game(rom_id="adventure", name="Adventure")
    assert get_game(game) is game


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("ms_packman", "ms_pacman"),
        ("mspacman", "ms_pacman"),
        ("rmr/pong-v0", "pong"),
        ("SpaceInvader", "space_invaders"),
    ],
)
def test_get_game_suggests_the_nearest_game_when_the_name_is_unknown(name: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=rf"got {name}. Did you mean '{nearest}'\?"):
        get_game(name)


def test_get_game_lists_all_games_when_nothing_is_near() -> None:
    with pytest.raises(ValueError, match="asteroids, battle_zone.*yars_revenge; got zzz. Choose one"):
        get_game("zzz")
