"""A perceptron on all slots at once: the baseline without factorised latents."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from rmr_gym.errors import explain
from rmr_gym.models.blocks import perceptron
from rmr_gym.models.interfaces import NUM_ACTIONS, Processor


@dataclass(frozen=True, kw_only=True, slots=True)
class MlpConfig:
    """Three-layer perceptron on the flattened slots."""

    slot_dim: int = 64
    """Width of a slot (paper, section 5)."""

    hidden_dim: int = 512
    """Width of the two hidden layers. ours: the paper gives none."""

    def __post_init__(self) -> None:
        if self.slot_dim < 1 or self.hidden_dim < 1:
            raise ValueError(explain(expected="slot_dim >= 1 and hidden_dim >= 1", got=self, fix="Raise the number."))

    def build(self, num_slots: int, *, num_actions: int = NUM_ACTIONS) -> Mlp:
        """Build the processor for a fixed number of slots."""
        return Mlp(self, num_slots, num_actions)


class Mlp(Processor):
    """Three linear layers on the concatenation of all slots.

    Source: paper, appendix B ("a three-layer MLP applied on the flattened RAM state"). The flattened state comes in
    through the same linear encoder as for the other processors, so that all three sit behind one interface; it is
    not equivariant to permutations of the slots and works for one number of slots only.
    """

    config: MlpConfig

    def __init__(self, config: MlpConfig, num_slots: int, num_actions: int) -> None:
        super().__init__(slot_dim=config.slot_dim, num_actions=num_actions)
        self.config, self.num_slots = config, num_slots
        width = num_slots * config.slot_dim
        self.layers = perceptron([width, config.hidden_dim, config.hidden_dim, width])

    def process(self, inputs: Float[Tensor, "batch slot dim"]) -> Float[Tensor, "batch slot dim"]:
        """Update all slots from all slots.

        Raises:
            ValueError: when there are more or fewer slots than it was built for.
        """
        if inputs.shape[1] != self.num_slots:
            fix = "Use as many slots as it was trained with, or another processor, such as mpnn."
            raise ValueError(explain(expected=f"{self.num_slots} slots for this MLP", got=inputs.shape[1], fix=fix))
        update: Tensor = self.layers(inputs.flatten(1))
        return update.view_as(inputs)
