"""Fitting linear probes on an untrained encoder's features, against scikit-learn and against our probe by Adam."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int, UInt8
from numpy.typing import NDArray

from benchmarks.performance.harness import Comparison, Spread, Work, speed_ratio, take_turns
from benchmarks.performance.settings import Settings
from rmr_gym.data import TransitionDataset, collect
from rmr_gym.evaluation.encoding import encode_frames
from rmr_gym.evaluation.features import mean_and_precision
from rmr_gym.evaluation.labelled import labelled_frames
from rmr_gym.evaluation.metrics import bit_f1, kept_slots, target_bits
from rmr_gym.evaluation.probes import (
    FAST_LINEAR_PROBE,
    LinearProbeConfig,
    Probe,
    ProbeConfig,
    RegularisedProbe,
    RegularisedProbeConfig,
)
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.seeding import derive, numpy_generator

_GAME = "pong"

_OURS = "rmr_gym, regularised probe"
_LBFGS = "scikit-learn, OneVsRestClassifier(LogisticRegression)"
_LOOSE = "scikit-learn, OneVsRestClassifier(LogisticRegression(tol=1e-2))"
_FAST = "rmr_gym, linear probe by Adam, large steps"
_ADAM = "rmr_gym, linear probe by Adam, the paper's"
_BITS_PER_ROUND = 2
_FEW_LABELS = 1_000
_FRAMES_TO_WARM_UP = 100  # of each value of a bit


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ProbingData:
    """Features and bits to fit on, and those of other episodes to score on."""

    features: Float[np.ndarray, "batch feature"]
    """One row per training frame, float16."""

    targets: UInt8[np.ndarray, "batch target"]
    """Bits of the kept slots."""

    episodes: Int[np.ndarray, " batch"]
    """Episode of each training frame."""

    test_features: Float[np.ndarray, "frame feature"]
    """One row per frame of the other episodes."""

    test_targets: UInt8[np.ndarray, "frame target"]
    """Bits of the kept slots."""


def measure(settings: Settings) -> list[Comparison]:
    """Compare times of fitting and scores.

    Returns:
        Ratios of speed, each followed by the score that our probe loses to that peer.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = prepare(settings, Path(folder))
    return [*_all_labels(settings, data), *_few_labels(settings, data)]


def prepare(settings: Settings, folder: Path) -> ProbingData:
    """Record episodes, and encode frames with an untrained encoder."""
    num_episodes, max_steps, num_frames, num_test = (4, 60, 150, 60) if settings.quick else (60, 1_500, 20_000, 5_000)
    num_slots = 4 if settings.quick else 128
    collect(folder, _GAME, num_episodes=num_episodes, max_steps_per_episode=max_steps)
    with torch.random.fork_rng():
        torch.manual_seed(derive(0, "probing benchmark"))
        encoder = NatureCnnConfig(resolution="84x84", num_slots=num_slots).build().to(settings.device)
    sides = {}
    for split, count in (("train", num_frames), ("validation", num_test)):
        dataset = TransitionDataset(folder, split=split, size=(84, 84))
        rows = np.sort(numpy_generator(0, "probe frames").permutation(dataset.num_frames)[:count])
        frames = dataset.frames(rows, pixels=False)
        sides[split] = encode_frames(encoder, dataset, rows, device=settings.device), frames.ram, frames.episode
    features, ram, episodes = sides["train"]
    test_features, test_ram, _ = sides["validation"]
    kept = kept_slots(test_ram)
    return ProbingData(
        features=features,
        targets=target_bits(ram, kept),
        episodes=episodes,
        test_features=test_features,
        test_targets=target_bits(test_ram, kept),
    )


class _ScikitLearn:
    """One-vs-rest models of a few bits per round, on features that were standardised beforehand."""

    def __init__(self, data: ProbingData, make: Callable[[], Any], repeats: int) -> None:
        mean, precision = (part.numpy() for part in mean_and_precision(data.features))
        self.train = _standardised(data.features, mean, precision)
        self.test = _standardised(data.test_features, mean, precision)
        self.data, self.make, self.round = data, make, 0
        self.predicted: dict[int, NDArray[Any]] = {}
        varying = np.flatnonzero(data.targets.any(axis=0) & ~data.targets.all(axis=0) & data.test_targets.any(axis=0))
        drawn = numpy_generator(0, "bits").permutation(varying)
        self.rounds = [np.sort(bits) for bits in np.array_split(drawn[: _BITS_PER_ROUND * repeats], repeats)]
        self.num_varying = len(varying)

    def warm_up(self) -> None:
        """Import scikit-learn, and fit the bits of the first round on few frames, of which each bit has both values."""
        bits = self.rounds[0]
        both = [np.flatnonzero(self.data.targets[:, bit] == value) for bit in bits for value in (0, 1)]
        rows = np.unique(np.concatenate([some[:_FRAMES_TO_WARM_UP] for some in both]))
        self._fit(self.train[rows], self.data.targets[rows][:, bits]).predict(self.test[:1])

    def __call__(self) -> None:
        """Fit the bits of the next round."""
        bits = self.rounds[self.round]
        model = self._fit(self.train, self.data.targets[:, bits])
        for bit, column in zip(bits, np.asarray(model.predict(self.test)).T, strict=True):
            self.predicted[int(bit)] = column
        self.round += 1

    def _fit(self, features: NDArray[Any], targets: NDArray[Any]) -> Any:
        from sklearn.multiclass import OneVsRestClassifier

        return OneVsRestClassifier(self.make()).fit(features, targets)


def _standardised(
    features: Float[np.ndarray, "batch feature"],
    mean: Float[np.ndarray, " feature"],
    precision: Float[np.ndarray, " feature"],
) -> Float32[np.ndarray, "batch feature"]:
    standard = features.astype(np.float32)
    standard -= mean
    standard *= precision
    return standard


class _Ours:
    """Fits a probe of ours on all bits."""

    def __init__(self, data: ProbingData, config: ProbeConfig, device: str) -> None:
        self.data, self.config, self.device = data, config, device
        self.probe: Probe | None = None

    def __call__(self) -> None:
        """Fit."""
        self.probe = self.config.fit(self.data.features, self.data.targets, self.data.episodes, device=self.device)

    def predict(self) -> UInt8[np.ndarray, "frame target"]:
        """Predict the test frames with what the last fit gave."""
        assert self.probe is not None, "fitted by take_turns"
        return self.probe.predict(self.data.test_features)


def _all_labels(settings: Settings, data: ProbingData) -> list[Comparison]:
    from sklearn.linear_model import LogisticRegression

    ours = _Ours(data, RegularisedProbeConfig(), settings.device)
    fast = _Ours(data, FAST_LINEAR_PROBE, settings.device)
    ours()  # warms up, and tells the peers the penalty, which they do not have to search for
    assert isinstance(ours.probe, RegularisedProbe)
    penalty = ours.probe.penalty

    def logistic() -> Any:
        return LogisticRegression(C=1 / (penalty * len(data.features)), max_iter=1_000)

    def loose() -> Any:
        return LogisticRegression(C=1 / (penalty * len(data.features)), max_iter=1_000, tol=1e-2)

    lbfgs = _ScikitLearn(data, logistic, settings.repeats)
    early = _ScikitLearn(data, loose, settings.repeats)
    variants: dict[str, Work] = {_OURS: ours, _FAST: fast, _LBFGS: lbfgs, _LOOSE: early}
    # A turn of each that does not count would cost minutes: ours has had one above, the others fit on few frames.
    _Ours(_few_frames(data), FAST_LINEAR_PROBE, settings.device)()
    lbfgs.warm_up()
    early.warm_up()
    seconds = take_turns(variants, settings.repeats, warm_up=0)
    what = _what(data)
    comparisons = []
    for name, peer, bar in ((_LBFGS, lbfgs, 20.0), (_LOOSE, early, None)):
        share = peer.num_varying / _BITS_PER_ROUND
        note = (
            f"The peer fits {_BITS_PER_ROUND} bits per round, other ones in each ({sorted(peer.predicted)} of "
            f"{peer.num_varying} that vary); its seconds per round, {_listed(seconds[name])}, are multiplied by "
            f"{share:g}. It is given standardised float32 features and the penalty {penalty:g}; ours, "
            f"{_listed(seconds[_OURS])} s, standardises, tries the penalties on held-out episodes and fits all bits. "
            "Bits differ by a factor of 50 in seconds, so the figure is that of all rounds together, not their median."
        )
        rounds = speed_ratio(seconds, ours=_OURS, peer=name, work=share)
        together = share * sum(seconds[name]) / sum(seconds[_OURS])
        figure = Spread(median=together, lowest=rounds.lowest, highest=rounds.highest)
        comparisons.append(Comparison(what=what, ours=_OURS, peer=name, figure=figure, bar=bar, note=note))
        comparisons.append(_lost_to_scikit_learn(what, name, ours.predict(), peer, 0.002 if bar else None))
    return [*comparisons, *_against_adam(what, seconds, _FAST, ours, fast)]


def _few_labels(settings: Settings, data: ProbingData) -> list[Comparison]:
    few = _few_frames(data)
    ours, adam = (_Ours(few, make(), settings.device) for make in (RegularisedProbeConfig, LinearProbeConfig))
    seconds = take_turns({_OURS: ours, _ADAM: adam}, settings.repeats)
    return _against_adam(_what(few), seconds, _ADAM, ours, adam)


def _few_frames(data: ProbingData) -> ProbingData:
    rows = labelled_frames(data.episodes, min(_FEW_LABELS, len(data.episodes) // 2), seed=0)
    return ProbingData(
        features=data.features[rows],
        targets=data.targets[rows],
        episodes=data.episodes[rows],
        test_features=data.test_features,
        test_targets=data.test_targets,
    )


def _lost_to_scikit_learn(
    what: str, name: str, predicted: UInt8[np.ndarray, "frame target"], peer: _ScikitLearn, bar: float | None
) -> Comparison:
    def lost(bits: list[int]) -> float:
        theirs = np.stack([peer.predicted[bit] for bit in bits], axis=1)
        true = peer.data.test_targets[:, bits]
        return bit_f1(theirs, true).weighted - bit_f1(predicted[:, bits], true).weighted

    each = [lost([bit]) for bit in peer.predicted]
    return Comparison(
        what=f"{what}: score on the peer's bits",
        ours=_OURS,
        peer=name,
        figure=Spread(median=lost([*peer.predicted]), lowest=min(each), highest=max(each)),
        unit="weighted bit F1, peer minus ours",
        bar=bar,
        direction="at most",
        note="All of the peer's bits together; lowest and highest are single bits.",
    )


def _against_adam(
    what: str, seconds: dict[str, tuple[float, ...]], name: str, ours: _Ours, adam: _Ours
) -> list[Comparison]:
    true = ours.data.test_targets
    scores = [bit_f1(fitted.predict(), true).weighted for fitted in (ours, adam)]
    note = (
        f"Weighted bit F1 {scores[0]:.4f}, peer {scores[1]:.4f}; {_listed(seconds[_OURS])} s, peer "
        f"{_listed(seconds[name])} s. Both choose on held-out episodes and fit all bits."
    )
    figure = speed_ratio(seconds, ours=_OURS, peer=name)
    lost = Spread.of((scores[1] - scores[0],))
    return [
        Comparison(what=what, ours=_OURS, peer=name, figure=figure, note=note),
        Comparison(
            what=f"{what}: score on all bits",
            ours=_OURS,
            peer=name,
            figure=lost,
            unit="weighted bit F1, peer minus ours",
            direction="at most",
            note=note,
        ),
    ]


def _what(data: ProbingData) -> str:
    frames, features = data.features.shape
    return f"linear probe, {_GAME}, {frames:,} frames x {features:,} features, {data.targets.shape[1]:,} bits"


def _listed(seconds: tuple[float, ...]) -> str:
    return ", ".join(f"{value:.3g}" for value in seconds)
