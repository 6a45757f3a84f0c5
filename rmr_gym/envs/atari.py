"""Atari environments: the one place where the order of preprocessing stands, and the names that other layers share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal, SupportsIndex

import gymnasium as gym

from rmr_gym.counts import as_count
from rmr_gym.envs.actions import ACTION_NAMES, NUM_ACTIONS, ActionCodec, one_hot_actions
from rmr_gym.envs.frames import check_size, pool_frames, resize_frame, to_gray
from rmr_gym.envs.games import GAMES, NUM_RAM_BYTES, SCREEN_SHAPE, Game, get_game
from rmr_gym.envs.layers import class_names, layers
from rmr_gym.envs.registration import register_environments
from rmr_gym.errors import explain

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
    "make_atari",
    "one_hot_actions",
    "pool_frames",
    "register_environments",
    "require_deterministic",
    "resize_frame",
    "to_gray",
]

_STICKY = {"StickyAction": "repeat_action_probability", "StickyActionEnv": "action_repeat_probability"}
"""Class names of wrappers that repeat actions by chance, the last of Stable-Baselines3, and where the chance stands."""


def make_atari(
    game: str | Game,
    *,
    frame_skip: SupportsIndex = 4,
    sticky: float = 0.0,
    gray: bool = False,
    gray_newaxis: bool = False,
    size: Sequence[int] | None = None,
    max_pool: bool = False,
    noop_max: SupportsIndex = 30,
    full_actions: bool = True,
    mode: int | None = None,
    difficulty: int | None = None,
    max_frames: SupportsIndex = 108_000,
    render_mode: Literal["human", "rgb_array"] | None = None,
    paired: bool = True,
) -> gym.Env[Any, Any]:
    """Make the environment of a game; `make_atari("pong")` is `gym.make("rmr/Pong-v0")`.

    The steps between the console and the observation, in their order:

    1. After a reset, 1 to `noop_max` emulated frames pass without action.
    2. An action index becomes an ALE action value: the same number with `full_actions`.
    3. The action is held for `frame_skip` emulated frames, at each of which the console repeats its previous action
       instead with probability `sticky`. The skip ends early when the game ends.
    4. The screen is read after the last emulated frame: RGB, or luminance with `gray`.
    5. With `max_pool` each pixel shows the brighter of the last two emulated frames, also at the end of an episode.
       The first picture of an episode is not pooled.
    6. The picture is resized to `size` by averaging areas. A gray one gets an axis for its channel with `gray_newaxis`.
    7. The RAM is read beside it (`PairedObservation`). It belongs to the last emulated frame, with `max_pool` too: the
       pooled picture then shows sprites of the frame before it as well, to which no other RAM in the data belongs.
    8. Whatever the user wraps around it. `AtariWrapper` of Stable-Baselines3 skips frames and plays no-ops itself, so
       that it belongs around `frame_skip=1, noop_max=0, paired=False`, and `PairedObservation` around it.

    Args:
        game: any name of a game ("ms_pacman", "MsPacman", "rmr/MsPacman-v0").
        frame_skip: emulated frames per step (60 per second of play), at least 1.
        sticky: probability of a repeated action in 0..1. RAM transitions are functions of the action only when it is 0.
        gray: luminance `(height, width)` instead of RGB `(height, width, 3)`.
        gray_newaxis: with `gray`, `(height, width, 1)`: a picture as the policies of Stable-Baselines3 know it.
        size: height and width of the picture in pixels; None keeps 210 x 160.
        max_pool: pool the last two emulated frames, see 5.
        noop_max: most no-op frames after a reset, 0 turns them off. Without them all episodes start alike.
        full_actions: 18 actions whose index is their ALE value; else the game's minimal set.
        mode: game mode of the cartridge; None is its default.
        difficulty: difficulty switch of the console; None is its default.
        max_frames: emulated frames after which an episode is truncated (108,000 are half an hour of play).
        render_mode: "rgb_array", "human" or None.
        paired: False leaves out step 7, to put more picture wrappers inside and `PairedObservation` around them.

    Returns:
        The environment. Its observation is a dictionary of `pixels` uint8 `(height, width[, 3])` and `ram` uint8
        `(128,)`, or the picture alone without `paired`.

    Raises:
        ValueError: when the game is unknown or an option is out of its range.
        DependencyNotInstalled: when ale-py, or OpenCV for a `size`, is missing.

    Example:
        >>> env = make_atari("pong", gray=True, size=(84, 84))
        >>> observation, info = env.reset(seed=0)
        >>> observation["pixels"].shape, observation["ram"].shape, env.action_space
        ((84, 84), (128,), Discrete(18))
    """
    register_environments()  # users may come here by rmr_gym.envs and not by rmr_gym
    spec = gym.spec(get_game(game).env_id)
    return gym.make(
        spec if paired else dataclasses.replace(spec, additional_wrappers=()),
        frame_skip=as_count("frame_skip", frame_skip),
        sticky=sticky,
        gray=gray,
        gray_newaxis=gray_newaxis,
        size=None if size is None else list(check_size(size)),  # a list survives the spec's way through JSON
        max_pool=max_pool,
        noop_max=as_count("noop_max", noop_max, least=0),
        full_actions=full_actions,
        mode=mode,
        difficulty=difficulty,
        max_frames=as_count("max_frames", max_frames),
        render_mode=render_mode,
    )


def require_deterministic(env: gym.Env[Any, Any]) -> None:
    """Refuse an environment whose recorded actions would not be the executed ones.

    For collectors: under sticky actions the RAM targets become noisy, and no metric of the copy baseline shows it.
    Wrappers that always repeat an action as often are fine.

    Args:
        env: an ALE-based environment, however it is wrapped.

    Raises:
        ValueError: when the environment is not an Atari one, has sticky actions, by itself or by a wrapper, or a random
            frame skip.

    Example:
        >>> require_deterministic(make_atari("pong"))
    """
    console = getattr(env.unwrapped, "ale", None)
    if console is None:
        raise ValueError(
            explain(
                expected="an environment of the Arcade Learning Environment", got=str(env), fix="Use make_atari(game)."
            )
        )
    sticky = console.getFloat("repeat_action_probability")
    if sticky > 0:
        raise ValueError(
            explain(
                expected="an environment without sticky actions",
                got=f"repeat_action_probability={sticky:g}",
                fix="Make it with repeat_action_probability=0.0, or with make_atari(game, sticky=0.0).",
            )
        )
    _refuse_sticky_layers(env)
    frame_skip = getattr(env.unwrapped, "_frameskip", 1)
    if not isinstance(frame_skip, int):
        raise ValueError(
            explain(
                expected="an environment with a fixed frame skip",
                got=f"frameskip={frame_skip}",
                fix="Make it with frameskip=4, or with make_atari(game, frame_skip=4).",
            )
        )


def _refuse_sticky_layers(env: gym.Env[Any, Any]) -> None:
    for layer in layers(env):
        for name in _STICKY.keys() & class_names(layer):
            # Somebody else's class of that name, which may not have the attribute, is taken for sticky.
            if getattr(layer, _STICKY[name], 1.0) > 0:
                got, fix = type(layer).__name__, "Leave that wrapper out."
                raise ValueError(explain(expected="an environment without sticky actions", got=got, fix=fix))
