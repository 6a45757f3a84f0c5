"""What the configs of all ways to observe share: layers around the environments, and the front of the policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rmr_gym.errors import explain, missing_extra
from rmr_gym.sb3.training.tasks import Observed, Task
from rmr_gym.wrappers.ram_format import RamFormat

if TYPE_CHECKING:
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.vec_env import VecEnv


@dataclass(frozen=True, kw_only=True, slots=True)
class ObservingConfig:
    """Base of the configs of what an agent sees: subclasses override what differs."""

    observes: ClassVar[Observed] = "pixels"
    """What the environments show."""

    @property
    def ram_format(self) -> RamFormat:
        """Form of the RAM, where it is observed."""
        return "bits"

    @property
    def policy_sees_pictures(self) -> bool:
        """Whether the policy is given pictures, and not vectors."""
        return self.observes == "pixels"

    def prepare(self, folder: Path, seed: int, task: Task) -> dict[str, str]:
        """Put the networks that are needed into the folder of a run, so that it needs no other folder later.

        Args:
            folder: of the run.
            seed: of networks with random weights.
            task: what such networks adapt to.

        Returns:
            The fingerprint of each network by name.
        """
        return {}

    def wrap(self, venv: VecEnv, folder: Path, *, stack: int, device: str) -> VecEnv:
        """Put the layers between the environments of a task and the algorithm around them.

        Args:
            venv: what `make_task_env` returned.
            folder: of the run, see `prepare`.
            stack: number of pictures, or of the states of balls, that make an observation.
            device: where to compute features.
        """
        return frame_stack(venv, stack)

    def policy_kwargs(self, folder: Path) -> dict[str, Any]:
        """Return keywords of the policy."""
        return {}

    def callbacks(self) -> Sequence[BaseCallback]:
        """Return what has to run along with the training."""
        return ()


def frame_stack(venv: VecEnv, stack: int) -> VecEnv:
    """Stack the last observations by Stable-Baselines3's wrapper, which puts zeros before the start."""
    try:
        from stable_baselines3.common.vec_env import VecFrameStack
    except ImportError as error:
        raise missing_extra("stable_baselines3", "sb3") from error
    return venv if stack == 1 else VecFrameStack(venv, stack)


def head(
    projection: int | None,
    net_arch: Sequence[int],
    *,
    critic_arch: Sequence[int] | None = None,
    standardise: bool = False,
    motion: bool = False,
) -> dict[str, Any]:
    """Return the keywords of a policy that sees vectors.

    Args:
        projection: width of a linear layer with ReLU that actor and critic share, or None.
        net_arch: widths of the layers behind it, of actor and critic each.
        critic_arch: widths of those of the critic, where it has others.
        standardise: see `Projection`.
        motion: see `Projection`.

    Raises:
        ValueError: when a width is not positive.
    """
    from rmr_gym.sb3.training.projection import Projection

    widths = [*net_arch, *(critic_arch or ()), *([] if projection is None else [projection])]
    if any(width < 1 for width in widths):
        raise ValueError(explain(expected="positive widths of layers", got=widths, fix="Leave the layer out."))
    behind: dict[str, Any] = {"net_arch": list(net_arch)}
    if critic_arch is not None:
        behind = {"net_arch": {"pi": list(net_arch), "vf": list(critic_arch)}}
    options = {name: True for name, wanted in (("standardise", standardise), ("motion", motion)) if wanted}
    if projection is None and not options:
        return behind
    extractor = {"features_dim": projection, **options}
    return {"features_extractor_class": Projection, "features_extractor_kwargs": extractor, **behind}
