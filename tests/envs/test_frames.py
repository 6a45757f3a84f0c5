from __future__ import annotations

import sys
from collections.abc import Iterator

import ale_py
import cv2
import numpy as np
import pytest
from ale_py import roms
from gymnasium.error import DependencyNotInstalled
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rmr_gym.envs.frames import check_size, pool_frames, resize_frame, to_gray
from rmr_gym.envs.games import GAMES

SMALL_FRAMES = arrays(np.uint8, (4, 5))


def play(rom_id: str, steps: int) -> Iterator[ale_py.ALEInterface]:
    """Yield the console after each of some random four-frame steps."""
    ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
    console = ale_py.ALEInterface()
    console.setFloat("repeat_action_probability", 0.0)
    console.loadROM(roms.get_rom_path(rom_id))
    rng = np.random.default_rng(0)
    for _ in range(steps):
        for _ in range(4):
            console.act(ale_py.Action(int(rng.integers(18))))
        yield console


@pytest.mark.parametrize("rom_id", GAMES)
def test_gray_of_emulator_opencv_and_stored_palette_are_equal(rom_id: str) -> None:
    palette = np.zeros((256, 3), np.uint8)
    for console in play(rom_id, steps=30):
        index, rgb, gray = console.getScreen(), console.getScreenRGB(), console.getScreenGrayscale()
        palette[index] = rgb  # as a dataset stores it
        np.testing.assert_array_equal(palette[index], rgb)
        np.testing.assert_array_equal(to_gray(palette)[index], gray)
        np.testing.assert_array_equal(to_gray(rgb), gray)
        np.testing.assert_array_equal(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), gray)


def test_to_gray_equals_opencv_on_a_grid_of_all_colours() -> None:
    levels = np.arange(0, 256, 3, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    expected = cv2.cvtColor(colours.reshape(len(levels), -1, 3), cv2.COLOR_RGB2GRAY)
    np.testing.assert_array_equal(to_gray(colours).reshape(expected.shape), expected)


def test_to_gray_takes_batches() -> None:
    frames = np.random.default_rng(0).integers(256, size=(3, 4, 5, 3), dtype=np.uint8)
    np.testing.assert_array_equal(to_gray(frames), np.stack([to_gray(frame) for frame in frames]))


@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 4), ()])
def test_to_gray_refuses_arrays_without_three_channels(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="last axis holds red, green, blue"):
        to_gray(np.zeros(shape, np.uint8))


@given(earlier=SMALL_FRAMES, later=SMALL_FRAMES)
def test_pool_frames_is_the_maximum_on_gray(earlier: np.ndarray, later: np.ndarray) -> None:
    pooled = pool_frames(earlier, later, earlier_gray=earlier, later_gray=later)
    np.testing.assert_array_equal(pooled, np.maximum(earlier, later))


@given(data=st.data())
def test_pool_frames_commutes_with_the_palette(data: st.DataObject) -> None:
    palette = data.draw(arrays(np.uint8, (256, 3)))
    earlier, later = data.draw(SMALL_FRAMES), data.draw(SMALL_FRAMES)
    grays = {"earlier_gray": to_gray(palette)[earlier], "later_gray": to_gray(palette)[later]}
    in_colour = pool_frames(palette[earlier], palette[later], **grays)
    np.testing.assert_array_equal(in_colour, palette[pool_frames(earlier, later, **grays)])
    np.testing.assert_array_equal(to_gray(in_colour), np.maximum(grays["earlier_gray"], grays["later_gray"]))


def test_pool_frames_keeps_the_later_frame_on_ties() -> None:
    gray = np.full((1, 2), 9, np.uint8)
    earlier, later = np.array([[1, 2]], np.uint8), np.array([[3, 4]], np.uint8)
    np.testing.assert_array_equal(pool_frames(earlier, later, earlier_gray=gray, later_gray=gray), later)


@pytest.mark.parametrize("channels", [(), (3,)])
def test_resize_frame_averages_areas_as_opencv_does(channels: tuple[int, ...]) -> None:
    frame = np.random.default_rng(0).integers(256, size=(210, 160, *channels), dtype=np.uint8)
    resized = resize_frame(frame, (84, 96))
    assert resized.shape == (84, 96, *channels)
    np.testing.assert_array_equal(resized, cv2.resize(frame, (96, 84), interpolation=cv2.INTER_AREA))


def test_resize_frame_returns_a_copy_when_the_size_is_the_same() -> None:
    frame = np.zeros((2, 3), np.uint8)
    resized = resize_frame(frame, (2, 3))
    np.testing.assert_array_equal(resized, frame)
    assert not np.shares_memory(resized, frame)


def test_resize_frame_names_the_extra_when_opencv_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DependencyNotInstalled, match=r"rmr-gym\[atari\]"):
        resize_frame(np.zeros((2, 2), np.uint8), (1, 1))


@pytest.mark.parametrize("size", [84, (84,), (84, 0), (84, 84, 3), (84.0, 84), (True, 84), "ab", None])
def test_check_size_refuses_what_is_not_a_height_and_a_width(size: object) -> None:
    with pytest.raises(ValueError, match="height, width"):
        check_size(size)


def test_check_size_takes_the_list_of_a_json_spec() -> None:
    assert check_size([84, 96]) == (84, 96)
