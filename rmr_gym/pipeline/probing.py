"""Reading one encoder: choose the frames, encode them once, fit every readout."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.evaluation.encoding import encode_frames, fitting_dtype
from rmr_gym.evaluation.metrics import collapse_panel, kept_slots
from rmr_gym.evaluation.readouts import READOUTS, FittedReadout, LabelledFeatures, fit_readout, score_majority
from rmr_gym.models import Encoder
from rmr_gym.pipeline.config import ProbingConfig
from rmr_gym.pipeline.probed import frames_for
from rmr_gym.pipeline.progress import OnProgress
from rmr_gym.sb3.agent_features import AgentFeatures
from rmr_gym.seeding import numpy_generator

NUM_EXAMPLES = 4
"""Held-out frames whose predicted bits are kept, for the picture."""

_SOME_FRAMES = 256
"""Frames by which it is chosen how features are kept."""


def probe_encoder(
    encoder: Encoder | AgentFeatures,
    train: TransitionDataset,
    held_out: TransitionDataset,
    config: ProbingConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """Score an encoder by all readouts, beside the predictor that sees no features.

    The frames depend on the seed and the data only, so all encoders of a run are read on the same ones. Held-out frames
    whose whole RAM also occurs in training are left out: a deterministic console repeats itself, and a probe would be
    paid for memorising.

    Source: paper, section 5 (evaluation of the natural pipeline).

    Args:
        encoder: on `device`; an agent is given each frame with those before it.
        train: training episodes, frames of the encoder's size, gray or in colours as it takes them.
        held_out: validation episodes, likewise.
        config: how many frames, which readouts.
        seed: seed of the choice of frames and of the probes.
        device: where to encode and to fit.
        on_progress: told of the readouts that are done.

    Returns:
        JSON values: `kept_slots`, `majority` and `readouts` with their scores, `collapse` monitors of the held-out
        features, counts of frames, and `examples` of predicted RAM.

    Raises:
        ValueError: when too few frames are left, or no byte of RAM has enough entropy.
    """
    kept = kept_slots(held_out.ram, config.entropy_threshold)
    new = np.flatnonzero(~seen_before(held_out.ram, train.ram))
    if len(new) < 2:
        got = f"{len(new)} of {held_out.num_frames}: the others also occur in training"
        fix = "Collect more or longer episodes."
        raise ValueError(explain(expected="at least 2 held-out frames with RAM of their own", got=got, fix=fix))
    rows = np.arange(train.num_frames)
    some = _labelled(encoder, train, rows, min(_SOME_FRAMES, config.num_train_frames), seed, device, np.float32)
    dtype = fitting_dtype(some.features.features)
    fitted_on = _labelled(encoder, train, rows, config.num_train_frames, seed, device, dtype)
    scored_on = _labelled(encoder, held_out, new, config.num_validation_frames, seed, device, dtype)
    readouts: dict[str, Any] = {}
    examples: dict[str, Any] = {}
    for count, name in enumerate(config.readouts, start=1):
        fitted = fit_readout(
            fitted_on.features, kept, READOUTS[name], config.linear_for(name), seed=seed, device=device
        )
        readouts[name] = dataclasses.asdict(fitted.score(scored_on.features, kept))
        if not examples:
            examples = {"readout": name, **_examples(fitted, scored_on)}
        if on_progress:
            on_progress(count, len(config.readouts))
    return {
        "kept_slots": kept.tolist(),
        "num_train_frames": len(fitted_on.rows),
        "num_validation_frames": len(scored_on.rows),
        "share_of_validation_seen_in_training": 1 - len(new) / held_out.num_frames,
        "majority": dataclasses.asdict(score_majority(fitted_on.features.ram, scored_on.features.ram, kept)),
        "readouts": readouts,
        "collapse": dataclasses.asdict(collapse_panel(scored_on.features.features, encoder.num_slots)),
        "examples": examples,
    }


def seen_before(
    ram: UInt8[np.ndarray, "frame slot"], earlier: UInt8[np.ndarray, "other slot"]
) -> Bool[np.ndarray, " frame"]:
    """Mark the frames whose whole RAM also occurs elsewhere.

    Example:
        >>> seen_before(np.array([[1, 2], [3, 4]], np.uint8), np.array([[3, 4]], np.uint8))
        array([False,  True])
    """
    known = {row.tobytes() for row in earlier}
    return np.fromiter((row.tobytes() in known for row in ram), bool, len(ram))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class _EncodedFrames:
    rows: Int64[np.ndarray, " batch"]
    features: LabelledFeatures


def _labelled(
    encoder: Encoder | AgentFeatures,
    dataset: TransitionDataset,
    rows: Int64[np.ndarray, " all"],
    count: int,
    seed: int,
    device: str,
    dtype: type[np.float16] | type[np.float32],
) -> _EncodedFrames:
    """Encode a random choice of frames, in the order of time."""
    drawn = numpy_generator(seed, "probe frames").permutation(rows)[:count]
    drawn.sort()
    frames = dataset.frames(drawn, pixels=False)
    features = encode_frames(encoder, frames_for(encoder, dataset), drawn, device=device, dtype=dtype)
    return _EncodedFrames(
        rows=drawn, features=LabelledFeatures(features=features, ram=frames.ram, episodes=frames.episode)
    )


def _examples(fitted: FittedReadout, scored_on: _EncodedFrames) -> dict[str, Any]:
    """Predict the RAM of a few frames that are spread over the held-out ones."""
    places = ((np.arange(NUM_EXAMPLES) + 0.5) * len(scored_on.rows) / NUM_EXAMPLES).astype(np.int64)
    bits = fitted.predict(scored_on.features.features[places])
    predicted = np.packbits(bits.reshape(len(places), -1, 8), axis=-1).squeeze(-1)
    return {"frames": scored_on.rows[places].tolist(), "ram": predicted.tolist()}
