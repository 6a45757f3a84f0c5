"""Message passing over the complete graph of slots: the paper's processor."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.interfaces import NUM_ACTIONS, Processor
from rmr_gym.ops import REDUCTIONS, Reduction, all_pairs_messages

_LEAST_LAYERS = 3
"""Of the message function: a projection of both slots, a hidden layer and the output."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MpnnConfig:
    """Message passing neural network over a fully connected graph with self-edges."""

    MEANT_BEFORE = MappingProxyType({"message_layers": 3})
    """What it means that a field is absent from a document that was written before the field existed."""

    slot_dim: int = 64
    """Width of a slot and of all hidden layers (paper, section 5)."""

    reduction: Reduction = "mean"
    """How messages are combined. ours: mean, whose last layer acts on slots and not on edges."""

    num_passes: int = 1
    """Rounds of message passing with shared weights, ReLU between them. ours: 1 for Atari; the paper's balls use 2."""

    message_layers: int = 3
    """Layers of the message function, at least 3 (paper, appendix B: 3). More of them see collisions more sharply."""

    def __post_init__(self) -> None:
        if self.slot_dim < 1 or self.num_passes < 1 or self.message_layers < _LEAST_LAYERS:
            expected = f"slot_dim >= 1, num_passes >= 1 and message_layers >= {_LEAST_LAYERS}"
            raise ValueError(explain(expected=expected, got=self, fix="Raise the number."))
        if self.reduction not in REDUCTIONS:
            fix = f"Choose one of {', '.join(REDUCTIONS)}."
            raise ValueError(explain(expected="a known reduction", got=self.reduction, fix=fix))

    def build(self, num_slots: int, *, num_actions: int = NUM_ACTIONS) -> Mpnn:
        """Build the processor; the weights do not depend on the number of slots."""
        del num_slots
        return Mpnn(self, num_actions)


class Mpnn(Processor):
    """Message passing over all pairs of slots.

    The message is an MLP on `[h_i, h_j]`, of three layers by default, with ReLU after the hidden ones; its first layer
    is kept as a receiver and a sender projection (`rmr_gym.ops.all_pairs_messages`). The update is linear, without an
    activation, since it is added to the slots and must be able to lower them.

    Source: paper, section 5, appendices B and F (equation 3).
    """

    config: MpnnConfig

    def __init__(self, config: MpnnConfig, num_actions: int) -> None:
        super().__init__(slot_dim=config.slot_dim, num_actions=num_actions)
        self.config = config
        dim = config.slot_dim
        self.receiver = nn.Linear(dim, dim)
        self.sender = nn.Linear(dim, dim, bias=False)
        self.hidden = nn.Linear(dim, dim)
        self.further = nn.ModuleList(nn.Linear(dim, dim) for _ in range(config.message_layers - _LEAST_LAYERS))
        self.message = nn.Linear(dim, dim)
        self.update_slot = nn.Linear(dim, dim)
        self.update_message = nn.Linear(dim, dim, bias=False)

    def process(self, inputs: Float[Tensor, "batch slot dim"]) -> Float[Tensor, "batch slot dim"]:
        """Run the passes of message passing."""
        slots, layers = inputs, [self.hidden, *self.further, self.message]
        for index in range(self.config.num_passes):
            if index:
                slots = slots.relu()
            messages = all_pairs_messages(
                self.receiver(slots),
                self.sender(slots),
                [layer.weight for layer in layers],
                [layer.bias for layer in layers],
                reduction=self.config.reduction,
            )
            slots = self.update_slot(slots) + self.update_message(messages)
        return slots
