"""Readouts: what a probe is given of an encoder's features, and how many labels.

A probe on thousands of raw features rewards their rank more than what was learned; few labels and few components
ask how easily the state can be read instead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Shaped, UInt8

from rmr_gym.errors import explain
from rmr_gym.evaluation.labelled import LabelledFeatures, labelled_frames
from rmr_gym.evaluation.metrics import BitF1, bit_f1, majority_bits, slot_accuracy, target_bits
from rmr_gym.evaluation.principal import PrincipalComponents, fit_principal_components
from rmr_gym.evaluation.probes import LinearProbeConfig, Probe, ProbeConfig
from rmr_gym.registry import Registry

__all__ = [
    "READOUTS",
    "FittedReadout",
    "LabelledFeatures",
    "ReadoutConfig",
    "ReadoutScores",
    "fit_readout",
    "score_majority",
    "score_readout",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadoutConfig:
    """One way to read an encoder."""

    num_labelled_frames: int | None = None
    """Frames to fit the probe on, drawn evenly from the training episodes; None takes all."""

    num_components: int | None = None
    """Principal components of all training features, labelled or not, to show the probe; None shows all features."""

    def __post_init__(self) -> None:
        if self.num_labelled_frames is not None and self.num_labelled_frames < 2:
            expected = "at least two labelled frames, one to fit on and one to hold out"
            raise ValueError(explain(expected=expected, got=self.num_labelled_frames, fix="Use 1,000."))
        if self.num_components is not None and self.num_components < 1:
            raise ValueError(explain(expected="at least one component", got=self.num_components, fix="Use 64."))


READOUTS: Registry[ReadoutConfig] = Registry(
    "readout",
    ("full", ReadoutConfig()),
    ("few_labels", ReadoutConfig(num_labelled_frames=1_000)),
    ("low_dimensional", ReadoutConfig(num_components=64)),
)
"""The readouts of every result, by name; `full` is the paper's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadoutScores:
    """How well RAM bits of kept slots were read on held-out frames."""

    bit_f1: BitF1
    """F1 over the bits."""

    slot_accuracy: float
    """Share of bytes with all bits right, in [0, 1]."""

    num_labelled_frames: int
    """Frames that the probe was fitted on, those for early stopping included."""

    num_features: int
    """Width of what the probe saw."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class FittedReadout:
    """A probe together with the view of the features that it was fitted on."""

    probe: Probe
    """The fitted probe."""

    components: PrincipalComponents | None
    """What the probe sees features through; None when it sees them as they are."""

    num_labelled_frames: int
    """Frames that the probe was fitted on, those for early stopping included."""

    num_features: int
    """Width of what the probe sees."""

    def predict(self, features: Float[np.ndarray, "batch feature"]) -> UInt8[np.ndarray, "batch bits"]:
        """Predict the bits of the kept slots of each frame."""
        return self.probe.predict(features if self.components is None else self.components.project(features))

    def score(self, test: LabelledFeatures, kept: Int[np.ndarray, " kept"]) -> ReadoutScores:
        """Score on frames of other episodes than those fitted on; `kept` as in fitting."""
        predicted = self.predict(test.features)
        return _score(predicted, target_bits(test.ram, kept), self.num_labelled_frames, self.num_features)


def fit_readout(
    train: LabelledFeatures,
    kept: Int[np.ndarray, " kept"],
    readout: ReadoutConfig,
    probe: ProbeConfig | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
) -> FittedReadout:
    """Fit a probe on what a readout shows of the training frames.

    All choices of frames and batches depend on the seed and the episodes only, so encoders read with one seed are
    paired.

    Source: paper, section 5 (evaluation of the natural pipeline) for the readout `full`.

    Args:
        train: frames of training episodes.
        kept: slots to read, `kept_slots` of the validation RAM.
        readout: what to show the probe.
        probe: how to fit it; the paper's linear probe by default.
        seed: seed of the labelled frames, the components and the probe.
        device: where to compute.

    Returns:
        The fitted readout, to be scored on frames of other episodes.

    Raises:
        ValueError: when no slot is kept, or the probe cannot be fitted.
    """
    if len(kept) == 0:
        fix = "Collect with players that press FIRE, or lower the entropy threshold."
        raise ValueError(explain(expected="at least one kept slot", got="none: the RAM hardly varies", fix=fix))
    rows = labelled_frames(train.episodes, readout.num_labelled_frames, seed=seed)
    seen, components = train.features, None
    if readout.num_components is not None:
        components = fit_principal_components(seen, readout.num_components, seed=seed, device=device)
        seen = components.project(seen)
    fitted = (probe or LinearProbeConfig()).fit(
        seen if len(rows) == len(seen) else seen[rows],
        target_bits(train.ram[rows], kept),
        train.episodes[rows],
        seed=seed,
        device=device,
    )
    return FittedReadout(probe=fitted, components=components, num_labelled_frames=len(rows), num_features=seen.shape[1])


def score_readout(
    train: LabelledFeatures,
    test: LabelledFeatures,
    kept: Int[np.ndarray, " kept"],
    readout: ReadoutConfig,
    probe: ProbeConfig | None = None,
    *,
    seed: int = 0,
    device: str = "cpu",
) -> ReadoutScores:
    """Fit a readout on training frames and score it on held-out frames; see `fit_readout`.

    Args:
        train: frames of training episodes.
        test: frames of other episodes.
        kept: slots to score, `kept_slots` of the validation RAM.
        readout: what to show the probe.
        probe: how to fit it; the paper's linear probe by default.
        seed: seed of the labelled frames, the components and the probe.
        device: where to compute.

    Returns:
        Scores over all test frames.

    Raises:
        ValueError: when no slot is kept, or the probe cannot be fitted.
    """
    return fit_readout(train, kept, readout, probe, seed=seed, device=device).score(test, kept)


def score_majority(
    train_ram: UInt8[np.ndarray, "batch slot"],
    test_ram: UInt8[np.ndarray, "frame slot"],
    kept: Int[np.ndarray, " kept"],
) -> ReadoutScores:
    """Score the predictor that sees no features: every bit takes its most frequent value in training.

    Args:
        train_ram: memory of the training frames.
        test_ram: memory of the test frames.
        kept: slots to score.

    Returns:
        Scores over all test frames.

    Raises:
        ValueError: when no slot is kept.
    """
    train_bits, test_bits = target_bits(train_ram, kept), target_bits(test_ram, kept)
    return _score(majority_bits(train_bits, len(test_bits)), test_bits, len(train_bits), 0)


def _score(
    predicted: Shaped[np.ndarray, "frame bits"],
    true: UInt8[np.ndarray, "frame bits"],
    num_labelled_frames: int,
    num_features: int,
) -> ReadoutScores:
    return ReadoutScores(
        bit_f1=bit_f1(predicted, true),
        slot_accuracy=slot_accuracy(predicted, true),
        num_labelled_frames=num_labelled_frames,
        num_features=num_features,
    )
