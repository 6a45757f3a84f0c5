"""The hot loops: message passing over the complete graph of slots."""

from rmr_gym.ops.all_pairs import REDUCTIONS, Reduction, all_pairs_messages

__all__ = ["REDUCTIONS", "Reduction", "all_pairs_messages"]
