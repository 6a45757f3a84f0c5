from __future__ import annotations

import pytest
import torch

from rmr_gym.models.picture_layout import Colours, picture_layout


@pytest.mark.parametrize(
    ("observation", "picture", "axes", "count"),
    [
        ((84, 84), (1, 84, 84), "hw", 1),
        ((84, 84, 1), (1, 84, 84), "hwk", 1),
        ((1, 84, 84), (1, 84, 84), "khw", 1),
        ((4, 84, 84), (1, 84, 84), "khw", 4),
        ((84, 84, 4), (1, 84, 84), "hwk", 4),
        ((4, 84, 84, 1), (1, 84, 84), "nhwc", 4),
        ((3, 84, 84, 1), (1, 84, 84), "nhwc", 3),
        ((4, 1, 84, 84), (1, 84, 84), "nchw", 4),
        ((64, 64, 3), (3, 64, 64), "hwk", 1),
        ((3, 64, 64), (3, 64, 64), "khw", 1),
        ((64, 64, 12), (3, 64, 64), "hwk", 4),
        ((12, 64, 64), (3, 64, 64), "khw", 4),
        ((4, 64, 64, 3), (3, 64, 64), "nhwc", 4),
        ((4, 3, 64, 64), (3, 64, 64), "nchw", 4),
        ((160, 210, 4), (1, 160, 210), "hwk", 4),
        ((2, 84, 84, 1), (1, 84, 84), "nhwc", 2),
    ],
)
def test_layout_of_a_shape(observation: tuple[int, ...], picture: tuple[int, int, int], axes: str, count: int) -> None:
    layout = picture_layout(observation, picture)
    assert (layout.axes, layout.num_pictures) == (axes, count)
    assert layout.split(torch.zeros(2, *observation)).shape == (2, count, *picture)


def test_stack_of_colours_last_keeps_the_channels_of_a_picture_together() -> None:
    # Two pictures of 1x2, as VecFrameStack joins them: red, green, blue of the first, then of the second.
    pixels = torch.tensor([[[[11, 12, 13, 21, 22, 23], [14, 15, 16, 24, 25, 26]]]])
    first = [[[11, 14]], [[12, 15]], [[13, 16]]]
    second = [[[21, 24]], [[22, 25]], [[23, 26]]]
    assert picture_layout((1, 2, 6), (3, 1, 2)).split(pixels).tolist() == [[first, second]]


@pytest.mark.parametrize("shape", [(4, 84, 84), (4, 1, 84, 84), (84, 84), (4, 84, 84, 1), (84, 84, 1)])
def test_what_is_in_order_already_is_not_copied(shape: tuple[int, ...]) -> None:
    pixels = torch.zeros(2, *shape, dtype=torch.uint8)
    assert picture_layout(shape, (1, 84, 84)).split(pixels).data_ptr() == pixels.data_ptr()


@pytest.mark.parametrize(
    ("observation", "picture", "message"),
    [
        ((210, 160, 3), (1, 84, 84), r"84x84 with 1 channel; got .*\(210, 160, 3\)\..*gray=True, gray_newaxis=True, "),
        ((84, 84), (1, 210, 160), r"210x160 with 1 channel; got .*\(84, 84\)\."),
        ((4, 84, 84, 3), (1, 84, 84), r"1 channel; got .* with 3 channel\(s\)"),
        ((64, 64), (3, 64, 64), r"3 channels; got .* with 1 channel\(s\)"),
        ((64, 64, 4), (3, 64, 64), r"3 channels; got .* with 4 channel\(s\)"),
        ((84, 336), (1, 84, 84), r"got observations of shape \(84, 336\)\. Make them with .*gray_newaxis=True"),
        ((128,), (1, 84, 84), r"got observations of shape \(128,\)"),
        ((), (1, 84, 84), r"got observations of shape \(\)"),
        ((0, 84, 84), (1, 84, 84), r"got observations of shape \(0, 84, 84\)"),
        ((160, 210), (1, 210, 160), r"210x160 with 1 channel; got .*\(160, 210\)"),
        ((2, 4, 84, 84, 1), (1, 84, 84), r"got observations of shape \(2, 4, 84, 84, 1\)"),
    ],
)
def test_what_holds_no_such_picture_is_refused(
    observation: tuple[int, ...], picture: tuple[int, int, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        picture_layout(observation, picture)


@pytest.mark.parametrize("observation", [(84, 84, 3), (3, 84, 84), (84, 84, 12), (6, 84, 84)])
def test_layers_that_may_be_colours_are_refused_where_gray_is_asked_for(observation: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"surely not RGB; got .* pictures in gray or . in RGB.*gray=True"):
        picture_layout(observation, (1, 84, 84))


@pytest.mark.parametrize("observation", [(84, 84, 3), (6, 84, 84)])
def test_layers_that_are_said_to_be_gray_are_pictures(observation: tuple[int, ...]) -> None:
    layout = picture_layout(observation, (1, 84, 84), colours="gray")
    assert (layout.num_pictures, layout.axes) == ((3, "hwk") if observation[-1] == 3 else (6, "khw"))


@pytest.mark.parametrize(("colours", "picture"), [("rgb", (1, 84, 84)), ("gray", (3, 84, 84))])
def test_colours_that_the_encoder_does_not_take_are_refused(colours: Colours, picture: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=f"{picture[0]} channels?; got colours='{colours}'"):
        picture_layout((84, 84, 3), picture, colours=colours)


@pytest.mark.parametrize("picture", [(1, 8, 8), (2, 8, 8)])
def test_as_many_layers_as_rows_and_columns_are_refused(picture: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="a number of pictures that differs from their size 8x8"):
        picture_layout((8, 8, 8), picture)
