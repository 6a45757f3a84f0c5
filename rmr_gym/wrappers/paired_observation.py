"""The wrapper that puts the console's RAM beside the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, SupportsFloat, get_args

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.wrappers import DelayObservation
from numpy.typing import NDArray

from rmr_gym.errors import explain
from rmr_gym.wrappers.around_pictures import AroundPictures
from rmr_gym.wrappers.info_key import with_key
from rmr_gym.wrappers.pair_space import PairSpace
from rmr_gym.wrappers.ram_format import RamFormat, encode_ram, ram_space
from rmr_gym.wrappers.stock_layers import (
    layers,
    present_picture,
    skips_frames,
    visible_preprocessing,
    warn_of_second_skip,
)

Into = Literal["observation", "info"]

_MOST_UNCHANGED_STEPS = 1_000  # of all of ALE's games, idle, Klax is the last to change its RAM: after 255 frames


class PairedObservation(AroundPictures, gym.utils.RecordConstructorArgs):
    """Put the RAM behind each picture beside it, in the observation or in the info.

    It works around any environment of the Arcade Learning Environment and goes *outside* of the wrappers that change
    the picture (`AtariPreprocessing`, `ResizeObservation`, `FrameStackObservation`).

    The pair is aligned: the RAM is that of the last emulated frame of the picture, on the first row of an episode and
    on its last. A pooled picture shows the frame before as well; the RAM is still that of the last one. In a frame
    stack it is that of the newest picture. Two things are done for this:

    - Gymnasium's `AtariPreprocessing` repeats an old picture when the game ends inside a frame skip. With
      `into="observation"` the picture of the row that ends an episode is read from the screen again, without pooling.
    - Where that cannot be done (`into="info"`, which leaves the observation alone, or other wrappers that skip frames)
      the info has the key `pair_aligned`, which is False on the row that ends an episode.

    ale-py adds `seeds` to the info of seeded resets only; it is dropped, so that reset and step have the same keys.
    Every array is a new one. A wrapper that skips frames around a game that does so itself, such as `AtariWrapper` of
    Stable-Baselines3 around `make_atari(game, paired=False)` without `frame_skip=1`, is warned of.

    Source: paper, section 5, preliminaries (natural and abstract inputs of one state).

    Args:
        env: a single environment; for vector environments wrap each of them before they are put together.
        into: "observation" replaces the picture by a dictionary of both; "info" leaves the observation untouched and
            puts the RAM into the info under the second key, so that existing code for pictures keeps running.
        ram_format: "bytes" is uint8 `(128,)`; "bits" is uint8 `(1024,)` of 0 and 1, eight for each byte, the most
            significant first; "float" is float32 `(128,)` in 0..1, the byte divided by 255, as networks like it.
        keys: names of the picture and of the RAM.

    Raises:
        ValueError: when the environment has no console or is paired already, its observation is not a picture, or an
            option is unknown. From `reset`, when the info has such a key already. Later, when a wrapper that wants the
            picture alone is put around the pair.
        RuntimeError: from `step`, when the RAM has not changed for 1,000 steps; then it is not read properly.

    Example:
        >>> import gymnasium as gym, rmr_gym
        >>> from gymnasium.wrappers import FrameStackObservation
        >>> env = rmr_gym.make_atari("pong", gray=True, size=(84, 84), paired=False)
        >>> env = PairedObservation(FrameStackObservation(env, 4), ram_format="bits")
        >>> observation, info = env.reset(seed=0)
        >>> observation["pixels"].shape, observation["ram"].shape
        ((4, 84, 84), (1024,))
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        *,
        into: Into = "observation",
        ram_format: RamFormat = "bytes",
        keys: Sequence[str] = ("pixels", "ram"),
    ) -> None:
        # A list, because that is what a spec that went through JSON holds.
        gym.utils.RecordConstructorArgs.__init__(self, into=into, ram_format=ram_format, keys=list(keys))
        _check_env(env)
        _check_choice("into", into, get_args(Into))
        _check_choice("ram_format", ram_format, get_args(RamFormat))
        if len(keys) != 2 or keys[0] == keys[1]:
            raise ValueError(
                explain(expected="two different keys", got=tuple(keys), fix='Pass keys=("pixels", "ram").')
            )
        super().__init__(env)
        warn_of_second_skip(env)
        self._into, self._ram_format = into, ram_format
        self._picture_key, self._ram_key = keys
        self._preprocessing, self._stacked = None, False
        if into == "observation":
            self._preprocessing, self._stacked = visible_preprocessing(env)
            self.observation_space = PairSpace({keys[0]: _picture_space(env), keys[1]: ram_space(ram_format)})
        self._may_be_misaligned = self._preprocessing is None and skips_frames(env)
        self._first_ram: NDArray[np.uint8] | None = None
        self._unchanged_steps: int | None = 0  # None once the RAM has been seen to change

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and return the first pair."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._pair(observation, info, self._read_ram(), ended=False)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and return the next pair."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        ram = self._read_ram()
        if self._unchanged_steps is not None:
            self._require_change(ram)
        observation, info = self._pair(observation, info, ram, ended=terminated or truncated)
        return observation, reward, terminated, truncated, info

    def _read_ram(self) -> NDArray[np.uint8]:
        # Not kept in an attribute: the console cannot be pickled, the environments below rebuild theirs.
        ram: NDArray[np.uint8] = self.env.unwrapped.ale.getRAM()  # type: ignore[attr-defined]  # checked on construction
        return ram

    def _pair(
        self, observation: Any, info: dict[str, Any], ram: NDArray[np.uint8], *, ended: bool
    ) -> tuple[Any, dict[str, Any]]:
        info = {key: value for key, value in info.items() if key != "seeds"}
        if self._may_be_misaligned:
            info["pair_aligned"] = not ended
        encoded = encode_ram(ram, self._ram_format)
        if self._into == "info":
            return observation, with_key(info, self._ram_key, encoded)
        picture = np.array(observation)  # a copy, because the environment below may use its array again
        if ended and self._preprocessing is not None:
            newest = picture[-1] if self._stacked else picture
            newest[...] = present_picture(self._preprocessing)
        return {self._picture_key: picture, self._ram_key: encoded}, info

    def _require_change(self, ram: NDArray[np.uint8]) -> None:
        """Count the steps for which the RAM stands still, until it changes for the first time."""
        if self._first_ram is None:
            self._first_ram = ram.copy()
        if (ram != self._first_ram).any():
            self._unchanged_steps = None
            return
        self._unchanged_steps = (self._unchanged_steps or 0) + 1
        if self._unchanged_steps > _MOST_UNCHANGED_STEPS:
            raise RuntimeError(
                explain(
                    expected="RAM that changes as the game goes on",
                    got=f"the same 128 bytes for {_MOST_UNCHANGED_STEPS} steps",
                    fix="Install versions of ale-py and numpy that belong together.",
                )
            )


def _check_env(env: object) -> None:
    fix = "Make the environment with rmr_gym.make_atari(game), or with gym.make of an ALE id."
    if isinstance(env, gym.vector.VectorEnv):
        fix = 'Wrap the single ones: gym.make_vec(id, vectorization_mode="sync", wrappers=[PairedObservation]).'
    elif isinstance(env, gym.Env) and hasattr(env.unwrapped, "ale"):
        if any(isinstance(layer, PairedObservation) for layer in layers(env)):
            fix = "Wrap it once, outside of all wrappers that change the picture."
            raise ValueError(explain(expected="an environment without PairedObservation", got=str(env), fix=fix))
        if any(isinstance(layer, DelayObservation) for layer in layers(env)):
            fix = "Put DelayObservation outside: it then delays both parts of the pair."
            raise ValueError(explain(expected="pictures of the present, which the RAM is of", got=str(env), fix=fix))
        return
    raise ValueError(explain(expected="an environment of the Arcade Learning Environment", got=str(env), fix=fix))


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(
            explain(expected=f"{name} out of {', '.join(choices)}", got=value, fix=f'Pass {name}="{choices[0]}".')
        )


def _picture_space(env: gym.Env[Any, Any]) -> spaces.Box:
    space = env.observation_space
    if not isinstance(space, spaces.Box) or len(space.shape) < 2:
        raise ValueError(
            explain(
                expected="an environment whose observation is a picture",
                got=f"the observation space {space}",
                fix='Make it with obs_type="rgb", or pass into="info" to leave the observation as it is.',
            )
        )
    return space
