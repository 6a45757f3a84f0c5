"""Who plays for a data set, by name."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from rmr_gym.envs.games import get_game
from rmr_gym.errors import explain
from rmr_gym.pipeline.config import GRADED, DataConfig
from rmr_gym.players import Player, graded_players, paper_heads

PAPER, AGENTS = "paper", "sb3:"
"""Random players and such that look ahead; agents in the folder behind the colon."""

_PINNED = f"{PAPER}@"


def named_players(sources: Sequence[str], game: str, config: DataConfig) -> list[Player]:
    """Make the players of a data set.

    Args:
        sources: "graded" for random players of graded persistence, "paper" for `paper_heads`, ten random players and 22
            that look ahead (as many of these 32 as the config says), "paper@..." for the same as long as they are those
            that `pinned` named, "sb3:FOLDER" for the agents of a training, one for each of its checkpoints and shares
            of random actions.
        game: any name of the game.
        config: what is recorded.

    Returns:
        The players of all sources in turn, so that a small data set sees all of them; one that several have plays once.

    Raises:
        ValueError: when a source is unknown, is of other players than this version has, holds no agents, or its agents
            were trained otherwise than is recorded.
        DependencyNotInstalled: when Stable-Baselines3 is missing.

    Example:
        >>> [player.name for player in named_players(["graded"], "pong", DataConfig(num_players=2))]
        ['random-p0-k6-b0-f0.05x4', 'random-p0.95-k6-b0.4-f0.05x4']
        >>> [round(player.skill, 1) for player in named_players(["paper"], "pong", DataConfig(num_players=4))]
        [0.0, 0.4, 0.8, 0.2]
    """
    if not sources:
        raise ValueError(explain(expected="at least one source of players", got="none", fix=f"Pass {GRADED}."))
    groups = [_of_source(source, game, config) for source in sources]
    in_turn = [player for turn in itertools.zip_longest(*groups) for player in turn if player is not None]
    names = [player.name for player in in_turn]
    # Equal names are equal players: the weakest random one is both graded and in the paper's place.
    return [player for place, player in enumerate(in_turn) if player.name not in names[:place]]


def pinned(source: str, game: str) -> str:
    """Name a source so that it never means other players: those of "paper" may be others in another version.

    Returns:
        "paper@" and eight digits that follow from the names of its 32 players, which tell all their settings; other
        sources as they are.

    Raises:
        ValueError: when the game is unknown.

    Example:
        >>> pinned("graded", "pong"), pinned("paper", "pong").split("@")[0]
        ('graded', 'paper')
    """
    return f"{_PINNED}{_fingerprint(game)}" if source == PAPER else source


def unpinned(source: str) -> str:
    """Return the name of a source without what `pinned` added.

    Example:
        >>> unpinned("paper@1a2b3c4d"), unpinned("sb3:runs/a@b")
        ('paper', 'sb3:runs/a@b')
    """
    return PAPER if source.startswith(_PINNED) else source


@lru_cache(maxsize=64)
def _fingerprint(game: str) -> str:
    names = "\n".join(player.name for player in paper_heads(game))
    return hashlib.sha256(names.encode()).hexdigest()[:8]


def _of_source(source: str, game: str, config: DataConfig) -> Sequence[Player]:
    if source == GRADED:
        return graded_players(config.num_players)
    if source.startswith(_PINNED) and source != pinned(PAPER, game):
        fix = "Take paper and another --out, or the version of the package with which the other players played."
        raise ValueError(explain(expected=f"{pinned(PAPER, game)}, the players of this version", got=source, fix=fix))
    if source == PAPER or source.startswith(_PINNED):
        return paper_heads(game)[: config.num_players]
    if not source.startswith(AGENTS):
        fix = "An agent is named by the folder of its training."
        raise ValueError(explain(expected=f"{GRADED}, {PAPER} or {AGENTS}FOLDER", got=source, fix=fix))
    from rmr_gym.sb3.player import agent_players

    players = agent_players(Path(source.removeprefix(AGENTS)).expanduser())  # no shell does that behind a colon
    trained = players[0].config
    then = {"game": trained.task, "frame_skip": trained.game.frame_skip, "max_pool": trained.game.max_pool}
    now = {"game": get_game(game).rom_id, "frame_skip": config.frame_skip, "max_pool": config.max_pool}
    if then != now:
        fix = "Record what the agent was trained on, or take another agent."
        raise ValueError(explain(expected=f"{then}, on which {source} was trained", got=now, fix=fix))
    return players
