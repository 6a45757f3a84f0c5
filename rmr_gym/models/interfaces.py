"""What every processor and every encoder offers; subclass one of these for your own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol, runtime_checkable

from jaxtyping import Float, Int, Num
from torch import Tensor, nn
from torch.nn import functional

NUM_ACTIONS = 18
"""Actions of the Arcade Learning Environment, keyed by value (the paper, section 5)."""


@runtime_checkable
class Config(Protocol):
    """A frozen dataclass beside its owner; checkpoints keep it as JSON."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


@runtime_checkable
class BuildsProcessor(Config, Protocol):
    """Config of a processor."""

    @property
    def slot_dim(self) -> int:
        """Width of a slot."""

    def build(self, num_slots: int) -> Processor:
        """Build the processor for a number of slots."""


@runtime_checkable
class BuildsEncoder(Config, Protocol):
    """Config of an encoder."""

    @property
    def slot_dim(self) -> int:
        """Width of a slot."""

    def build(self) -> Encoder:
        """Build the encoder."""


class Processor(nn.Module, ABC):
    """Latent transition model of a machine, `z' = P(z + alpha) + z + alpha`.

    Subclasses define `process`, the P of the equation. The action encoder belongs to the processor: it is trained,
    frozen and shipped with it. The skip connection has no parameters.

    Source: paper, appendix F, equations 2 and 3.

    Args:
        slot_dim: width of a slot.
        num_actions: size of the one-hot action.

    Attributes:
        config: what it was built from.
    """

    config: BuildsProcessor

    def __init__(self, *, slot_dim: int, num_actions: int = NUM_ACTIONS) -> None:
        super().__init__()
        self.slot_dim = slot_dim
        self.action_encoder = nn.Linear(num_actions, slot_dim)

    def forward(
        self, slots: Float[Tensor, "batch slot dim"], action: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch slot dim"]:
        """Predict the slots after an action.

        Args:
            slots: latent of each slot.
            action: ALE action *value* (0..17), never an index into a game's own action set.

        Returns:
            Predicted latent of each slot.
        """
        one_hot = functional.one_hot(action.long(), self.action_encoder.in_features).to(slots.dtype)
        inputs: Tensor = slots + self.action_encoder(one_hot).unsqueeze(1)
        return self.process(inputs) + inputs

    @abstractmethod
    def process(self, inputs: Float[Tensor, "batch slot dim"]) -> Float[Tensor, "batch slot dim"]:
        """Compute P, the update of each slot."""


class Encoder(nn.Module, ABC):
    """Picture to slots, `f~` of the paper.

    Attributes:
        config: what it was built from.
        num_slots: slots per picture.
        slot_dim: width of a slot.
        input_shape: `(channel, height, width)` that `forward` accepts.
    """

    config: BuildsEncoder
    num_slots: int
    slot_dim: int
    input_shape: tuple[int, int, int]

    @abstractmethod
    def forward(self, pixels: Num[Tensor, "batch channel height width"]) -> Float[Tensor, "batch slot dim"]:
        """Encode pictures, as bytes in 0..255 or floats in [0, 1]."""

    def calibrate(self, pixels: Num[Tensor, "batch channel height width"]) -> None:
        """Adapt to the data once, before training and in the same way in all arms; does nothing by default.

        Args:
            pixels: some hundred training frames.
        """
