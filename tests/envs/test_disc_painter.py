"""Painted discs against a plain reference, `reference`, that counts 16 x 16 points in every pixel."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.envs.ball_renderer import BallRenderer
from rmr_gym.envs.ball_world import simulate
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.envs.disc_painter import DiscPainter

POINTS = 16


def reference(config: BallsConfig, positions: np.ndarray) -> np.ndarray:
    """Colour every point by the nearest ball, if that reaches it, and average the points of a pixel in float64."""
    size = config.picture_size
    places = ((np.arange(size * POINTS) + 0.5) / (size * POINTS) - 0.5) * config.box_size
    squares = np.stack([(places - x) ** 2 + (places[:, None] + y) ** 2 for x, y in positions])
    colors = np.array(config.palette, float)[squares.argmin(axis=0)]
    points = np.where(squares.min(axis=0)[..., None] <= config.radius**2, colors, np.array(config.background, float))
    return points.reshape(size, POINTS, size, POINTS, 3).mean(axis=(1, 3))


def paint(positions: object, **options: Any) -> np.ndarray:
    return DiscPainter(BallsConfig(**options)).render(np.array(positions, float))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_balls": 4, "radius": 0.1},
        {"background": (200, 30, 60)},
        {"box_size": 3.0, "radius": 0.2, "picture_size": 50},
        {"picture_size": 16},
        {"num_balls": 2, "picture_size": 150},
    ],
)
def test_pictures_are_those_of_the_reference_but_for_a_little_on_the_edges(options: dict[str, Any]) -> None:
    config = BallsConfig(**options)
    painter = DiscPainter(config)
    for positions in simulate(config, range(2), 30)[:, -1]:
        error = painter.render(positions) - reference(config, positions)
        assert np.abs(error).max() < 20
        assert np.abs(error).mean() < 15 / config.picture_size  # as the share of pixels on edges
        assert abs(error.mean()) < 5 / config.picture_size


def test_pictures_are_nearer_to_the_reference_than_those_of_opengl_and_show_the_same() -> None:
    config = BallsConfig()
    positions = simulate(config, range(3), 30)[:, -1]
    renderer = BallRenderer(config)
    painted, drawn = (one.render_all(positions).astype(float) for one in (DiscPainter(config), renderer))
    renderer.close()
    truth = np.stack([reference(config, state) for state in positions])
    assert np.abs(painted - truth).mean() < np.abs(drawn - truth).mean() / 3
    assert np.abs(painted - drawn).mean() < 1
    shifted = [np.roll(truth, (down, right), axis=(1, 2)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    even = (np.ptp(shifted, axis=0) == 0).all(axis=-1)  # not next to an edge
    assert even.mean() > 0.7
    np.testing.assert_allclose(painted[even], drawn[even], atol=1)


def test_share_of_a_pixel_is_the_distance_of_its_centre_from_the_edge() -> None:
    # A disc of 2 pixels around the middle of 8 x 8; the radius is corrected for the spread of clamping.
    picture = paint([[0.0, 0.0]], num_balls=1, radius=0.25, picture_size=8)[..., 0]
    radius = math.sqrt(4 - 1 / 12)
    distances = {(3, 3): 0.7071068, (2, 3): 1.5811388, (2, 2): 2.1213203, (1, 3): 2.5495098}
    for (row, column), distance in distances.items():
        mirrored = {picture[i, j] for i in (row, 7 - row) for j in (column, 7 - column)}
        assert mirrored == {math.floor(255 * max(0.0, min(1.0, 0.5 + radius - distance)) + 0.5)}
    assert picture[0].max() == 0


@pytest.mark.parametrize("radius", [0.02, 0.3, 0.57, 0.6, 1.0, 3.84, 12.5])
def test_disc_of_any_size_has_its_area(radius: float) -> None:
    size = 32
    config = BallsConfig(num_balls=1, radius=radius / size, picture_size=size, colors=((255, 255, 255),))
    places = np.random.default_rng(0).uniform(-0.5, 0.5, (400, 1, 2)) / size  # in the four pixels of the middle
    area = DiscPainter(config).render_all(places)[..., 0].sum(axis=(1, 2)).mean() / 255
    assert area == pytest.approx(math.pi * radius**2, rel=5e-3, abs=5e-3)


@given(
    angle=st.floats(0, 2 * math.pi),
    x=st.floats(-0.02, 0.02),
    y=st.floats(-0.02, 0.02),
    depth=st.sampled_from([0.0, 1e-6, 1e-3]),
    background=st.sampled_from([(0, 0, 0), (255, 255, 255)]),
)
def test_touching_balls_share_their_pixels_and_no_colour_overflows(
    angle: float, x: float, y: float, depth: float, background: tuple[int, int, int]
) -> None:
    config = BallsConfig(num_balls=2, colors=((255, 255, 255), (255, 255, 255)), background=background, picture_size=32)
    across = (config.radius - depth / 2) * np.array([math.cos(angle), math.sin(angle)])
    positions = np.array([x, y]) + np.stack([across, -across])
    error = DiscPainter(config).render(positions) - reference(config, positions)
    assert np.abs(error).max() < 30  # two discs and their clamping in one pixel


def test_balls_in_one_another_part_in_the_middle() -> None:
    for positions in ([[-0.1, 0.0], [0.1, 0.05], [0.03, -0.12]], [[-0.01, 0.0], [0.01, 0.0], [0.0, 0.3]]):
        config = BallsConfig(num_balls=3, radius=0.2)
        error = DiscPainter(config).render(np.array(positions)) - reference(config, np.array(positions))
        assert np.abs(error).mean() < 0.2
        assert (np.abs(error).max(axis=-1) > 20).sum() <= 4  # where three meet


def test_balls_in_the_same_place_show_both_colours() -> None:
    picture = paint([[0.0, 0.0], [0.0, 0.0]], num_balls=2, radius=0.1, colors=((200, 0, 0), (0, 100, 0)))
    assert picture[32, 32].tolist() == [100, 50, 0]


def test_only_what_is_in_the_box_is_painted() -> None:
    beside, half = (paint([place], num_balls=1, radius=0.1)[..., 0] for place in ([5.0, 0.0], [0.5, 0.0]))
    assert beside.max() == 0
    assert half[:, :57].max() == 0
    assert half[30:34, 58:].min() == 255
    assert half.sum() / 255 == pytest.approx(math.pi * 6.4**2 / 2, rel=0.01)
    everything = paint([[0.0, 0.0]], num_balls=1, radius=0.4, picture_size=1)
    assert everything[0, 0, 0] == pytest.approx(255 * math.pi * 0.4**2, rel=0.4)


def test_many_pictures_are_those_of_each_state_byte_for_byte() -> None:
    for options in ({}, {"num_balls": 2, "picture_size": 300}):
        config = BallsConfig(**options)
        states = simulate(config, [0], 45)[0]
        painter = DiscPainter(config)
        kept = states.copy()
        pictures = painter.render_all(states)
        assert (pictures.dtype, pictures.shape) == (np.uint8, (45, config.picture_size, config.picture_size, 3))
        np.testing.assert_array_equal(pictures, [painter.render(state) for state in states])
        np.testing.assert_array_equal(states, kept)
        assert painter.render_all(states[:0]).shape == (0, *pictures.shape[1:])


def test_picture_is_the_same_on_every_machine() -> None:
    rows = np.arange(10)
    picture = paint(np.stack([rows / 12.5 - 0.37, rows * 7 % 10 / 12.5 - 0.35], axis=1))
    assert hashlib.sha256(picture.tobytes()).hexdigest()[:16] == "e8806b29f322db4c"
