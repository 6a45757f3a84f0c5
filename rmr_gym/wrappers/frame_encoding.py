"""Encoding of the observations of several environments, with the features of the last ones of each kept."""

from __future__ import annotations

import copy
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rmr_gym.errors import explain
from rmr_gym.wrappers.feature_function import FeatureFunction

FEATURES = "features"
"""Key of the feature vector in a dictionary."""

Padding = Literal["reset", "zero"]

_LARGEST = float(np.finfo(np.float32).max)  # infinite bounds are warned of by Gymnasium's checker


class FrameEncoding:
    """The part that all wrappers that encode observations share: spaces, batches, and the stack of each environment.

    Args:
        space: of the observations of one environment.
        features: encodes pictures.
        key: of the picture in a dictionary; None is "pixels". None for an observation that is the picture.
        keep: keys of a dictionary that stay beside the features.
        stack: newest feature vectors that make an observation, oldest first.
        padding: what stands for the pictures before an episode: the first one, or black ones.
        num_envs: environments.

    Attributes:
        space: of the encoded observations of one environment.

    Raises:
        ValueError: when an option does not fit the space, or the features cannot be computed from it.
    """

    def __init__(
        self,
        space: spaces.Space[Any],
        features: FeatureFunction,
        *,
        key: str | None = None,
        keep: Sequence[str] = (),
        stack: int = 1,
        padding: Padding = "reset",
        num_envs: int = 1,
    ) -> None:
        _check_options(features, stack, padding, keep)
        self._features, self._key, self._keep = features, _picture_key(space, key), tuple(keep)
        picture = _picture_space(space, self._key)
        _check_stack(picture.shape, stack)
        kept = _kept_spaces(space, self._keep)
        (size,) = features.features_shape(picture.shape)
        stacked = spaces.Box(-_LARGEST, _LARGEST, (stack * size,), np.float32)
        self.space: spaces.Space[Any] = spaces.Dict({FEATURES: stacked, **kept}) if kept else stacked
        self._size = size
        # One array `(env, feature)` for each place of the stack, oldest first; none of them is written into.
        self._frames = [np.zeros((num_envs, size), np.float32)] * stack
        self._black: NDArray[np.float32] | None = None
        if padding == "zero" and stack > 1:
            self._black = self._encode(np.zeros((1, *picture.shape), picture.dtype))

    def start(self, observations: Any, rows: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
        """Begin episodes.

        Args:
            observations: of all environments, one batch.
            rows: which environments begin one, `(env,)`; the others stay as they are. None is all of them.

        Returns:
            Stacked features of all environments, `(env, stack * feature)`, a new array.
        """
        rows = np.ones(len(self._frames[-1]), bool) if rows is None else rows
        newest = self._frames[-1].copy()
        newest[rows] = self._encode(self._picture(observations)[rows])
        self._frames = [*self._before(self._frames[:-1], newest, rows), newest]
        return np.concatenate(self._frames, axis=1)

    def advance(
        self, observations: Any, starts: NDArray[np.bool_], finals: Mapping[int, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[int, NDArray[np.float32]]]:
        """Add the next observations of all environments, encoded at once.

        Args:
            observations: of all environments, one batch.
            starts: which of them are the first of an episode, `(env,)`.
            finals: last observations of the episodes that ended before these starts, by number of the environment.

        Returns:
            Stacked features of all environments, `(env, stack * feature)`, and those of the last observations by number
            of the environment, `(stack * feature,)`; new arrays.
        """
        finals = finals or {}
        last = [self._picture(observation)[None] for observation in finals.values()]
        encoded = self._encode(np.concatenate([self._picture(observations), *last]))
        newest, ends = encoded[: len(starts)], encoded[len(starts) :]
        ended = {
            row: np.concatenate([*(frame[row] for frame in self._frames[1:]), end])
            for row, end in zip(finals, ends, strict=True)
        }
        self._frames = [*self._before(self._frames[1:], newest, starts), newest]
        return np.concatenate(self._frames, axis=1), ended

    def beside(self, features: NDArray[np.float32], observation: Any) -> Any:
        """Put the kept keys of an observation, or of a batch of them, beside its features."""
        if not self._keep:
            return features
        return {FEATURES: features, **{key: copy.deepcopy(observation[key]) for key in self._keep}}

    def _picture(self, observations: Any) -> NDArray[Any]:
        return np.asarray(observations if self._key is None else observations[self._key])

    def _before(
        self, frames: list[NDArray[np.float32]], first: NDArray[np.float32], starts: NDArray[np.bool_]
    ) -> list[NDArray[np.float32]]:
        """Return what stands before the newest frame: the older ones, or padding where an episode starts."""
        if not starts.any():
            return frames
        return [np.where(starts[:, None], first if self._black is None else self._black, frame) for frame in frames]

    def _encode(self, pictures: NDArray[Any]) -> NDArray[np.float32]:
        encoded = np.array(self._features(pictures), np.float32)  # a copy, since a function may use its array again
        expected = (len(pictures), self._size)
        if encoded.shape != expected:
            fix = "Correct features_shape of the feature function, or what it returns."
            raise ValueError(explain(expected=f"features of shape {expected}", got=f"{encoded.shape}", fix=fix))
        return encoded


def _check_options(features: object, stack: int, padding: str, keep: Sequence[str]) -> None:
    if not isinstance(features, FeatureFunction):
        fix = "Pass rmr_gym.FrozenFeatures(path) for an encoder trained here."
        raise ValueError(explain(expected="a feature function", got=f"a {type(features).__name__}", fix=fix))
    if not isinstance(stack, numbers.Integral) or stack < 1:
        raise ValueError(
            explain(expected="stack as an integer of at least 1", got=stack, fix="Pass stack=4 for the last four.")
        )
    if padding not in get_args(Padding):
        fix = f"Choose one of {', '.join(get_args(Padding))}."
        raise ValueError(explain(expected="a known padding", got=padding, fix=fix))
    if isinstance(keep, str) or FEATURES in keep:
        fix = f'Pass keep=("ram",); {FEATURES!r} is the key of the features.'
        raise ValueError(explain(expected="keys to keep", got=keep, fix=fix))


def _check_stack(shape: tuple[int, ...], stack: int) -> None:
    """Refuse to stack what is a stack already: an axis of pictures, or as many layers in one as no colours have."""
    layers = min(shape[0], shape[-1]) if len(shape) == 3 else 1
    if stack > 1 and (len(shape) > 3 or layers not in (1, 3)):
        fix = f"Stack once: leave out FrameStackObservation or VecFrameStack inside, or stack={stack}."
        raise ValueError(explain(expected="single pictures to stack", got=f"observations of shape {shape}", fix=fix))


def _picture_key(space: spaces.Space[Any], key: str | None) -> str | None:
    if isinstance(space, spaces.Dict):
        key = "pixels" if key is None else key
        if key not in space.spaces:
            fix = "Pass the name of the picture as key."
            raise ValueError(explain(expected=f"the key {key!r} in the observation", got=list(space.spaces), fix=fix))
    elif key is not None:
        fix = "Leave key out: the observation is the picture."
        raise ValueError(explain(expected=f"a dictionary with the key {key!r}", got=f"{space}", fix=fix))
    return key


def _kept_spaces(space: spaces.Space[Any], keep: tuple[str, ...]) -> dict[str, spaces.Space[Any]]:
    known = space.spaces if isinstance(space, spaces.Dict) else {}
    unknown = [key for key in keep if key not in known]
    if unknown:
        fix = f"Keep some of {list(known)}." if known else "Leave keep out: nothing stands beside the picture."
        raise ValueError(explain(expected="keys of the observation to keep", got=unknown, fix=fix))
    return {key: known[key] for key in keep}


def _picture_space(space: spaces.Space[Any], key: str | None) -> spaces.Box:
    """Return the space of the picture; refuse what no feature function reads."""
    picture = space[key] if isinstance(space, spaces.Dict) and key is not None else space
    if isinstance(picture, spaces.Box):
        shares = picture.dtype.kind == "f" and picture.low.min() >= 0 and picture.high.max() <= 1
        if picture.dtype == np.uint8 or shares:
            return picture
    raise ValueError(
        explain(
            expected="pictures as bytes in 0..255 or floats in 0..1",
            got=f"the observation space {picture}",
            fix="Encode before anything that scales or normalises pictures; make them with make_atari(game, gray=True, "
            "size=(84, 84)).",
        )
    )
