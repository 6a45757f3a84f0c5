"""Settings of a look ahead."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rmr_gym.players import LookaheadConfig, PlaceBytes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"budget": 0.5}, "budget of at least 1"),
        ({"budget": float("inf")}, "budget"),
        ({"budget": float("nan")}, "budget"),
        ({"epsilon": 1.1}, "epsilon in 0..1"),
        ({"persistence": 1.0}, "persistence in 0..1, below 1; got 1.0"),
        ({"discount": -0.1}, "discount"),
        ({"hold": 0}, "hold as an integer of at least 1"),
        ({"commit": True}, "commit"),
        ({"horizon": 4, "commit": 4}, "horizon over commit=4"),
        ({"caution": -1}, "caution"),
        ({"curiosity": -1}, "curiosity"),
        ({"opening": -1}, "opening as an integer of at least 0"),
    ],
)
def test_config_refuses_numbers_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LookaheadConfig(**options)


def test_label_tells_all_settings_apart() -> None:
    default = LookaheadConfig()
    other: dict[str, Any] = {"budget": 21.0, "epsilon": 0.1, "persistence": 0.4, "hold": 2, "commit": 5, "horizon": 31}
    other |= {"discount": 0.9, "caution": 5.0, "curiosity": 0.5, "opening": 16}
    other |= {"place": PlaceBytes(room=(3,))}
    assert other.keys() == {field.name for field in dataclasses.fields(default)}
    labels = {dataclasses.replace(default, **{name: value}).label for name, value in other.items()}
    labels |= {LookaheadConfig(place=place).label for place in (PlaceBytes(position=(3,)), PlaceBytes(room=(3, 4)))}
    assert len(labels | {default.label}) == len(other) + 3
