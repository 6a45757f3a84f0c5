"""What is behind the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from rmr_gym.sb3.training.observing import ObservingConfig, frame_stack, head
from rmr_gym.sb3.training.tasks import Observed
from rmr_gym.wrappers.ram_format import RamFormat

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv


@dataclass(frozen=True, kw_only=True, slots=True)
class StateFeatures(ObservingConfig):
    """The RAM of a game, or the positions of balls, instead of pictures: privileged, an upper bound.

    The RAM of a game is its whole state and is not stacked; positions of balls are, since they say nothing of speed.
    """

    form: Literal["bits", "float"] = "bits"
    """RAM as 1,024 bits, or as 128 bytes divided by 255."""

    projection: int | None = None
    """Width of a trained layer that actor and critic share; None leaves it out."""

    net_arch: tuple[int, ...] = (64, 64)
    """Widths of further layers, of actor and critic each (Stable-Baselines3's default)."""

    observes: ClassVar[Observed] = "ram"

    @property
    def ram_format(self) -> RamFormat:
        """Form of the RAM."""
        return self.form

    def wrap(self, venv: VecEnv, folder: Path, *, stack: int, device: str) -> VecEnv:
        """Stack positions; a vector of RAM stays as it is."""
        is_vector = len(venv.observation_space.shape or ()) == 1
        return venv if is_vector else frame_stack(venv, stack)

    def policy_kwargs(self, folder: Path) -> dict[str, Any]:
        """Return keywords of the policy."""
        return head(self.projection, self.net_arch)
