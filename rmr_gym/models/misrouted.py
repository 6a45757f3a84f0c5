"""A processor whose updates go to the wrong slots: a control that keeps everything but what belongs to what."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from rmr_gym.errors import explain
from rmr_gym.models.interfaces import Processor


class Misrouted(Processor):
    """Computes the updates of another processor and hands each to another slot: `z'_s = P(z + a)_route(s) + z_s + a`.

    The slots that go in stay in their places. If in- and outputs were permuted together, nothing would change for
    processors that are equivariant, as message passing and Deep Sets are: the encoder would number its slots otherwise.

    Args:
        processor: computes the updates; it becomes a part of this one.
        routes: for each slot the one whose update it is given; a permutation.

    Raises:
        ValueError: when the routes are no permutation.

    Example:
        >>> from rmr_gym.models.processors import DeepSetsConfig
        >>> inner = DeepSetsConfig(slot_dim=4).build(3)
        >>> inputs = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
        >>> wrong = Misrouted(inner, torch.tensor([2, 0, 1]))
        >>> torch.equal(wrong.process(inputs)[:, 0], inner.process(inputs)[:, 2])
        True
    """

    routes: Tensor

    def __init__(self, processor: Processor, routes: Int64[Tensor, " slot"]) -> None:
        super().__init__(slot_dim=processor.slot_dim, num_actions=0)
        if sorted(routes.tolist()) != list(range(len(routes))):
            fix = "Draw them with misleading_routes."
            raise ValueError(explain(expected="a permutation of the slots", got=routes.tolist(), fix=fix))
        self.num_actions = processor.num_actions
        self.config = processor.config
        self.processor = processor
        self.register_buffer("routes", routes)

    def add_action(
        self, slots: Float[Tensor, "batch slot dim"], action: Int[Tensor, " batch"] | None
    ) -> Float[Tensor, "batch slot dim"]:
        """Add the action as the processor does; an action concerns all slots."""
        return self.processor.add_action(slots, action)

    def process(self, inputs: Float[Tensor, "batch slot dim"]) -> Float[Tensor, "batch slot dim"]:
        """Compute the updates, and hand them out along the routes."""
        updates: Tensor = self.processor.process(inputs)
        return updates.index_select(1, self.routes)


def misleading_routes(num_slots: int, generator: np.random.Generator) -> Int64[Tensor, " slot"]:
    """Draw a permutation that leaves no slot in its place, uniformly among them.

    Args:
        num_slots: at least 2.
        generator: source of chance.

    Raises:
        ValueError: when there is one slot only.

    Example:
        >>> misleading_routes(2, np.random.default_rng(0)).tolist()
        [1, 0]
    """
    if num_slots < 2:
        raise ValueError(explain(expected="at least 2 slots", got=num_slots, fix="One slot has no wrong place."))
    while True:  # about e tries
        routes = generator.permutation(num_slots)
        if not (routes == np.arange(num_slots)).any():
            return torch.from_numpy(routes)
