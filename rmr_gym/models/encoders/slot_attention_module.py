"""Slot Attention proper: slots compete for the cells of a feature map."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from rmr_gym.models.blocks import perceptron


class Attended(NamedTuple):
    """Slots and the share of each cell that they took."""

    slots: Float[Tensor, "batch slot dim"]
    attention: Float[Tensor, "batch slot cell"]


class SlotAttention(nn.Module):
    """Iterated attention in which the softmax runs over the slots, so that they share out the inputs.

    Equivariant to permutations of the slots: what tells them apart is where they start.

    Source: Locatello et al. 2020, algorithm 1; queries, keys and values without biases as in its reference code.

    Args:
        input_dim: width of a cell.
        slot_size: width of a slot.
        hidden_dim: width of the hidden layer of the residual perceptron.
        iterations: rounds of attention with shared weights.
        epsilon: added to the attention before it is normalised over the cells.
    """

    def __init__(self, *, input_dim: int, slot_size: int, hidden_dim: int, iterations: int, epsilon: float) -> None:
        super().__init__()
        self.iterations, self.epsilon = iterations, epsilon
        self.scale = slot_size**-0.5
        self.norm_inputs = nn.LayerNorm(input_dim)
        self.norm_slots = nn.LayerNorm(slot_size)
        self.norm_update = nn.LayerNorm(slot_size)
        self.query = nn.Linear(slot_size, slot_size, bias=False)
        self.key = nn.Linear(input_dim, slot_size, bias=False)
        self.value = nn.Linear(input_dim, slot_size, bias=False)
        self.gru = nn.GRUCell(slot_size, slot_size)
        self.update = perceptron([slot_size, hidden_dim, slot_size])

    def forward(self, inputs: Float[Tensor, "batch cell channel"], slots: Float[Tensor, "batch slot dim"]) -> Attended:
        """Refine slots on the cells of a picture.

        Args:
            inputs: features of each cell.
            slots: where the slots start.

        Returns:
            The refined slots, and the attention of the last iteration, which sums to 1 over the slots in each cell.
        """
        inputs = self.norm_inputs(inputs)
        keys, values = self.key(inputs), self.value(inputs)
        attended = self._attend(slots, keys, values)
        for _ in range(self.iterations - 1):
            attended = self._attend(attended.slots, keys, values)
        return attended

    def _attend(self, slots: Tensor, keys: Tensor, values: Tensor) -> Attended:
        queries = self.query(self.norm_slots(slots)) * self.scale
        attention = (queries @ keys.transpose(1, 2)).softmax(dim=1)
        weights = attention + self.epsilon
        means = (weights / weights.sum(dim=2, keepdim=True)) @ values
        slots = self.gru(means.flatten(0, 1), slots.flatten(0, 1)).view_as(slots)
        return Attended(slots + self.update(self.norm_update(slots)), attention)
