"""Scores of the natural stage of bouncing balls: pictures, masks, and where the slots say the balls are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from rmr_gym.data import TransitionDataset
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.evaluation.matching import ReadoutScore, fit_position_readout
from rmr_gym.evaluation.metrics import (
    ImageErrors,
    ImageScores,
    adjusted_rand_index,
    ball_labels,
    copy_last,
    mask_centroids,
)
from rmr_gym.evaluation.rollouts import rollout
from rmr_gym.models import VideoModel
from rmr_gym.seeding import numpy_generator, torch_generator

_BATCH = 32
_VISIBLE = 0.05
"""Difference of a layer from the background, of 1, above which its mask covers something: slots share the background by
chance."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoScores:
    """How well the next picture was predicted, and what the slots stand for."""

    pictures: ImageScores
    """Errors of the predicted pictures."""

    foreground_ari: float
    """Mean adjusted Rand index of the masks against the balls, over pixels of balls; 1 is one slot per ball."""

    positions: ReadoutScore
    """How well a linear map of the processor's slots gives the next positions, after matching slots and balls."""


class _Predicted(NamedTuple):
    """What a model makes of a batch of windows, on the host."""

    pictures: Float[np.ndarray, "batch channel height width"]
    masks: Float[np.ndarray, "batch slot height width"]
    colors: Float[np.ndarray, "batch slot channel height width"]
    slots: Float[np.ndarray, "batch slot dim"]


def score_video_baselines(dataset: TransitionDataset, indices: Int64[np.ndarray, " window"]) -> dict[str, ImageScores]:
    """Score predictors that need no model: the last picture again, and a black one.

    Args:
        dataset: held-out bouncing balls, in colour.
        indices: windows to score on.

    Returns:
        Scores by name.
    """
    errors = {name: _image_errors(dataset.balls) for name in ("copy_last", "black")}
    for part in _batches(indices):
        pixels, next_pixels, _ = _read(dataset, part)
        errors["copy_last"].add(copy_last(pixels), next_pixels)
        errors["black"].add(np.zeros_like(next_pixels), next_pixels)
    return {name: found.result() for name, found in errors.items()}


def score_video_model(
    model: VideoModel, dataset: TransitionDataset, indices: Int64[np.ndarray, " window"], *, seed: int
) -> VideoScores:
    """Score a model on held-out windows. The read-out of positions is fitted on the first half and scored on the other.

    Args:
        model: a trained model.
        dataset: held-out bouncing balls, in colour.
        indices: windows to score on, in random order, at least 4.
        seed: of the noise of the slots, which is the same for all models of a seed.

    Returns:
        The scores.
    """
    world = dataset.balls
    errors, rand, slots, centroids, positions = _image_errors(world), [], [], [], []
    for number, part in enumerate(_batches(indices)):
        pixels, next_pixels, next_state = _read(dataset, part)
        predicted = _predict(model, pixels, seed, number)
        errors.add(predicted.pictures, next_pixels)
        rand.append(_rand_index(predicted, next_state, world))
        slots.append(predicted.slots)
        centroids.append(mask_centroids(_covering(predicted, world), box_size=world.box_size))
        positions.append(next_state)
    features, guesses, true = np.concatenate(slots), np.concatenate(centroids), np.concatenate(positions)
    half = len(indices) // 2
    readout = fit_position_readout(features[:half], guesses[:half], true[:half])
    return VideoScores(
        pictures=errors.result(),
        foreground_ari=float(np.nanmean(np.concatenate(rand))),
        positions=readout.score(features[half:], true[half:]),
    )


@torch.no_grad()
def roll_pictures(
    model: VideoModel, pixels: UInt8[np.ndarray, "batch history channel height width"], num_steps: int, *, seed: int
) -> tuple[Float[np.ndarray, "batch step channel height width"], Float[np.ndarray, "batch step slot height width"]]:
    """Predict many pictures ahead: each prediction is fed back as a picture.

    Source: paper, figure 3. Latents cannot be fed back, since the encoder joins the pictures of a window.

    Args:
        model: a trained model.
        pixels: true pictures to start from.
        num_steps: how many to predict.
        seed: of the noise of the slots.

    Returns:
        Pictures in [0, 1], clipped, and the masks that they were mixed with.
    """
    device = next(model.parameters()).device
    noise = model.encoder.noise(len(pixels), torch_generator(seed, "slots", "rollout")).to(device)
    masks: list[Tensor] = []

    def step(window: Tensor) -> Tensor:
        decoded = model(window, noise)
        masks.append(decoded.masks)
        clipped: Tensor = decoded.image.clamp(0, 1)
        return clipped

    pictures = rollout(step, torch.from_numpy(pixels).to(device).float() / 255, num_steps)
    return pictures.cpu().numpy(), torch.stack(masks, dim=1).cpu().numpy()


def draw_indices(num_windows: int, count: int, *, seed: int) -> Int64[np.ndarray, " window"]:
    """Draw windows to score on, without replacement and in random order; all of them if there are fewer."""
    return numpy_generator(seed, "windows").permutation(num_windows)[:count]


def _batches(indices: Int64[np.ndarray, " window"]) -> Iterator[Int64[np.ndarray, " batch"]]:
    return (indices[start : start + _BATCH] for start in range(0, len(indices), _BATCH))


def _read(
    dataset: TransitionDataset, indices: Int64[np.ndarray, " batch"]
) -> tuple[UInt8[np.ndarray, "..."], UInt8[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    rows = dataset.windows(indices)
    assert rows.pixels is not None
    assert rows.next_pixels is not None
    return rows.pixels, rows.next_pixels, rows.next_state


@torch.no_grad()
def _predict(model: VideoModel, pixels: UInt8[np.ndarray, "..."], seed: int, number: int) -> _Predicted:
    device = next(model.parameters()).device
    noise = model.encoder.noise(len(pixels), torch_generator(seed, "slots", "scoring", number)).to(device)
    predicted = model.predict(torch.from_numpy(pixels).to(device), noise)
    parts = (predicted.decoded.image, predicted.decoded.masks, predicted.decoded.colors, predicted.slots)
    return _Predicted(*(part.cpu().numpy() for part in parts))


def _image_errors(world: BallsConfig) -> ImageErrors:
    red, green, blue = world.background
    return ImageErrors(background=(red / 255, green / 255, blue / 255))


def _covering(predicted: _Predicted, world: BallsConfig) -> Float[np.ndarray, "batch slot height width"]:
    """Return what each slot changes in the background, one number per pixel: one of its colour has no place."""
    behind = np.array(world.background, np.float32)[:, None, None] / 255
    strength = np.abs(predicted.colors.clip(min=0.0) - behind).max(axis=2)
    light: Float[np.ndarray, "batch slot height width"] = predicted.masks * strength
    return np.where(light > _VISIBLE, light, 0.0) + 1e-9


def _rand_index(
    predicted: _Predicted, next_state: Float[np.ndarray, "batch ball 2"], world: BallsConfig
) -> Float[np.ndarray, " batch"]:
    true = ball_labels(next_state, box_size=world.box_size, radius=world.radius, size=predicted.masks.shape[-1])
    return adjusted_rand_index(predicted.masks.argmax(axis=1), true)
