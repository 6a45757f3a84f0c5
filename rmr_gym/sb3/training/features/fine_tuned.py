"""An encoder that is trained further."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rmr_gym.errors import explain
from rmr_gym.sb3.training.networks import encoder_colours, encoder_folder
from rmr_gym.sb3.training.pretrained import PROJECTION, PretrainedConfig

if TYPE_CHECKING:
    from stable_baselines3.common.callbacks import BaseCallback


@dataclass(frozen=True, kw_only=True, slots=True)
class FineTunedFeatures(PretrainedConfig):
    """The features of an encoder that is trained with the policy, from some step on."""

    after_steps: int = 0
    """Environment steps before the encoder is trained, so that a random policy does not spoil it."""

    learning_rate: float | None = 2.5e-5
    """Step size of the encoder; None is that of the policy. ours: a tenth of PPO's."""

    projection: int = PROJECTION
    """Width of the trained layer behind the features, which actor and critic share."""

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        PretrainedConfig.__post_init__(self)
        if self.after_steps < 0:
            raise ValueError(explain(expected="after_steps of at least 0", got=self.after_steps, fix="Pass 0."))

    def policy_kwargs(self, folder: Path) -> dict[str, Any]:
        """Return keywords of the policy; the encoder is frozen until the callback says otherwise."""
        from rmr_gym.sb3.policy_kwargs import policy_kwargs_from

        return policy_kwargs_from(
            encoder_folder(folder),
            readout="project",
            features_dim=self.projection,
            colours=encoder_colours(folder),
            net_arch=list(self.net_arch),
        )

    def callbacks(self) -> Sequence[BaseCallback]:
        """Return what unfreezes the encoder."""
        from rmr_gym.sb3.unfreezing import UnfreezeEncoder

        return (UnfreezeEncoder(after_steps=self.after_steps, learning_rate=self.learning_rate),)
