"""The policy in a saved agent of Stable-Baselines3, whichever algorithm trained it."""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmr_gym.errors import explain, missing_extra
from rmr_gym.models.blocks import initial_weights

if TYPE_CHECKING:
    from stable_baselines3.common.policies import BasePolicy

_PICKLED, _NEEDED = ":serialized:", ("policy_class", "policy_kwargs", "observation_space", "action_space")


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedPolicy:
    """A policy and where it comes from."""

    policy: BasePolicy
    """In evaluation mode, on the CPU."""

    facts: dict[str, Any]
    """Class of the policy, steps of training and seed; JSON values."""


def load_policy(path: str | Path) -> SavedPolicy:
    """Read the policy of an agent that `model.save(path)` wrote.

    The file names the class of its policy and what that was built with, so that nobody has to say which algorithm
    trained it: PPO, A2C, DQN and those of sb3-contrib are read alike. Only what the policy is made of is unpickled,
    neither schedules nor buffers, which do not survive another version of Python.

    Stable-Baselines3 keeps Python objects in its files, and to unpickle them runs what their author put there: read
    agents of your own or of people whom you trust.

    Args:
        path: the file, with or without `.zip`.

    Raises:
        ValueError: when there is no such file, it is no agent, or its weights do not fit.
        DependencyNotInstalled: when Stable-Baselines3 is missing.
    """
    try:
        from stable_baselines3.common.save_util import load_from_zip_file
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    path = _with_suffix(Path(path))
    stored = _stored_values(path)
    # In the place of what is not needed stands None, else it would be unpickled.
    ignored = {name: None for name, value in stored.items() if name not in _NEEDED and _is_pickled(value)}
    data, weights, _ = load_from_zip_file(path, device="cpu", custom_objects=ignored)
    if data is None or "policy" not in weights or any(data.get(name) is None for name in _NEEDED):
        absent = [name for name in _NEEDED if data is None or data.get(name) is None]
        fix = "Install the packages of its time, or save it again with a present version."
        got = f"a file without {', '.join(absent) or 'weights'} that can be read"
        raise ValueError(explain(expected=f"a saved agent in {path}", got=got, fix=fix))
    with initial_weights(0):  # overwritten at once, but drawn from the global generator
        policy: BasePolicy = data["policy_class"](
            data["observation_space"], data["action_space"], _no_schedule, **data["policy_kwargs"]
        )
    state: Any = weights["policy"]
    try:
        policy.load_state_dict(state)
    except RuntimeError as error:
        fix = "Save it again with a present version of Stable-Baselines3."
        raise ValueError(explain(expected=f"weights that fit the policy in {path}", got=str(error), fix=fix)) from error
    policy.set_training_mode(False)
    facts = {"policy": f"{type(policy).__module__}.{type(policy).__name__}"}
    return SavedPolicy(policy=policy, facts=facts | {name: stored.get(name) for name in ("num_timesteps", "seed")})


def _no_schedule(progress_remaining: float | int) -> float:
    """Stand in for the schedule of the learning rate, which a policy asks for to build its optimizer."""
    del progress_remaining
    return 0.0


def _with_suffix(path: Path) -> Path:
    zipped = path.with_name(f"{path.name}.zip")
    return zipped if not path.is_file() and zipped.is_file() else path


def _stored_values(path: Path) -> dict[str, Any]:
    """Return what stands in the file beside the weights, without unpickling anything."""
    try:
        with zipfile.ZipFile(path) as archive:
            stored = json.loads(archive.read("data"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        fix = "Pass the file that model.save(...) of Stable-Baselines3 wrote."
        raise ValueError(explain(expected=f"a saved agent in {path}", got=str(error), fix=fix)) from error
    return dict(stored)


def _is_pickled(value: object) -> bool:
    return isinstance(value, dict) and _PICKLED in value
