"""The hot loops: message passing over the complete graph of slots, and over given edges."""

from rmr_gym.ops.all_pairs import REDUCTIONS, Reduction, all_pairs_messages
from rmr_gym.ops.edge_list import edge_list_messages, radius_edges

__all__ = ["REDUCTIONS", "Reduction", "all_pairs_messages", "edge_list_messages", "radius_edges"]
