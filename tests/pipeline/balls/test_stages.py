"""Recordings that were begun before the painter of a world could be chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.pipeline.balls.config import BallsDataConfig
from rmr_gym.pipeline.balls.stages import record
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stage import JsonObject

DATA = BallsDataConfig(num_trajectories=2, num_videos=2, num_steps=4, validation_fraction=0.5)
DISCS = BallsConfig(num_balls=2, picture_size=8)
OPENGL = replace(DISCS, painter="opengl")


def recorded(folder: Path, world: BallsConfig, *, pixels: bool) -> JsonObject:
    return record(folder, world, DATA, pixels=pixels, seed=0, reporter=Reporter())


def test_videos_of_before_were_drawn_by_opengl_and_go_on_so(tmp_path: Path) -> None:
    assert "painter" not in recorded(tmp_path, OPENGL, pixels=True)["inputs"]["world"]
    assert recorded(tmp_path, OPENGL, pixels=True)["timing"]["resumed"] is False
    with pytest.raises(ValueError, match=r"other settings: world\.painter: \(absent\) -> discs"):
        recorded(tmp_path, DISCS, pixels=True)


def test_trajectories_go_on_whatever_paints(tmp_path: Path) -> None:
    first = recorded(tmp_path, OPENGL, pixels=False)
    assert recorded(tmp_path, DISCS, pixels=False) == first
    assert "painter" not in first["inputs"]["world"]


def test_videos_of_two_painters_differ(tmp_path: Path) -> None:
    discs, opengl = (recorded(tmp_path / world.painter, world, pixels=True) for world in (DISCS, OPENGL))
    assert discs["inputs"]["world"]["painter"] == "discs"
    assert discs["splits"]["train"]["fingerprint"] != opengl["splits"]["train"]["fingerprint"]
