"""Environments that play what was recorded, and what recorded environments say about their episodes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import gymnasium as gym

from rmr_gym.data.metadata import AnyMetadata, BallsEpisodeMetadata
from rmr_gym.envs.atari import make_atari
from rmr_gym.envs.console import ConsoleConfig
from rmr_gym.envs.games import get_game
from rmr_gym.envs.registration import register_environments
from rmr_gym.errors import explain

_TAKEN = frozenset({"game", "frame_skip", "max_pool", "noop_max", "max_frames", "render_mode"})
"""Options of `make_atari` that may have any value."""

_DEFAULTS = {
    "sticky": 0.0,
    "gray": False,
    "gray_newaxis": False,
    "size": None,
    "full_actions": True,
    "mode": None,
    "difficulty": None,
}
"""Options that must have this value: with another one pictures or actions are not those of our episodes."""

_LOOKING_ON = {
    "gymnasium": frozenset(
        {
            "HumanRendering",
            "OrderEnforcing",
            "PassiveEnvChecker",
            "RecordEpisodeStatistics",
            "RecordVideo",
            "RenderCollection",
            "TimeLimit",
        }
    ),
    "rmr_gym": frozenset({"PairedObservation", "StateVariables"}),
}
"""Wrappers, by their package, that hand on actions and rewards. What ours add to observations is checked by itself."""


def recorded_environment(metadata: AnyMetadata) -> gym.Env[Any, Any]:
    """Make the environment that shows what an episode shows.

    Raises:
        DependencyNotInstalled: when its emulator or simulator is missing.
    """
    if isinstance(metadata, BallsEpisodeMetadata):
        register_environments()
        config = {name: value for name, value in asdict(metadata.config).items() if value is not None}
        return gym.make("rmr/BouncingBalls-v0", **config, observations="both" if metadata.pixels else "state")
    console = metadata.console
    return make_atari(console.game, frame_skip=console.frame_skip, max_pool=console.max_pool, noop_max=console.noop_max)


def console_of(spec: gym.envs.registration.EnvSpec | None) -> ConsoleConfig:
    """Read game and preprocessing off the specification of a recorded environment.

    Raises:
        ValueError: when it is no `rmr/<Game>-v0`, or has options or wrappers under which pictures, RAM, actions or
            rewards are others.
    """
    options = {} if spec is None else dict(spec.kwargs)
    other = {name: value for name, value in options.items() if value != _DEFAULTS.get(name, value)}
    unknown = options.keys() - _TAKEN - _DEFAULTS.keys()
    if spec is None or spec.namespace != "rmr" or "game" not in options or other or unknown:
        told = "no environment" if spec is None else f"{spec.id} with {other or sorted(unknown) or options}"
        fix = "Record rmr/<Game>-v0 with the pictures in colour, of the native size, and with all 18 actions."
        raise ValueError(explain(expected="episodes of rmr/<Game>-v0", got=told, fix=fix))
    around = [wrapper.name for wrapper in spec.additional_wrappers if not _looks_on(wrapper)]
    if around:
        told = f"{spec.id} in {', '.join(around)}"
        fix = "Record it without wrappers: what they are given need not be what the game was given."
        raise ValueError(explain(expected="episodes of rmr/<Game>-v0 as it is", got=told, fix=fix))
    return ConsoleConfig(
        game=get_game(options["game"]).rom_id,
        frame_skip=options.get("frame_skip", 4),
        max_pool=options.get("max_pool", False),
        noop_max=options.get("noop_max", 30),
    )


def _looks_on(wrapper: gym.envs.registration.WrapperSpec) -> bool:
    # Modules of a package have moved between its versions; a class of the same name in another package is another one.
    module, _, name = wrapper.entry_point.partition(":")
    return name in _LOOKING_ON.get(module.partition(".")[0], ())
