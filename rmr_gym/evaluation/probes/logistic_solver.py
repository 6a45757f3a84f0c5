"""Many L2-penalised logistic regressions at once, on inputs whose covariance is nearly diagonal."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# A step is taken when the slope along it has fallen to this share of what it was.
_FLAT_ENOUGH = 0.1
_MAX_TRIALS = 12
# Nor is it this much longer than one that is known to be too short.
_LARGEST_GROWTH = 64
# Keeps the curvature of a bit that is fitted without any doubt above zero.
_LEAST_CURVATURE = 1e-6
# Bits that are solved together: enough for fast matrix products, few enough for bounded memory.
_GROUP = 256


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class LogisticModels:
    """One logistic regression per column."""

    weight: Float[Tensor, "component target"]
    """Weights of the inputs."""

    bias: Float[Tensor, " target"]
    """Intercepts, which are not penalised."""

    def logits(self, inputs: Float[Tensor, "batch component"]) -> Float[Tensor, "batch target"]:
        """Return the log-odds of each bit."""
        return torch.addmm(self.bias, inputs, self.weight)

    def columns(self, chosen: slice | Bool[Tensor, " target"]) -> LogisticModels:
        """Return some of the regressions."""
        return LogisticModels(weight=self.weight[:, chosen], bias=self.bias[chosen])


@torch.no_grad()
def solve_logistic(
    inputs: Float[Tensor, "batch component"],
    targets: Float[Tensor, "batch target"],
    variance: Float[Tensor, " component"],
    start: LogisticModels,
    *,
    penalty: float,
    tolerance: float,
    max_steps: int,
) -> tuple[LogisticModels, int]:
    """Minimise the mean cross-entropy plus `penalty / 2` times the squared length of the weights, for every bit.

    All bits take their steps together, so that a step is two large matrix products; a bit that has converged leaves
    the products. It is scikit-learn's objective with `C = 1 / (penalty * frames)`.

    Source: nonlinear conjugate gradients (Polak and Ribière, restarted where the update is negative), preconditioned
    by a diagonal Hessian with the bit's mean of p(1 - p) in place of the 1/4 of Böhning's bound, which is loose for
    rare bits; a bracketed Newton search along each direction.

    Args:
        inputs: one row per frame; columns nearly uncorrelated with mean near zero.
        targets: zeros and ones; every column has both.
        variance: of each input.
        start: where to start.
        penalty: positive.
        tolerance: estimated distance of the objective to its optimum, nats, at which a bit has converged.
        max_steps: most steps of a bit.

    Returns:
        The regressions, and the most steps that a bit took.
    """
    weight, bias, most = torch.empty_like(start.weight), torch.empty_like(start.bias), 0
    for first in range(0, targets.shape[1], _GROUP):
        group = slice(first, first + _GROUP)
        search = _Search(inputs, targets[:, group], variance, start.columns(group), penalty)
        steps = search.run(tolerance, max_steps)
        weight[:, group], bias[group], most = search.solved.weight, search.solved.bias, max(most, steps)
    return LogisticModels(weight=weight, bias=bias), most


class _Search:
    """The state of one group of bits; arrays hold the bits that have not converged."""

    def __init__(
        self,
        inputs: Float[Tensor, "batch component"],
        targets: Float[Tensor, "batch target"],
        variance: Float[Tensor, " component"],
        start: LogisticModels,
        penalty: float,
    ) -> None:
        self.inputs, self.targets, self.variance, self.penalty = inputs, targets, variance[:, None], penalty
        self.solved = LogisticModels(weight=start.weight.clone(), bias=start.bias.clone())
        self.column = torch.arange(targets.shape[1], device=targets.device)
        self.weight, self.bias = start.weight.clone(), start.bias.clone()
        self.logits = start.logits(inputs)
        self.direction, self.direction_bias = torch.zeros_like(self.weight), torch.zeros_like(self.bias)
        self.gradient, self.gradient_bias = torch.zeros_like(self.weight), torch.zeros_like(self.bias)
        self.decrement = torch.full_like(self.bias, torch.inf)  # the first direction then is steepest descent

    def run(self, tolerance: float, max_steps: int) -> int:
        """Take steps until every bit has converged or `max_steps` are taken; return how many were."""
        for steps in range(max_steps):
            if self._turn(tolerance):
                return steps
            self._advance()
        self._keep(torch.ones_like(self.column, dtype=torch.bool))
        return max_steps

    def _turn(self, tolerance: float) -> bool:
        """Choose the next direction of every bit; tell whether none is left."""
        chance = self.logits.sigmoid()
        curvature = (chance * (1 - chance)).mean(dim=0).clamp_min_(_LEAST_CURVATURE)
        error = chance.sub_(self.targets).div_(len(chance))
        gradient = torch.addmm(self.weight, self.inputs.T, error, beta=self.penalty)
        gradient_bias = error.sum(dim=0)
        scaled, scaled_bias = gradient / (curvature * self.variance + self.penalty), gradient_bias / curvature
        decrement = (gradient * scaled).sum(dim=0) + gradient_bias * scaled_bias
        change = decrement - (self.gradient * scaled).sum(dim=0) - self.gradient_bias * scaled_bias
        mixing = (change / self.decrement).clamp_min_(0)
        self.direction = self.direction.mul_(mixing).sub_(scaled)
        self.direction_bias = self.direction_bias * mixing - scaled_bias
        uphill = (gradient * self.direction).sum(dim=0) + gradient_bias * self.direction_bias >= 0
        self.direction = torch.where(uphill, -scaled, self.direction)
        self.direction_bias = torch.where(uphill, -scaled_bias, self.direction_bias)
        self.gradient, self.gradient_bias, self.decrement = gradient, gradient_bias, decrement
        self._drop(decrement <= 2 * tolerance)  # of a quadratic with this Hessian, half of it is left
        return len(self.column) == 0

    def _drop(self, converged: Bool[Tensor, " target"]) -> None:
        if not bool(converged.any()):
            return
        self._keep(converged)
        left = ~converged
        for name in ("targets", "weight", "logits", "direction", "gradient"):
            setattr(self, name, getattr(self, name)[:, left])
        for name in ("column", "bias", "direction_bias", "gradient_bias", "decrement"):
            setattr(self, name, getattr(self, name)[left])

    def _keep(self, chosen: Bool[Tensor, " target"]) -> None:
        self.solved.weight[:, self.column[chosen]] = self.weight[:, chosen]
        self.solved.bias[self.column[chosen]] = self.bias[chosen]

    def _advance(self) -> None:
        """Go along the directions, each as far as its bit's loss falls."""
        climb = torch.addmm(self.direction_bias, self.inputs, self.direction)
        slope = self.penalty * (self.weight * self.direction).sum(dim=0)
        bend = self.penalty * self.direction.square().sum(dim=0)
        length = _search_along(self.logits, climb, self.targets, slope, bend)
        self.logits.addcmul_(climb, length)
        self.weight.addcmul_(self.direction, length)
        self.bias = self.bias + self.direction_bias * length


def _search_along(
    logits: Float[Tensor, "batch target"],
    climb: Float[Tensor, "batch target"],
    targets: Float[Tensor, "batch target"],
    slope: Float[Tensor, " target"],
    bend: Float[Tensor, " target"],
) -> Float[Tensor, " target"]:
    """Find how far to go from `logits` along `climb`, by Newton steps that are held inside a bracket.

    Args:
        logits: where the search starts.
        climb: change of the logits per unit of length.
        targets: zeros and ones.
        slope: first derivative of the penalty at the start.
        bend: second derivative of the penalty.

    Returns:
        Lengths, at which the loss is not higher than at the start.
    """
    chance = logits.sigmoid()
    curvature = (chance * (1 - chance)).mul_(climb).mul_(climb).mean(dim=0) + bend
    steepness = -(chance.sub_(targets).mul_(climb).mean(dim=0) + slope).clamp_max_(0)
    # Nowhere is the curvature above this (Böhning), so up to `low` the loss falls, by `saved` at least.
    low = steepness / (climb.square().mean(dim=0) / 4 + bend).clamp_min_(torch.finfo(slope.dtype).tiny)
    saved, high = steepness * low / 2, torch.full_like(low, torch.inf)
    accepted, done = low.clone(), steepness <= 0
    length = torch.maximum(low, torch.minimum(steepness / curvature, _LARGEST_GROWTH * low))
    for _ in range(_MAX_TRIALS):
        chance = torch.addcmul(logits, climb, length).sigmoid_()
        curvature = (chance * (1 - chance)).mul_(climb).mul_(climb).mean(dim=0) + bend
        derivative = chance.sub_(targets).mul_(climb).mean(dim=0) + slope + bend * length
        falling = derivative < 0
        low, high = torch.where(falling, length, low), torch.where(falling, high, length)
        saved = torch.maximum(saved, -derivative * length)  # of a convex function
        flat = derivative.abs() <= _FLAT_ENOUGH * steepness
        accepted = torch.where(~done & (falling | (flat & (derivative * (length - low) <= saved))), length, accepted)
        done = done | (flat & (accepted == length))
        if bool(done.all()):
            break
        proposal = length - derivative / curvature
        middle = torch.where(high.isinf(), 4 * low, (low * high).sqrt())
        inside = (proposal > low) & (proposal < torch.where(high.isinf(), _LARGEST_GROWTH * low, high))
        length = torch.where(done, accepted, torch.where(inside, proposal, middle))
    return accepted
