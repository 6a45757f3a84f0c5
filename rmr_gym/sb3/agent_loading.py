"""A saved agent as an encoder: a file of Stable-Baselines3, or the folder of a training of ours."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmr_gym.errors import explain
from rmr_gym.models.checkpoint import load_any_encoder
from rmr_gym.models.interfaces import VideoEncoder
from rmr_gym.sb3.agent_features import AgentFeatures, AgentReadingConfig, Padding
from rmr_gym.sb3.saved_policy import load_policy
from rmr_gym.sb3.training import AgentConfig, EncoderFeatures, checkpoints, read_config
from rmr_gym.sb3.training.networks import encoder_folder
from rmr_gym.sb3.training.run_folder import CHECKPOINT_FOLDER, MODEL_FILE, find_checkpoint


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LoadedAgent:
    """An agent that is ready to be read."""

    features: AgentFeatures
    """Stacks of pictures to features, on the CPU."""

    facts: dict[str, Any]
    """What is known about it, JSON values: class of the policy, steps of training, seed, and the task where that is
    known."""


def load_agent_features(path: str | Path, config: AgentReadingConfig | None = None) -> LoadedAgent:
    """Read a saved agent as an encoder.

    The folder of a training of ours says how the agent observed: encoder, readout and padding need not be given, and
    are taken from there. Its last checkpoint is read; the file of another one, in its place in that folder, may be
    named instead. A file on its own says nothing about layers between the environment and the agent: what it needs has
    to be said in `config`.

    The pictures are those of the data set, also where an agent was trained behind `AtariWrapper` of Stable-Baselines3:
    that pools the colours of two frames and then takes the luminance, the recorded pictures show the brighter pixel, so
    that a few pixels of moving sprites differ a little.

    Args:
        path: a file that `model.save(...)` wrote, with or without `.zip`, or the folder of `train_agent`.
        config: how to read it.

    Raises:
        ValueError: when there is no agent, or it does not look at the pictures of a game alone.
        DependencyNotInstalled: when Stable-Baselines3 is missing.
    """
    path, config = Path(path), config or AgentReadingConfig()
    folder = _folder_of_training(path)
    facts: dict[str, Any] = {}
    if folder is not None:
        trained = read_config(folder)
        facts = {"task": trained.task}
        config = _reading(trained, folder, config)
        path = find_checkpoint(folder)[1] / MODEL_FILE if path == folder else path
    saved = load_policy(path)
    return LoadedAgent(features=AgentFeatures(saved.policy, config), facts=facts | saved.facts)


def _folder_of_training(path: Path) -> Path | None:
    """Return the folder of a training, given it or the file of a checkpoint in it."""
    if path.is_dir():
        return path
    path = path.absolute()  # the parents of model.zip are its own folder only
    folder = path.parent.parent.parent
    in_place = path.parent.parent.name == CHECKPOINT_FOLDER and path.parent in checkpoints(folder).values()
    return folder if in_place else None


def _reading(trained: AgentConfig, folder: Path, config: AgentReadingConfig) -> AgentReadingConfig:
    """Complete how to read an agent by how it was trained."""
    features = trained.features
    if not trained.where.is_game or features.observes != "pixels":
        got = (
            f"one of {trained.task} that looks at {'pictures' if features.observes == 'pixels' else 'the state itself'}"
        )
        fix = "Probes read the RAM of games off what was made of their pictures."
        raise ValueError(explain(expected="an agent that looks at the pictures of a game", got=got, fix=fix))
    if not isinstance(features, EncoderFeatures) or features.policy_sees_pictures:
        return dataclasses.replace(config, colours="gray", key="pixels", padding="zero", encoder=None)
    encoder = encoder_folder(folder)
    # Windows are stacked by VecFrameStack, single pictures by VecEncodeObservation, which repeats the first one.
    is_window = isinstance(load_any_encoder(encoder), VideoEncoder)
    padding: Padding = "zero" if is_window else "reset"
    return dataclasses.replace(config, encoder=str(encoder), readout=features.readout, padding=padding)
