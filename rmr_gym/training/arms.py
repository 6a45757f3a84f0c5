"""The compared variants of the natural stage. They differ in the processor, and in nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rmr_gym.registry import Registry


@dataclass(frozen=True, kw_only=True, slots=True)
class Arm:
    """One variant of the natural stage."""

    processor: Literal["pretrained", "random", "identity"]
    """Where the processor's initial weights come from. `identity`: all are zero, so that it predicts what it is given,
    whatever the action."""

    frozen: bool
    """Whether the processor keeps them."""

    misrouted: bool = False
    """Whether the processor's update of each slot goes to another slot, see `rmr_gym.models.misrouted`."""

    anchor: float = 0.0
    """Weight of the squared distance of the processor's weights from their initial values, added to the loss. ours: of
    1e-4 to 1e-1 the middle."""

    learns_from: Literal["pixels", "ram", "nothing"] = "pixels"
    """What trains the encoder: the contrastive objective, the memory bits (an oracle), or nothing at all."""

    summary: str = ""
    """One line for tables and `--help`."""


ARMS: Registry[Arm] = Registry(
    "arm",
    ("rmr", Arm(processor="pretrained", frozen=True, summary="processor pre-trained on RAM and frozen (the paper)")),
    ("c_swm", Arm(processor="random", frozen=False, summary="processor trained from random (the paper's baseline)")),
    ("frozen_random", Arm(processor="random", frozen=True, summary="random frozen processor: does freezing suffice?")),
    ("frozen_identity", Arm(processor="identity", frozen=True, summary="predicts that nothing changes, frozen")),
    (
        "frozen_permuted",
        Arm(processor="pretrained", frozen=True, misrouted=True, summary="pre-trained, updates go to the wrong slots"),
    ),
    ("fine_tuned", Arm(processor="pretrained", frozen=False, summary="pre-trained processor, trained further")),
    (
        "anchored",
        Arm(processor="pretrained", frozen=False, anchor=1e-2, summary="trained further, but held near where it was"),
    ),
    (
        "untrained",
        Arm(processor="random", frozen=True, learns_from="nothing", summary="encoder at its initial weights"),
    ),
    ("supervised", Arm(processor="random", frozen=True, learns_from="ram", summary="encoder trained on the RAM bits")),
)
"""The arms by name, in the order of tables."""

USUAL_ARMS = ("rmr", "c_swm", "frozen_random", "fine_tuned", "untrained", "supervised")
"""Arms of a run that names none."""

BALL_ARMS: Registry[Arm] = Registry(
    "arm of bouncing balls",
    (
        "rmr",
        Arm(processor="pretrained", frozen=True, summary="processor pre-trained on positions, frozen (the paper)"),
    ),
    (
        "end_to_end",
        Arm(processor="random", frozen=False, summary="processor trained from random (the paper's baseline)"),
    ),
    ("frozen_random", Arm(processor="random", frozen=True, summary="random frozen processor: does freezing suffice?")),
)
"""The arms of the video models by name, in the order of tables."""
