"""Players that look ahead in copies of the game."""

from rmr_gym.players.lookahead.config import LookaheadConfig
from rmr_gym.players.lookahead.player import LookaheadPlayer

__all__ = ["LookaheadConfig", "LookaheadPlayer"]
