"""Behaviour policies whose play is recorded: one protocol, one file each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rmr_gym.players.graded import graded_players
from rmr_gym.players.lookahead import LookaheadPlayer
from rmr_gym.players.lookahead_config import LookaheadConfig
from rmr_gym.players.paper import paper_heads
from rmr_gym.players.places import PlaceBytes, place_bytes
from rmr_gym.players.protocol import AttachablePlayer, Player, attach, lookahead_steps
from rmr_gym.players.random_player import RandomPlayer, RandomPlayerConfig
from rmr_gym.registry import Registry

PLAYERS: Registry[Callable[[Any], Player]] = Registry(
    "player", ("random", RandomPlayer), ("lookahead", LookaheadPlayer)
)
"""Name of each kind of player and its class; the first argument of the class is its config."""

__all__ = [
    "PLAYERS",
    "AttachablePlayer",
    "LookaheadConfig",
    "LookaheadPlayer",
    "PlaceBytes",
    "Player",
    "RandomPlayer",
    "RandomPlayerConfig",
    "attach",
    "graded_players",
    "lookahead_steps",
    "paper_heads",
    "place_bytes",
]
