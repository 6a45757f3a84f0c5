"""Regularised linear probe: penalised logistic regressions, solved to their optimum for all bits at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics import bit_f1
from rmr_gym.evaluation.probes.feature_span import FeatureSpan, fit_feature_span
from rmr_gym.evaluation.probes.hold_out import hold_out_episodes
from rmr_gym.evaluation.probes.linear_probe import LinearProbe, check_same_frames, with_constant_bits
from rmr_gym.evaluation.probes.logistic_solver import LogisticModels, solve_logistic

# Tolerance while penalties are compared, as a multiple of that of the final fit.
_COARSER = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class RegularisedProbeConfig:
    """How the regularised probe is fitted; all values are ours."""

    penalties: tuple[float, ...] = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)
    """Weights of half the squared length of a bit's weights beside its mean cross-entropy, falling. The one with the
    best weighted bit F1 on held-out episodes is taken for all bits; scikit-learn's `C` is one over penalty times
    frames."""

    held_out_fraction: float = 0.1
    """Share of the training episodes held out to choose the penalty, in [0, 1); 0 needs a single penalty. The chosen
    model is then fitted on all frames."""

    max_components: int = 2048
    """Most directions of the features that are used, the strongest first. Untrained encoders of 84x84 frames have
    3,136 that differ from zero, of which those beyond 2,048 hold a share of 1e-3 of the variance or less."""

    tolerance: float = 1e-4
    """Estimated distance of a bit's objective to its optimum at which it has converged, nats; ten times as much while
    penalties are compared. Scores do not tell it from 1e-5 (Pong: weighted F1 .8867 against .8869)."""

    max_steps: int = 200
    """Most steps of one bit with one penalty."""

    def __post_init__(self) -> None:
        falling = all(last > penalty for last, penalty in zip(self.penalties, self.penalties[1:], strict=False))
        if not self.penalties or not falling or not all(0 < penalty < math.inf for penalty in self.penalties):
            expected = "at least one penalty, positive and falling"
            raise ValueError(explain(expected=expected, got=self.penalties, fix="Sort them, each once."))
        if not 0 <= self.held_out_fraction < 1:
            expected = "held_out_fraction in [0, 1)"
            raise ValueError(explain(expected=expected, got=self.held_out_fraction, fix="Use 0.1."))
        if self.held_out_fraction == 0 and len(self.penalties) > 1:
            expected = "a single penalty when no episode is held out to choose one"
            raise ValueError(explain(expected=expected, got=self.penalties, fix="Use held_out_fraction=0.1."))
        if min(self.max_components, self.max_steps) < 1 or not 0 < self.tolerance < math.inf:
            expected = "max_components and max_steps of at least 1 and a tolerance > 0"
            raise ValueError(explain(expected=expected, got=self, fix="Raise them."))

    def fit(
        self,
        features: Float[np.ndarray, "batch feature"],
        targets: UInt8[np.ndarray, "batch target"],
        episodes: Int[np.ndarray, " batch"],
        *,
        seed: int = 0,
        device: str = "cpu",
    ) -> RegularisedProbe:
        """Fit a probe with this config; see `fit_regularised_probe`."""
        return fit_regularised_probe(features, targets, episodes, self, seed=seed, device=device)


class RegularisedProbe(LinearProbe):
    """A linear read-out with the penalty that was chosen for it.

    Args:
        mean: mean of each feature in training.
        precision: one over its standard deviation; 0 for constant features.
        weight: one row per target bit, for standardised features.
        bias: log-odds of each bit at the mean.
        penalty: weight of the penalty, as in `RegularisedProbeConfig`.
        held_out_scores: weighted bit F1 on the held-out episodes of each penalty that was tried.
        num_steps: most steps that a bit took in the last fit.
    """

    def __init__(
        self,
        *,
        mean: Float[Tensor, " feature"],
        precision: Float[Tensor, " feature"],
        weight: Float[Tensor, "target feature"],
        bias: Float[Tensor, " target"],
        penalty: float,
        held_out_scores: dict[float, float],
        num_steps: int,
    ) -> None:
        super().__init__(mean=mean, precision=precision, weight=weight, bias=bias)
        self.penalty, self.held_out_scores, self.num_steps = penalty, held_out_scores, num_steps


@torch.no_grad()
def fit_regularised_probe(
    features: Float[np.ndarray, "batch feature"],
    targets: UInt8[np.ndarray, "_ target"],
    episodes: Int[np.ndarray, " _"],
    config: RegularisedProbeConfig | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
) -> RegularisedProbe:
    """Fit one penalised logistic regression per target bit, to the optimum.

    The penalties are tried from the largest down, each from the solution of the one before, until the weighted bit F1
    on held-out episodes falls; then all frames are fitted with the best one. Features are standardised with the
    statistics of all labelled frames, and a bit that never varies is predicted as that constant, as by
    `fit_linear_probe`; that one stops descent early where this one has a penalty.

    Args:
        features: one row per frame, float16 or float32; not written to. Beside them, memory holds their coordinates
            (4 bytes x frames x components), at most three such arrays, and a Gram matrix.
        targets: zeros and ones, bits of kept slots.
        episodes: the episode of each frame.
        config: penalties and precision.
        seed: seed of the held-out episodes.
        device: where to compute; features stay on the host and go over chunk by chunk.

    Returns:
        The probe, on `device`.

    Raises:
        ValueError: when the lengths differ, there are fewer than two frames, or a feature is not finite.
    """
    config = config or RegularisedProbeConfig()
    check_same_frames(features, targets, episodes)
    rows, held = hold_out_episodes(episodes, config.held_out_fraction, seed=seed)
    span = fit_feature_span(features, config.max_components, seed=seed, device=device)
    frequency = targets.mean(axis=0)
    varying = (frequency > 0) & (frequency < 1)
    fitting = _Fitting(config, span, span.project(features), targets[:, varying])
    scores: dict[float, float] = {}
    if varying.any() and len(config.penalties) > 1:
        scores = fitting.descend(rows, held)
    penalty = max(scores, key=scores.__getitem__) if scores else config.penalties[0]
    num_steps = fitting.solve(slice(None), penalty, config.tolerance) if varying.any() else 0
    weight, bias = with_constant_bits(
        (span.directions @ fitting.models.weight).T.contiguous(), fitting.models.bias, frequency, varying
    )
    return RegularisedProbe(
        mean=span.mean,
        precision=span.precision,
        weight=weight,
        bias=bias,
        penalty=penalty,
        held_out_scores=scores,
        num_steps=num_steps,
    )


class _Fitting:
    """The regressions of the varying bits on the coordinates of all frames, from their frequencies on."""

    def __init__(
        self,
        config: RegularisedProbeConfig,
        span: FeatureSpan,
        inputs: Float[Tensor, "batch component"],
        targets: UInt8[np.ndarray, "batch target"],
    ) -> None:
        self.config, self.span, self.inputs, self.targets = config, span, inputs, targets
        self.models = LogisticModels(
            weight=inputs.new_zeros(inputs.shape[1], targets.shape[1]),
            bias=torch.from_numpy(targets.mean(axis=0)).logit().to(inputs),
        )

    def descend(self, rows: Int[np.ndarray, " rows"], held: Int[np.ndarray, " held"]) -> dict[float, float]:
        """Try falling penalties until the score on held-out frames falls, and leave the best models behind."""
        frequency = self.targets[rows].mean(axis=0)
        varying = (frequency > 0) & (frequency < 1)
        best, scores = self.models, dict[float, float]()
        for penalty in self.config.penalties:
            self.solve(rows, penalty, _COARSER * self.config.tolerance, varying)
            logits = self.models.logits(self.inputs[torch.from_numpy(held)])
            scores[penalty] = bit_f1((logits > 0).cpu().numpy(), self.targets[held]).weighted
            if scores[penalty] < max(scores.values()):
                break
            if scores[penalty] > max([*scores.values()][:-1], default=-1.0):
                best = self.models
        self.models = best
        return scores

    def solve(
        self,
        rows: Int[np.ndarray, " rows"] | slice,
        penalty: float,
        tolerance: float,
        varying: Bool[np.ndarray, " target"] | None = None,
    ) -> int:
        """Fit the varying bits on some frames, from where they are, and return the most steps of a bit."""
        chosen = torch.ones_like(self.models.bias, dtype=torch.bool)
        if varying is not None:
            chosen = torch.from_numpy(varying).to(chosen.device)
        kept = rows if isinstance(rows, slice) else torch.from_numpy(rows).to(self.inputs.device)
        targets = torch.from_numpy(self.targets[rows]).to(self.inputs.device)[:, chosen].to(self.inputs.dtype)
        solved, num_steps = solve_logistic(
            self.inputs[kept],
            targets,
            self.span.variance,
            self.models.columns(chosen),
            penalty=penalty,
            tolerance=tolerance,
            max_steps=self.config.max_steps,
        )
        weight, bias = self.models.weight.clone(), self.models.bias.clone()
        weight[:, chosen], bias[chosen] = solved.weight, solved.bias
        self.models = LogisticModels(weight=weight, bias=bias)
        return num_steps
