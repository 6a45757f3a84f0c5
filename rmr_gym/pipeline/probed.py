"""What can be probed: encoders that were trained here, and trained agents of Stable-Baselines3."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.evaluation.encoding import FrameSource
from rmr_gym.evaluation.frame_stacks import FrameStacks
from rmr_gym.models import Encoder, load_encoder
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.sb3.agent_features import AgentFeatures, AgentReadingConfig
from rmr_gym.sb3.agent_loading import load_agent_features

AGENT_PREFIX = "sb3:"
"""Begins the name of an encoder that is an agent of Stable-Baselines3; its path follows."""

PROBE_FILE = "probe.json"
"""Record of the step, in the folder of the encoder; beside the file of an agent its name goes before."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Probed:
    """An encoder together with how it is fed."""

    module: Encoder | AgentFeatures
    """Pictures to slots or features, on its device."""

    size: tuple[int, int]
    """Height and width of its pictures."""

    gray: bool
    """Whether it takes luminance instead of colours."""

    record: Path
    """Where its probe.json lies unless the user wants it elsewhere."""

    game: str | None
    """What it was trained on, where that is known."""

    facts: dict[str, Any] = field(default_factory=dict)
    """What the record says about it, beside the scores."""


def frames_for(module: Encoder | AgentFeatures, dataset: TransitionDataset) -> FrameSource:
    """Return what reads the frames of a data set as an encoder takes them: single ones, or stacks for an agent."""
    if not isinstance(module, AgentFeatures):
        return dataset
    return FrameStacks(dataset, module.pictures.num_frames, black_start=module.config.padding == "zero")


def open_probed(encoder: str | Path, agent: AgentReadingConfig | None = None, *, device: str = "cpu") -> Probed:
    """Read what is to be probed.

    Args:
        encoder: folder of an encoder, or `sb3:` and the file of a saved agent or the folder of its training.
        agent: how an agent is read.
        device: where to put it.

    Raises:
        ValueError: when there is no encoder or agent, or the agent does not look at pictures alone.
        DependencyNotInstalled: when it is an agent and Stable-Baselines3 is missing.
    """
    name = str(encoder)
    if not name.startswith(AGENT_PREFIX):
        model = load_encoder(encoder, device=device)
        channels, height, width = model.input_shape
        return Probed(
            module=model,
            size=(height, width),
            gray=channels == 1,
            record=Path(encoder, PROBE_FILE),
            game=model.facts.get("game"),
        )
    path = Path(name.removeprefix(AGENT_PREFIX)).expanduser()  # no shell does that behind a colon
    loaded = load_agent_features(path, agent)
    pictures = loaded.features.pictures
    # Without the path of an encoder, whose weights are part of what is fingerprinted.
    reading = to_json(dataclasses.replace(loaded.features.config, encoder=None))
    facts = loaded.facts | {"num_frames": pictures.num_frames, "gray": pictures.gray, "reading": reading}
    beside = path.with_name(f"{path.name.removesuffix('.zip')}.{PROBE_FILE}")
    return Probed(
        module=loaded.features.to(device),
        size=pictures.size,
        gray=pictures.gray,
        record=path / PROBE_FILE if path.is_dir() else beside,
        game=loaded.facts.get("task"),
        facts={"agent": facts},
    )


def short_names(encoders: Sequence[str]) -> list[str]:
    """Shorten the names of encoders as far as they stay different.

    Raises:
        ValueError: when there is none or one stands twice.

    Example:
        >>> short_names(["runs/pong/rmr/seed-0", "runs/pong/c_swm/seed-0", "sb3:agents/pong.zip"])
        ['rmr/seed-0', 'c_swm/seed-0', 'sb3:agents/pong.zip']
    """
    if not encoders or len(set(encoders)) < len(encoders):
        fix = "Name each of them once."
        raise ValueError(explain(expected="one or several different encoders", got=list(encoders), fix=fix))
    agents = [AGENT_PREFIX if name.startswith(AGENT_PREFIX) else "" for name in encoders]
    parts = [PurePosixPath(name.removeprefix(AGENT_PREFIX)).parts for name in encoders]
    for depth in range(1, max(map(len, parts)) + 1):
        names = [agent + "/".join(part[-depth:]) for agent, part in zip(agents, parts, strict=True)]
        if len(set(names)) == len(names):
            return names
    return list(encoders)
