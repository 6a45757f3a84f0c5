"""Deep Sets: the message passing network over the identity adjacency matrix."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.blocks import perceptron
from rmr_gym.models.interfaces import NUM_ACTIONS, Processor


@dataclass(frozen=True, kw_only=True, slots=True)
class DeepSetsConfig:
    """Every slot by itself, with the layers of the message passing network."""

    slot_dim: int = 64
    """Width of a slot and of all hidden layers (paper, section 5)."""

    def __post_init__(self) -> None:
        if self.slot_dim < 1:
            raise ValueError(explain(expected="slot_dim >= 1", got=self.slot_dim, fix="Raise it."))

    def build(self, num_slots: int, *, num_actions: int = NUM_ACTIONS) -> DeepSets:
        """Build the processor; the weights do not depend on the number of slots."""
        del num_slots
        return DeepSets(self, num_actions)


class DeepSets(Processor):
    """The message passing network in which a slot receives only its own message.

    Source: paper, appendix B ("passes messages over the identity adjacency matrix").
    """

    config: DeepSetsConfig

    def __init__(self, config: DeepSetsConfig, num_actions: int) -> None:
        super().__init__(slot_dim=config.slot_dim, num_actions=num_actions)
        self.config = config
        dim = config.slot_dim
        # On the pair [h_i, h_i] the two halves of the first layer act on the same vector and are one linear layer.
        self.message = perceptron([dim, dim, dim, dim])
        self.update_slot = nn.Linear(dim, dim)
        self.update_message = nn.Linear(dim, dim, bias=False)

    def process(self, inputs: Float[Tensor, "batch slot dim"]) -> Float[Tensor, "batch slot dim"]:
        """Update each slot from its own message."""
        update: Tensor = self.update_slot(inputs) + self.update_message(self.message(inputs))
        return update
