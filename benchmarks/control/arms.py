"""What is compared: what an agent sees, and which encoder that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rmr_gym.registry import Registry
from rmr_gym.sb3.training import BALLS_PUSH

Kind = Literal["scratch", "frozen", "fine_tuned", "privileged"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One row of the comparison."""

    kind: Kind
    """scratch: NatureCNN; frozen and fine_tuned: an encoder; privileged: RAM, or the positions of balls."""

    label: str
    """For legends and tables."""

    encoder: str | None = None
    """Arm of the encoder in the folders of `rmr-gym run` and `rmr-gym balls`; None for agents without one."""

    on_games: bool = True
    """Whether there is such an encoder of games."""

    on_balls: bool = True
    """Whether there is such an encoder of bouncing balls."""

    def plays(self, task: str) -> bool:
        """Tell whether the arm is there on a task."""
        return self.on_balls if task == BALLS_PUSH else self.on_games


ARMS: Registry[Arm] = Registry(
    "arm",
    ("nature_cnn", Arm(kind="scratch", label="NatureCNN from scratch")),
    ("rmr", Arm(kind="frozen", label="RMR, frozen", encoder="rmr")),
    ("c_swm", Arm(kind="frozen", label="C-SWM, frozen", encoder="c_swm", on_balls=False)),
    ("end_to_end", Arm(kind="frozen", label="end to end, frozen", encoder="end_to_end", on_games=False)),
    ("untrained", Arm(kind="frozen", label="untrained, frozen", encoder="untrained")),
    ("rmr_fine_tuned", Arm(kind="fine_tuned", label="RMR, fine-tuned", encoder="rmr")),
    ("privileged", Arm(kind="privileged", label="RAM or positions")),
)
"""Name of each arm. The untrained encoder has the architecture and the initial weights of the trained one of its seed,
and was calibrated on the same pictures."""

BASELINE = "nature_cnn"
"""The arm that the others are compared with."""


def arms_of(task: str) -> tuple[str, ...]:
    """Return the names of the arms that are there on a task."""
    return tuple(name for name, arm in ARMS.items() if arm.plays(task))
