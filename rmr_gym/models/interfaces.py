"""What every processor and every encoder offers; subclass one of these for your own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol, runtime_checkable

from jaxtyping import Float, Int, Num
from torch import Generator, Tensor, nn
from torch.nn import functional

from rmr_gym.errors import explain
from rmr_gym.models.hub import HubModel

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

    def build(self, num_slots: int, *, num_actions: int = NUM_ACTIONS) -> Processor:
        """Build the processor for a number of slots; with 0 actions it describes a world without a player."""


@runtime_checkable
class BuildsEncoder(Config, Protocol):
    """Config of an encoder."""

    @property
    def slot_dim(self) -> int:
        """Width of a slot."""

    def build(self) -> Encoder:
        """Build the encoder."""


@runtime_checkable
class BuildsVideoEncoder(Config, Protocol):
    """Config of an encoder of windows of pictures."""

    @property
    def slot_dim(self) -> int:
        """Width of a slot."""

    def build(self) -> VideoEncoder:
        """Build the encoder."""


class Processor(nn.Module, ABC):
    """Latent transition model of a machine, `z' = P(z + alpha) + z + alpha`.

    Subclasses define `process`, the P of the equation. The action encoder belongs to the processor: it is trained,
    frozen and shipped with it. The skip connection has no parameters. In a world without actions (`num_actions=0`)
    there is no alpha, and the equation is `z' = P(z) + z`.

    Source: paper, appendix F, equations 2 and 3; without actions appendix A.

    Args:
        slot_dim: width of a slot.
        num_actions: size of the one-hot action; 0 for a world without actions.

    Attributes:
        config: what it was built from.
        num_actions: size of the one-hot action.
    """

    config: BuildsProcessor

    def __init__(self, *, slot_dim: int, num_actions: int = NUM_ACTIONS) -> None:
        super().__init__()
        self.slot_dim, self.num_actions = slot_dim, num_actions
        self.action_encoder = nn.Linear(num_actions, slot_dim) if num_actions else None

    @property
    def output_dim(self) -> int:
        """Width of a predicted slot, that of a slot unless a subclass says otherwise."""
        return self.slot_dim

    def forward(
        self, slots: Float[Tensor, "batch slot dim"], action: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch slot output"]:
        """Predict the slots after an action.

        Args:
            slots: latent of each slot.
            action: ALE action *value* (0..17), never an index into a game's own action set; None exactly when the
                processor was built without actions.

        Returns:
            Predicted latent of each slot.

        Raises:
            ValueError: when an action is missing, came to a processor without actions, or is not one per sample.
        """
        inputs = self.add_action(slots, action)
        return self.process(inputs) + inputs

    def add_action(
        self, slots: Float[Tensor, "batch slot dim"], action: Int[Tensor, " batch"] | None
    ) -> Float[Tensor, "batch slot dim"]:
        """Add the encoded action to every slot; return the slots as they are in a world without actions."""
        if (action is None) != (self.action_encoder is None):
            expected, got = ("an action", "None") if action is None else ("None as the action", "one")
            fix = "Pass an action exactly when the processor was built with num_actions > 0."
            raise ValueError(explain(expected=f"{expected}, as num_actions is {self.num_actions}", got=got, fix=fix))
        if action is None or self.action_encoder is None:
            return slots
        if action.shape != slots.shape[:1]:
            got, fix = f"shape {tuple(action.shape)} for slots of shape {tuple(slots.shape)}", "Flatten the actions."
            raise ValueError(explain(expected="one action per sample, (batch,)", got=got, fix=fix))
        one_hot = functional.one_hot(action.long(), self.num_actions).to(slots.dtype)
        inputs: Tensor = slots + self.action_encoder(one_hot).unsqueeze(1)
        return inputs

    @abstractmethod
    def process(self, inputs: Float[Tensor, "batch slot dim"]) -> Float[Tensor, "batch slot output"]:
        """Compute P, the update of each slot."""


class Encoder(HubModel, nn.Module, ABC):
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


class VideoEncoder(HubModel, nn.Module, ABC):
    """Window of pictures to slots, `f~` of the paper's bouncing balls.

    Slots are exchangeable until something tells them apart. Where that is chance, the caller draws it (`noise`) and
    passes it in, so that the same window and the same noise always give the same slots.

    Attributes:
        config: what it was built from.
        num_slots: slots per window.
        slot_dim: width of a slot.
        input_shape: `(history, channel, height, width)` that `forward` accepts.
    """

    config: BuildsVideoEncoder
    num_slots: int
    slot_dim: int
    input_shape: tuple[int, int, int, int]

    @abstractmethod
    def forward(
        self,
        pixels: Num[Tensor, "batch history channel height width"],
        noise: Float[Tensor, "batch slot noise"],
    ) -> Float[Tensor, "batch slot dim"]:
        """Encode windows, as bytes in 0..255 or floats in [0, 1], oldest picture first."""

    @abstractmethod
    def noise(self, batch_size: int, generator: Generator) -> Float[Tensor, "batch slot noise"]:
        """Draw what tells the slots of each window apart, on the CPU so that every device sees the same draws."""
