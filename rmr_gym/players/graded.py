"""The default set of players: graded from twitching to holding, so that a data set sees the game in many ways."""

from __future__ import annotations

from rmr_gym.errors import explain
from rmr_gym.players.protocol import Player
from rmr_gym.players.random_player import RandomPlayer, RandomPlayerConfig

_MAX_PERSISTENCE = 0.95
_BIASES = (0.0, 0.4, 0.0, 0.8)
_GOLDEN = 0.6180339887498949  # its multiples modulo 1 are spread evenly, however many of them are taken


def graded_players(num_players: int = 32) -> list[Player]:
    """Make random players of graded persistence.

    Player k of n holds its action with a probability of 0.95 k / (n - 1), which is also its skill but for the factor;
    every second one prefers some actions, more or less. They come in an order in which the first few already range
    over all grades, so that a small collection, whose episodes go round the players, is as mixed as a large one.

    Source: ours. The paper records 32 policies of Agent57, three episodes each (section 5, appendix B); these stand in.

    Args:
        num_players: how many, at least 1.

    Returns:
        Players with different names and skills in 0..1.

    Raises:
        ValueError: when the number is not positive.

    Example:
        >>> [round(player.skill, 2) for player in graded_players(5)]
        [0.0, 0.5, 1.0, 0.25, 0.75]
    """
    if num_players < 1:
        raise ValueError(explain(expected="at least one player", got=num_players, fix="Pass num_players=32."))
    order = sorted(range(num_players), key=lambda k: k * _GOLDEN % 1.0)
    return [_player(k, k / max(num_players - 1, 1)) for k in order]


def _player(k: int, skill: float) -> Player:
    config = RandomPlayerConfig(persistence=round(_MAX_PERSISTENCE * skill, 4), bias=_BIASES[k % len(_BIASES)])
    return RandomPlayer(config, skill=skill)
