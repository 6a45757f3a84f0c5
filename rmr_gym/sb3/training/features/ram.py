"""What is behind the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
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
    """Widths of further layers, of actor and critic each (Stable-Baselines3's default); () is a linear policy."""

    critic_arch: tuple[int, ...] | None = None
    """Widths of those of the critic, where it has others: behind positions of balls a linear policy can do well, while
    no linear value falls with the distance in all directions. For PPO and A2C."""

    motion: bool = True
    """Show balls by their last positions and by the differences between the stacked ones, each brought to mean 0 and
    deviation 1 by a first look at random play, instead of by stacked positions in metres, in which a velocity is a
    small difference. The RAM of a game stays as it is."""

    MEANT_BEFORE = MappingProxyType({"critic_arch": None, "motion": False})
    """What it means that fields are absent from a document that was written before they existed."""

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
        return head(self.projection, self.net_arch, critic_arch=self.critic_arch, motion=self.motion)
