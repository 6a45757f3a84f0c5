"""The default players, and the contract of those that need no game."""

from __future__ import annotations

import copy
import itertools
import pickle

import pytest

from rmr_gym.players import PLAYERS, Player, RandomPlayerConfig, graded_players

SKIING = (0, 2, 3, 4, 5, 6, 7, 8, 9)


def presses(player: Player, seed: int, legal: tuple[int, ...] = tuple(range(18))) -> list[int]:
    player.start_episode(legal, seed)
    return [player.act({}) for _ in range(200)]


def blind_players() -> list[Player]:
    return [*graded_players(), PLAYERS["random"](RandomPlayerConfig())]


@pytest.mark.parametrize("player", blind_players(), ids=lambda player: player.name)
def test_player_keeps_the_contract(player: Player) -> None:
    assert isinstance(player, Player)
    assert 0.0 <= player.skill <= 1.0
    first = presses(player, seed=1)
    assert presses(player, seed=1) == first, "an episode must not depend on the one before"
    assert presses(player, seed=2) != first
    assert set(presses(player, seed=1, legal=SKIING)) <= set(SKIING)
    player.start_episode(tuple(range(18)), 1)
    started = [player.act({}) for _ in range(50)]
    for twin in (pickle.loads(pickle.dumps(player)), copy.deepcopy(player)):
        assert started + [twin.act({}) for _ in range(150)] == first, "a copy must go on where the player is"


@pytest.mark.parametrize("num_players", [1, 2, 7, 32, 50])
def test_graded_players_have_names_and_skills_of_their_own(num_players: int) -> None:
    players = graded_players(num_players)
    assert len({player.name for player in players}) == num_players
    expected = [k / max(num_players - 1, 1) for k in range(num_players)]
    assert sorted(player.skill for player in players) == pytest.approx(expected)


@pytest.mark.parametrize("first", [4, 8, 12, 16])
def test_graded_players_are_mixed_from_the_start(first: int) -> None:
    skills = sorted([0.0, *(player.skill for player in graded_players(32)[:first]), 1.0])
    assert max(b - a for a, b in itertools.pairwise(skills)) < 2.0 / first


def test_graded_players_hold_longer_the_higher_their_grade() -> None:
    players = sorted(graded_players(8), key=lambda player: player.skill)
    held = [sum(a == b for a, b in itertools.pairwise(p)) for p in (presses(x, seed=0) for x in players)]
    assert held[0] < 40 < held[-1]
    assert held[-1] > 150


def test_graded_players_need_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least one player"):
        graded_players(0)
