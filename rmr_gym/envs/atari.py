"""Atari environments: the one place where the order of preprocessing stands, and the names that other layers share."""

from __future__ import annotations

from rmr_gym.envs.actions import ACTION_NAMES, NUM_ACTIONS, ActionCodec, one_hot_actions
from rmr_gym.envs.frames import check_size, pool_frames, resize_frame, to_gray
from rmr_gym.envs.games import GAMES, NUM_RAM_BYTES, SCREEN_SHAPE, Game, get_game

__all__ = [
    "ACTION_NAMES",
    "GAMES",
    "NUM_ACTIONS",
    "NUM_RAM_BYTES",
    "SCREEN_SHAPE",
    "ActionCodec",
    "Game",
    "check_size",
    "get_game",
    "one_hot_actions",
    "pool_frames",
    "resize_frame",
    "to_gray",
]
