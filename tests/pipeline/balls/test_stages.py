"""Recordings that were begun before the painter of a world could be chosen."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.pipeline.balls import BallsRunConfig, run_balls
from rmr_gym.pipeline.balls.config import BallsDataConfig
from rmr_gym.pipeline.balls.stages import record
from rmr_gym.pipeline.progress import Reporter
from rmr_gym.pipeline.stage import JsonObject
from rmr_gym.training import JsonlSink

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


@pytest.mark.parametrize("scorer", ["trajectories.score_trajectories", "videos.score_video_model"])
def test_what_is_interrupted_while_it_is_scored_is_not_trained_again(
    copied_balls: Path,
    finished_balls: tuple[Path, JsonObject],
    tiny_balls: BallsRunConfig,
    monkeypatch: pytest.MonkeyPatch,
    scorer: str,
) -> None:
    for folder in ("processor", "models"):
        if folder == "models" or scorer.startswith("trajectories"):
            shutil.rmtree(copied_balls / folder)
    (copied_balls / "result.json").unlink()

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"rmr_gym.pipeline.balls.stages.{scorer}", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run_balls(tiny_balls, copied_balls)
    (log,) = [path for path in copied_balls.rglob("log.jsonl") if not path.with_name("result.json").exists()]
    trained, write = [], JsonlSink.write

    def watch(self: JsonlSink, step: int, record: Mapping[str, float]) -> None:
        trained.append(self._path)
        write(self, step, record)

    monkeypatch.setattr(JsonlSink, "write", watch)
    result = run_balls(tiny_balls, copied_balls)
    assert log not in trained
    assert result["natural"] == finished_balls[1]["natural"]
    assert not list(copied_balls.rglob("state-*"))
