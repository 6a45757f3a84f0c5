"""The energy that the contrastive objectives share, and the monitors that show a collapse."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def pair_energy(
    first: Float[Tensor, "batch slot dim"], second: Float[Tensor, "batch slot dim"], *, sigma: float
) -> Float[Tensor, " batch"]:
    """Compute the C-SWM energy, `1 / (2 sigma^2)` times the squared distance, averaged over the slots.

    Source: paper, section 5 (the loss of C-SWM); Kipf et al. 2020, whose code averages the slots and sums the features.
    """
    return (first - second).square().sum(-1).mean(-1) / (2 * sigma**2)


def all_energies(
    first: Float[Tensor, "batch slot dim"], second: Float[Tensor, "batch slot dim"], *, sigma: float
) -> Float[Tensor, "batch batch"]:
    """Compute the energy of every first sample with every second one."""
    flat_first, flat_second = first.flatten(1), second.flatten(1)
    squared = flat_first.square().sum(1, keepdim=True) + flat_second.square().sum(1) - 2 * flat_first @ flat_second.t()
    return squared.clamp_min(0) / (2 * sigma**2 * first.shape[1])


def standardise_slots(
    *groups: Float[Tensor, "_ slot dim"], over: Float[Tensor, "batch slot dim"]
) -> tuple[Float[Tensor, "_ slot dim"], ...]:
    """Centre groups of slots on their own means and divide them by one standard deviation, with gradients through all.

    Args:
        *groups: slots to be standardised.
        over: slots whose deviation over the batch is used for every group; at least two samples.
    """
    scale = (over.var(0) + 1e-8).rsqrt()
    return tuple((slots - slots.mean(0)) * scale for slots in groups)


@torch.no_grad()
def collapse_monitors(slots: Float[Tensor, "batch slot dim"]) -> dict[str, Float[Tensor, ""]]:
    """Measure how much of the latent space a batch uses.

    Returns:
        `slot_std`, the mean standard deviation of a feature over the batch; `dead_slots`, the share of slots whose
        standard deviation is at most a hundredth of the largest; `effective_rank`, the exponential of the entropy of
        the normalised singular values of the centred batch (at most batch - 1).
    """
    std = slots.std(dim=0).mean(-1)
    centred = (slots - slots.mean(0)).flatten(1).float()
    # Singular values from the small Gram matrix: a batch has far fewer samples than features. Its decomposition would
    # stop at what is not finite, before the loss could name the step.
    gram = (centred @ centred.t()).nan_to_num(0.0, 0.0, 0.0)
    singular = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt()
    share = singular / singular.sum().clamp_min(torch.finfo(singular.dtype).tiny)
    rank = torch.special.entr(share).sum().exp()
    return {"slot_std": std.mean(), "dead_slots": (std <= 0.01 * std.max()).float().mean(), "effective_rank": rank}
