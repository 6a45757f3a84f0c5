"""Behaviour policies whose play is recorded: one protocol, one file each."""

from __future__ import annotations

from rmr_gym.players.graded import graded_players
from rmr_gym.players.protocol import Player
from rmr_gym.players.random_player import RandomPlayer, RandomPlayerConfig
from rmr_gym.registry import Registry

PLAYERS = Registry("player", ("random", RandomPlayer))
"""Name of each kind of player and its class; the first argument of the class is its config."""

__all__ = ["PLAYERS", "Player", "RandomPlayer", "RandomPlayerConfig", "graded_players"]
