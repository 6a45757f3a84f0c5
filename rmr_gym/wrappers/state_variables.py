"""The wrapper that gives bytes of the RAM by their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, SupportsFloat, get_args

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rmr_gym.errors import explain
from rmr_gym.wrappers.around_pictures import AroundPictures
from rmr_gym.wrappers.info_key import with_key
from rmr_gym.wrappers.pair_space import PairSpace
from rmr_gym.wrappers.stock_layers import layers
from rmr_gym.wrappers.variable_files import read_variables
from rmr_gym.wrappers.variable_table import StateVariable, known_variables, with_overrides

Into = Literal["info", "observation"]
Form = Literal["bytes", "float"]


class StateVariables(AroundPictures, gym.utils.RecordConstructorArgs):
    """Give named bytes of the RAM at every reset and step: where the ball is, the score, the lives.

    It works around any environment of the Arcade Learning Environment, paired or not, and knows 362 bytes of the 24
    games (`rmr_gym.wrappers.variable_table.known_variables`). Tables of your own add to them or override them;
    `rmr-gym data annotate` helps to find a byte.

    With `into="info"` the info has a dictionary of integers under `key`; vector environments make arrays of them. With
    `into="observation"` the observation is a dictionary that has a vector under `key`, in the order of `variables`. The
    values are those of the last emulated frame, as with `PairedObservation`, around which this wrapper goes.

    Source: AtariARI (Anand et al., 2019), whose names these are.

    Args:
        env: a single environment; for vector environments wrap each of them before they are put together.
        into: where the values go.
        variables: a table of your own, `.toml` or `.csv` (see `rmr_gym.wrappers.variable_files.read_variables`), or a
            dictionary of names and places.
        names: which variables, in this order; None takes all.
        key: name of the values in the info or the observation.
        form: "bytes" is 0..255; "float" is 0..1, the byte divided by 255, as networks like it, for observations.

    Attributes:
        variables: what is read, in its order.

    Raises:
        ValueError: when the environment has no console, nothing is known about its game, a name is unknown, the
            observation has such a key already, an option is unknown, or the table is wrong; the message then names line
            and column. From `reset`, when the info has such a key already.

    Example:
        >>> import rmr_gym
        >>> env = StateVariables(rmr_gym.make_atari("pong"), names=["ball_x", "player_score"])
        >>> observation, info = env.reset(seed=0)
        >>> info["variables"]
        {'ball_x': 0, 'player_score': 0}
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        *,
        into: Into = "info",
        variables: str | Path | Mapping[str, int] | None = None,
        names: Sequence[str] | None = None,
        key: str = "variables",
        form: Form = "bytes",
    ) -> None:
        # Plain values, because that is what a spec that went through JSON holds.
        own = None if variables is None else _plain(variables) if isinstance(variables, Mapping) else str(variables)
        chosen = None if names is None else list(names)
        gym.utils.RecordConstructorArgs.__init__(self, into=into, variables=own, names=chosen, key=key, form=form)
        _check_options(into, form, chosen)
        game = _game_of(env)
        _check_layers(env, into, key)
        super().__init__(env)
        self.variables = _choose(_table(game, own), chosen, game)
        self._indices = np.array([variable.index for variable in self.variables])
        self._into, self._key, self._form = into, key, form
        if into == "observation":
            self.observation_space = _space(env, key, form, len(self.variables))

    @property
    def variable_names(self) -> tuple[str, ...]:
        """Names of the values, in their order."""
        return tuple(variable.name for variable in self.variables)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and read the first values."""
        observation, info = self.env.reset(seed=seed, options=options)
        return self._with_values(observation, info)

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Step the environment and read the next values."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        observation, info = self._with_values(observation, info)
        return observation, reward, terminated, truncated, info

    def _with_values(self, observation: Any, info: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        # The console is not kept in an attribute: it cannot be pickled, the environments below rebuild theirs.
        ram: NDArray[np.uint8] = self.env.unwrapped.ale.getRAM()  # type: ignore[attr-defined]  # checked on construction
        values = ram[self._indices]  # a new array
        if self._into == "info":
            return observation, with_key(info, self._key, dict(zip(self.variable_names, values.tolist(), strict=True)))
        scaled = values.astype(np.float32) / np.float32(255) if self._form == "float" else values
        parts = observation if isinstance(observation, dict) else {"pixels": np.array(observation)}
        return {**parts, self._key: scaled}, info


def _plain(variables: Mapping[str, Any]) -> dict[str, int]:
    """Copy a table, with integers of Python in the place of numpy's, as `argmax` returns them."""
    return {name: int(index) if isinstance(index, np.integer) else index for name, index in variables.items()}


def _table(game: str, own: str | dict[str, int] | None) -> tuple[StateVariable, ...]:
    if own is None:
        return known_variables(game)
    if isinstance(own, str):
        return with_overrides(known_variables(game), read_variables(own, game))
    given = [StateVariable(name=name, index=index) for name, index in own.items()]
    return with_overrides(known_variables(game), given)


def _choose(table: tuple[StateVariable, ...], names: list[str] | None, game: str) -> tuple[StateVariable, ...]:
    if not table:
        fix = "Pass variables, a table of your own; `rmr-gym data annotate` helps to find bytes."
        raise ValueError(explain(expected=f"named bytes of {game}", got="none that are known", fix=fix))
    by_name = {variable.name: variable for variable in table}
    unknown = [name for name in names or () if name not in by_name]
    if unknown:
        fix = f"Choose out of {', '.join(by_name)}."
        raise ValueError(explain(expected=f"names of variables of {game}", got=unknown, fix=fix))
    return table if names is None else tuple(by_name[name] for name in names)


def _game_of(env: object) -> str:
    """Return the rom id of the game of an environment."""
    fix = "Make the environment with rmr_gym.make_atari(game), or with gym.make of an ALE id."
    if isinstance(env, gym.vector.VectorEnv):
        fix = 'Wrap the single ones: gym.make_vec(id, vectorization_mode="sync", wrappers=[StateVariables]).'
    elif isinstance(env, gym.Env) and hasattr(env.unwrapped, "ale"):
        game = getattr(env.unwrapped, "_game", None)
        if isinstance(game, str):
            return game
    raise ValueError(explain(expected="an environment of the Arcade Learning Environment", got=str(env), fix=fix))


def _check_layers(env: gym.Env[Any, Any], into: str, key: str) -> None:
    for layer in layers(env):
        if isinstance(layer, StateVariables) and (layer._into, layer._key) == (into, key):
            fix = "Pass another key, or all variables at once."
            raise ValueError(explain(expected=f"an environment without {key!r} in the {into}", got=str(env), fix=fix))


def _space(env: gym.Env[Any, Any], key: str, form: Form, count: int) -> spaces.Space[Any]:
    space = env.observation_space
    parts = dict(space.spaces) if isinstance(space, spaces.Dict) else {"pixels": space}
    if key in parts:
        fix = "Pass another key, and wrap an environment once."
        raise ValueError(explain(expected=f"an observation without {key!r}", got=", ".join(parts), fix=fix))
    values = spaces.Box(0, 255, (count,), np.uint8) if form == "bytes" else spaces.Box(0.0, 1.0, (count,), np.float32)
    whole = PairSpace if isinstance(space, PairSpace) else spaces.Dict
    return whole({**parts, key: values})


def _check_options(into: str, form: str, names: list[str] | None) -> None:
    for option, value, choices in (("into", into, get_args(Into)), ("form", form, get_args(Form))):
        if value not in choices:
            fix = f'Pass {option}="{choices[0]}".'
            raise ValueError(explain(expected=f"{option} out of {', '.join(choices)}", got=value, fix=fix))
    if into == "info" and form != "bytes":
        fix = 'Pass into="observation", or leave form out.'
        raise ValueError(explain(expected="bytes in the info", got=f"form={form!r}", fix=fix))
    if names is not None and (not names or len(set(names)) < len(names)):
        raise ValueError(explain(expected="at least one name, each once", got=names, fix="Pass names=None for all."))
