"""The 32 default players."""

from __future__ import annotations

import itertools

import pytest

from rmr_gym.players import LookaheadPlayer, RandomPlayer, lookahead_steps, paper_heads, place_bytes


def test_paper_heads_are_32_players_of_different_names_and_skills() -> None:
    players = paper_heads("rmr/Pong-v0")
    assert len(players) == len({player.name for player in players}) == 32
    assert sorted(player.skill for player in players) == pytest.approx([k / 31 for k in range(32)], abs=1e-4)
    assert {type(player) for player in players} == {RandomPlayer, LookaheadPlayer}


def test_paper_heads_look_further_and_make_less_noise_the_higher_their_skill() -> None:
    ranked = sorted(paper_heads("pong"), key=lambda player: player.skill)
    looking = [player for player in ranked if isinstance(player, LookaheadPlayer)]
    assert ranked[-len(looking) :] == looking
    for lower, higher in itertools.pairwise(looking):
        assert lower.config.budget < higher.config.budget
        assert lower.config.epsilon > higher.config.epsilon
    assert looking[-1].config.epsilon == 0.0
    assert len({player.config.persistence for player in looking}) > 2


def test_paper_heads_know_where_they_are_in_games_of_many_rooms() -> None:
    for game, place in (("venture", place_bytes("venture")), ("pong", None)):
        looking = [player for player in paper_heads(game) if isinstance(player, LookaheadPlayer)]
        assert {player.config.place for player in looking} == {place}


def test_paper_heads_can_be_afforded() -> None:
    """A step tried out takes about half a millisecond, and 60 steps are to be recorded in a second."""
    mean = sum(map(lookahead_steps, paper_heads("pong"))) / 32
    assert 10 < mean < 18


@pytest.mark.parametrize("first", [4, 8, 16])
def test_paper_heads_are_mixed_from_the_start(first: int) -> None:
    skills = sorted([0.0, *(player.skill for player in paper_heads("pong")[:first]), 1.0])
    assert max(b - a for a, b in itertools.pairwise(skills)) < 2.0 / first


def test_paper_heads_refuse_an_unknown_game() -> None:
    with pytest.raises(ValueError, match="pong"):
        paper_heads("pongg")
