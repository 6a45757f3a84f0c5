"""A frozen encoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from rmr_gym.errors import explain
from rmr_gym.sb3.training.networks import encoder_colours, encoder_folder, encoder_history
from rmr_gym.sb3.training.observing import frame_stack, head
from rmr_gym.sb3.training.pretrained import PROJECTION, PretrainedConfig

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv


@dataclass(frozen=True, kw_only=True, slots=True)
class EncoderFeatures(PretrainedConfig):
    """The features of a frozen encoder, and a trained layer behind them."""

    through: Literal["wrapper", "extractor"] = "wrapper"
    """Where it stands: in `VecEncodeObservation`, which encodes each picture once, or in the policy, where observations
    stay pictures. Replay buffers hold pictures better than thousands of features."""

    readout: Literal["flatten", "mean"] = "flatten"
    """All slots one after the other, or their mean."""

    projection: int | None = PROJECTION
    """Width of the trained layer behind the features, which actor and critic share; None leaves it out."""

    standardise: bool = False
    """Bring each feature to mean 0 and deviation 1, as it has them in a first look at random play; both are saved with
    the agent and stay as they are. For features in a wrapper."""

    MEANT_BEFORE = MappingProxyType({"standardise": False})
    """What it means that a field is absent from a document that was written before the field existed."""

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        PretrainedConfig.__post_init__(self)
        if self.through == "extractor" and self.standardise:
            fix = "Pass through=wrapper, or standardise=False."
            raise ValueError(explain(expected="features in a wrapper", got="standardise in the policy", fix=fix))
        if self.through == "extractor" and self.readout == "mean" and self.projection is not None:
            got, fix = "a projection of the mean in the policy", "Pass projection=None, or through=wrapper."
            raise ValueError(explain(expected="readout=flatten, or no projection", got=got, fix=fix))

    @property
    def policy_sees_pictures(self) -> bool:
        """Whether the policy is given pictures, and not vectors."""
        return self.through == "extractor"

    def wrap(self, venv: VecEnv, folder: Path, *, stack: int, device: str) -> VecEnv:
        """Stack pictures and, in a wrapper, encode them."""
        if self.policy_sees_pictures:
            return frame_stack(venv, stack)
        from rmr_gym.models.frozen_features import FrozenFeatures
        from rmr_gym.sb3.vec_encode_observation import VecEncodeObservation

        features = FrozenFeatures(encoder_folder(folder), readout=self.readout, device=device)
        history = encoder_history(folder)
        if history == 1:
            return VecEncodeObservation(venv, features, stack=stack)
        if stack != history:
            fix = f"Pass stack={history}."
            raise ValueError(explain(expected=f"a stack of {history}, the window of the encoder", got=stack, fix=fix))
        return VecEncodeObservation(frame_stack(venv, stack), features)

    def policy_kwargs(self, folder: Path) -> dict[str, Any]:
        """Return keywords of the policy."""
        if not self.policy_sees_pictures:
            return head(self.projection, self.net_arch, standardise=self.standardise)
        from rmr_gym.sb3.policy_kwargs import policy_kwargs_from

        return policy_kwargs_from(
            encoder_folder(folder),
            readout=self.readout if self.projection is None else "project",
            features_dim=self.projection or PROJECTION,
            colours=encoder_colours(folder),
            net_arch=list(self.net_arch),
        )
