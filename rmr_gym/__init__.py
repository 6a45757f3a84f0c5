"""Reasoning-modulated representations: paired pixel and RAM observations, processors, encoders and their training.

Importing the package registers `rmr/<Game>-v0` for the 24 games, `rmr/BouncingBalls-v0` and
`rmr/BouncingBallsPush-v0`, and loads neither torch nor an emulator; the names below load their module at first use.

Example:
    >>> import rmr_gym
    >>> rmr_gym.GAMES[:3]
    ('asteroids', 'battle_zone', 'berzerk')
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rmr_gym.envs.registration import register_environments
from rmr_gym.lazy_names import lazy_names

if TYPE_CHECKING:
    from rmr_gym.envs.atari import make_atari
    from rmr_gym.envs.balls_config import BallsConfig
    from rmr_gym.envs.games import GAMES
    from rmr_gym.models.checkpoint import load_encoder, load_processor
    from rmr_gym.models.frozen_features import FrozenFeatures
    from rmr_gym.models.frozen_ram_features import RamFeatures

__all__ = [
    "GAMES",
    "BallsConfig",
    "FrozenFeatures",
    "RamFeatures",
    "__version__",
    "load_encoder",
    "load_processor",
    "make_atari",
]

__version__ = "0.1.0"

_WHERE = {
    "BallsConfig": "rmr_gym.envs.balls_config",
    "FrozenFeatures": "rmr_gym.models.frozen_features",
    "GAMES": "rmr_gym.envs.games",
    "RamFeatures": "rmr_gym.models.frozen_ram_features",
    "load_encoder": "rmr_gym.models.checkpoint",
    "load_processor": "rmr_gym.models.checkpoint",
    "make_atari": "rmr_gym.envs.atari",
}
"""Module of each public name that is loaded at first use."""

__getattr__, __dir__ = lazy_names(__name__, _WHERE)


register_environments()
