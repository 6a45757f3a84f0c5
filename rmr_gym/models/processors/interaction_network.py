"""The Interaction Network: a processor that reads and writes coordinates instead of wide latents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from rmr_gym.errors import explain
from rmr_gym.models.blocks import perceptron
from rmr_gym.models.interfaces import Processor
from rmr_gym.ops import all_pairs_messages

_COORDINATES = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class InteractionNetworkConfig:
    """Pairwise effects on the coordinates of balls: a processor with a bottleneck of two numbers."""

    history: int = 3
    """Past positions of a ball that are its slot (paper, appendix C: 3 positions, 6 numbers)."""

    relation_dim: int = 150
    """Width of the hidden layers of the relation network (Interaction Networks; the paper gives none)."""

    num_relation_layers: int = 4
    """Hidden layers of the relation network (Interaction Networks; the paper gives none)."""

    effect_dim: int = 50
    """Width of an effect (Interaction Networks; the paper gives none)."""

    object_dim: int = 100
    """Width of the hidden layer of the object network (Interaction Networks; the paper gives none)."""

    def __post_init__(self) -> None:
        sizes = (self.history, self.relation_dim, self.num_relation_layers, self.effect_dim, self.object_dim)
        if min(sizes) < 1:
            expected = "history, num_relation_layers and all widths >= 1"
            raise ValueError(explain(expected=expected, got=self, fix="Raise the number."))

    @property
    def slot_dim(self) -> int:
        """Width of a slot: the coordinates of one ball in the window."""
        return _COORDINATES * self.history

    def build(self, num_slots: int, *, num_actions: int = 0) -> InteractionNetwork:
        """Build the processor; the weights do not depend on the number of slots.

        Raises:
            ValueError: when there are actions, for which the network has no input.
        """
        del num_slots
        if num_actions:
            fix = "Use it for worlds without actions, with num_actions=0."
            raise ValueError(explain(expected="no actions for an interaction network", got=num_actions, fix=fix))
        return InteractionNetwork(self)


class InteractionNetwork(Processor):
    """Effects of all other slots on each slot, and from their sum its next position.

    A slot is the window of one ball's positions in network units, oldest first: `x, y` of the oldest, ..., `x, y` of
    the newest. The relation network acts on `[receiver, sender]` for all ordered pairs of different slots; the object
    network turns `[own slot, sum of effects]` into a displacement, which is added to the newest position. Absolute
    positions are inputs, since the walls make a scene and its translation different.

    Source: paper, appendix C (bottleneck ablation); Battaglia et al. 2016, whose object network predicts a velocity.
    """

    config: InteractionNetworkConfig

    def __init__(self, config: InteractionNetworkConfig) -> None:
        super().__init__(slot_dim=config.slot_dim, num_actions=0)
        self.config = config
        hidden = [config.relation_dim] * config.num_relation_layers
        self.relation = perceptron([2 * config.slot_dim, *hidden, config.effect_dim])
        self.object = perceptron([config.slot_dim + config.effect_dim, config.object_dim, _COORDINATES])

    @property
    def output_dim(self) -> int:
        """Width of a predicted slot: one position."""
        return _COORDINATES

    def forward(
        self, slots: Float[Tensor, "batch slot dim"], action: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch slot 2"]:
        """Predict the next position of each ball.

        Args:
            slots: window of positions of each ball.
            action: None; this processor knows no actions.

        Returns:
            Next positions in the units of the input.

        Raises:
            ValueError: when there is an action.
        """
        inputs = self.add_action(slots, action)
        return inputs[..., -_COORDINATES:] + self.process(inputs)

    def process(self, inputs: Float[Tensor, "batch slot dim"]) -> Float[Tensor, "batch slot 2"]:
        """Compute the displacement of each ball until the next frame."""
        first, *further = (layer for layer in self.relation if isinstance(layer, nn.Linear))
        of_receiver, of_sender = first.weight.chunk(2, dim=1)
        effects = all_pairs_messages(
            functional.linear(inputs, of_receiver, first.bias),
            functional.linear(inputs, of_sender),
            [layer.weight for layer in further],
            [layer.bias for layer in further],
            reduction="sum",
            self_edges=False,
        )
        displacement: Tensor = self.object(torch.cat([inputs, effects], dim=-1))
        return displacement
