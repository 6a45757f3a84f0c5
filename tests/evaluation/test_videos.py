from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from rmr_gym.data import TransitionDataset, collect_balls
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.evaluation import videos
from rmr_gym.evaluation.matching import PositionReadout
from rmr_gym.evaluation.metrics import ball_labels
from rmr_gym.evaluation.videos import (
    draw_indices,
    roll_pictures,
    score_video_baselines,
    score_video_model,
)
from rmr_gym.models import Decoded, VideoModel
from rmr_gym.models.ball_models import PredictedPicture
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import BroadcastDecoderConfig
from rmr_gym.models.encoders import SlotAttentionConfig
from rmr_gym.models.processors import DeepSetsConfig

WORLD = BallsConfig(num_balls=3, radius=0.12, picture_size=32)
NUM_SLOTS = 4


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> TransitionDataset:
    folder = tmp_path_factory.mktemp("balls")
    collect_balls(folder, WORLD, num_episodes=5, num_steps=20, seed=0)
    return TransitionDataset(folder, split="all", gray=False, history=3)


@pytest.fixture(scope="module")
def on_white(tmp_path_factory: pytest.TempPathFactory) -> TransitionDataset:
    """The same balls before a white background."""
    folder = tmp_path_factory.mktemp("balls")
    world = dataclasses.replace(WORLD, background=(255, 255, 255))
    collect_balls(folder, world, num_episodes=5, num_steps=20, seed=0)
    return TransitionDataset(folder, split="all", gray=False, history=3)


@pytest.fixture(scope="module")
def built() -> VideoModel:
    encoder = SlotAttentionConfig(
        size=(32, 32), num_slots=NUM_SLOTS, slot_dim=8, channels=4, slot_size=8, hidden_dim=8, downsample=4
    )
    decoder = BroadcastDecoderConfig(size=(32, 32), channels=4, strides=(2, 2))
    with initial_weights(0):
        processor = DeepSetsConfig(slot_dim=8).build(NUM_SLOTS, num_actions=0)
        return VideoModel(encoder.build(), processor, decoder.build(8)).eval()


@pytest.fixture
def model(built: VideoModel) -> VideoModel:
    """A model that a test may change."""
    return copy.deepcopy(built)


class Oracle:
    """Knows the next pictures. Slots stand for balls in an order of their own in each window; one is the background."""

    def __init__(self, dataset: TransitionDataset) -> None:
        rows = dataset.windows(np.arange(dataset.num_windows))
        self.next = {
            pixels.tobytes(): (picture, state)
            for pixels, picture, state in zip(rows.pixels, rows.next_pixels, rows.next_state, strict=True)
        }
        self.noise: list[Tensor] = []

    def predict(self, pixels: Tensor, noise: Tensor) -> PredictedPicture:
        self.noise.append(noise)
        known = [self.next[window.tobytes()] for window in pixels.numpy()]
        images = np.stack([picture for picture, _ in known]).astype(np.float32) / 255
        states = np.stack([state for _, state in known])
        labels = ball_labels(states, box_size=1.0, radius=WORLD.radius, size=32)
        labels[labels < 0] = NUM_SLOTS - 1
        masks = np.eye(NUM_SLOTS, dtype=np.float32)[labels].transpose(0, 3, 1, 2)
        layers = np.repeat(images[:, None], NUM_SLOTS, axis=1)
        places = np.concatenate([states, np.full((len(states), 1, 2), 9, np.float32)], axis=1)  # far outside
        order = np.random.default_rng(0).permuted(np.tile(np.arange(NUM_SLOTS), (len(states), 1)), axis=1)
        picked = (np.arange(len(states))[:, None], order)
        parts = (images, masks[picked], layers[picked], 2 * places[picked] + 1)
        image, mask, color, slots = map(torch.from_numpy, parts)
        return PredictedPicture(Decoded(image, mask, color), slots)


def test_model_that_knows_the_future_scores_full_marks(dataset: TransitionDataset, model: VideoModel) -> None:
    model.predict = Oracle(dataset).predict  # type: ignore[method-assign]
    scores = score_video_model(model, dataset, draw_indices(dataset.num_windows, 80, seed=0), seed=0)
    assert scores.pictures.mse == pytest.approx(0, abs=1e-12)
    assert scores.pictures.foreground_mse == pytest.approx(0, abs=1e-12)
    assert scores.pictures.psnr > 100
    assert scores.foreground_ari == 1.0
    assert scores.positions.r2 > 0.999
    assert scores.positions.mean_distance < 0.005
    assert scores.positions.r2 > scores.positions.chance_r2


def test_masks_of_a_single_slot_tell_no_balls_apart(dataset: TransitionDataset, model: VideoModel) -> None:
    oracle = Oracle(dataset)

    def predict(pixels: Tensor, noise: Tensor) -> PredictedPicture:
        known = oracle.predict(pixels, noise)
        masks = torch.zeros_like(known.decoded.masks)
        masks[:, 1] = 1
        return known._replace(decoded=known.decoded._replace(masks=masks, image=torch.zeros_like(known.decoded.image)))

    model.predict = predict  # type: ignore[method-assign]
    indices = draw_indices(dataset.num_windows, 40, seed=0)
    scores = score_video_model(model, dataset, indices, seed=0)
    assert scores.foreground_ari == pytest.approx(0, abs=1e-9)
    assert scores.pictures == score_video_baselines(dataset, indices)["black"]


@pytest.mark.parametrize("name", ["dataset", "on_white"])
def test_first_guess_of_a_place_is_where_a_slot_differs_from_the_background(
    name: str, model: VideoModel, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    dataset: TransitionDataset = request.getfixturevalue(name)
    oracle, guessed = Oracle(dataset), []
    background = torch.tensor(dataset.balls.background)[:, None, None] / 255
    fit = videos.fit_position_readout

    def predict(pixels: Tensor, noise: Tensor) -> PredictedPicture:
        known = oracle.predict(pixels, noise)
        empty = (known.decoded.image == background).all(1)[:, None].expand_as(known.decoded.masks)
        shared = known.decoded.masks.where(~empty, torch.tensor(1 / NUM_SLOTS))  # by chance, all over the box
        return known._replace(decoded=known.decoded._replace(masks=shared))

    def keep(features: np.ndarray, guesses: np.ndarray, positions: np.ndarray) -> PositionReadout:
        guessed.append(np.linalg.norm(guesses - (features - 1) / 2, axis=-1))
        return fit(features, guesses, positions)

    model.predict = predict  # type: ignore[method-assign]
    monkeypatch.setattr(videos, "fit_position_readout", keep)
    score_video_model(model, dataset, draw_indices(dataset.num_windows, 40, seed=0), seed=0)
    (distances,) = guessed
    assert distances.shape == (20, NUM_SLOTS)
    # All but the slot of the background lie on their balls, up to a pixel of 1/32 m.
    assert np.sort(distances, axis=1)[:, :-1].max() < 1 / 32


def test_foreground_is_what_differs_from_the_background(
    dataset: TransitionDataset, on_white: TransitionDataset, model: VideoModel
) -> None:
    indices = draw_indices(dataset.num_windows, 40, seed=0)
    on_black, shown = (score_video_baselines(data, indices)["copy_last"] for data in (dataset, on_white))
    assert 0.1 < on_black.foreground_fraction < 0.2
    assert shown.foreground_fraction == pytest.approx(on_black.foreground_fraction, rel=0.02)
    model.predict = Oracle(on_white).predict  # type: ignore[method-assign]
    scores = score_video_model(model, on_white, indices, seed=0).pictures
    assert scores.foreground_fraction == shown.foreground_fraction


def test_noise_depends_on_the_seed_and_is_equal_for_all_models(dataset: TransitionDataset, model: VideoModel) -> None:
    indices, drawn = draw_indices(dataset.num_windows, 40, seed=0), []
    for seed in (0, 0, 1):
        oracle = Oracle(dataset)
        model.predict = oracle.predict  # type: ignore[method-assign]
        score_video_model(model, dataset, indices, seed=seed)
        assert [len(noise) for noise in oracle.noise] == [32, 8]
        assert not torch.equal(oracle.noise[0][:8], oracle.noise[1])
        drawn.append(torch.cat(oracle.noise))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_scores_of_an_untrained_model_are_finite_and_repeat_themselves(
    dataset: TransitionDataset, built: VideoModel
) -> None:
    indices = draw_indices(dataset.num_windows, 40, seed=0)
    first, second = (score_video_model(built, dataset, indices, seed=0) for _ in range(2))
    assert first == second
    assert -1 <= first.foreground_ari <= 1
    assert np.isfinite([first.pictures.mse, first.positions.r2, first.positions.chance_mean_distance]).all()


def test_baselines_are_scored_in_unit_floats(dataset: TransitionDataset) -> None:
    indices = draw_indices(dataset.num_windows, 40, seed=0)  # more than a batch
    rows = dataset.windows(indices)
    last, target = rows.pixels[:, -1] / 255.0, rows.next_pixels / 255.0
    found = score_video_baselines(dataset, indices)
    assert list(found) == ["copy_last", "black"]
    assert found["copy_last"].mse == pytest.approx(np.square(last - target).mean(), rel=1e-5)
    assert found["black"].mse == pytest.approx(np.square(target).mean(), rel=1e-5)
    foreground = (target > 0.02).any(axis=1)
    missed = np.square(last - target).sum(axis=1)[foreground].sum() / (3 * foreground.sum())
    assert found["copy_last"].foreground_mse == pytest.approx(missed, rel=1e-5)


def test_rollout_feeds_pictures_back_and_clips_them(dataset: TransitionDataset, model: VideoModel) -> None:
    seen: list[tuple[Tensor, Tensor]] = []

    def brighter(window: Tensor, noise: Tensor) -> Decoded:
        seen.append((window, noise))
        image = window[:, -1] + 0.3
        masks = torch.full((len(image), NUM_SLOTS, 32, 32), float(len(seen)))
        return Decoded(image, masks, torch.zeros(len(image), NUM_SLOTS, 3, 32, 32))

    model.forward = brighter  # type: ignore[method-assign]
    pixels = dataset.windows([2, 7]).pixels
    pictures, masks = roll_pictures(model, pixels, 4, seed=0)
    assert pictures.shape == (2, 4, 3, 32, 32)
    assert masks.shape == (2, 4, NUM_SLOTS, 32, 32)
    last = pixels[:, -1] / 255.0
    for step in range(4):
        assert pictures[:, step] == pytest.approx(np.minimum(last + 0.3 * (step + 1), 1), abs=1e-6)
        assert (masks[:, step] == step + 1).all()
    assert torch.equal(seen[1][0][:, :2], seen[0][0][:, 1:])
    assert all(torch.equal(noise, seen[0][1]) for _, noise in seen)  # a slot keeps its noise, to stay itself


def test_rollout_of_a_model_starts_from_the_true_pictures(dataset: TransitionDataset, built: VideoModel) -> None:
    pixels = dataset.windows([2, 7]).pixels
    short, _ = roll_pictures(built, pixels, 1, seed=0)
    long, masks = roll_pictures(built, pixels, 3, seed=0)
    assert long[:, :1] == pytest.approx(short)
    assert masks.sum(axis=2) == pytest.approx(np.ones((2, 3, 32, 32)), abs=1e-5)
    assert 0 <= long.min() <= long.max() <= 1


def test_draw_indices_takes_each_at_most_once_in_random_order() -> None:
    indices = draw_indices(50, 20, seed=0)
    assert len(set(indices.tolist())) == 20
    assert indices.tolist() != sorted(indices.tolist())
    assert np.array_equal(indices, draw_indices(50, 20, seed=0))
    assert not np.array_equal(indices, draw_indices(50, 20, seed=1))
    assert sorted(draw_indices(5, 20, seed=0).tolist()) == [0, 1, 2, 3, 4]
