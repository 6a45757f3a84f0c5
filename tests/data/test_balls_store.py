"""Trajectories of bouncing balls on disk."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rmr_gym.data import BallsEpisode, EpisodeStore
from rmr_gym.data.codec import FORMAT, metadata_from_json, metadata_to_json
from rmr_gym.data.reader import EpisodeFile
from rmr_gym.data.writer import EpisodeWriter
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.errors import CorruptFileError
from tests.data import synthetic
from tests.data.synthetic import forge
from tests.data.synthetic_balls import BALLS, row_picture, row_state, write_balls


@pytest.mark.parametrize("pixels", [True, False])
def test_trajectory_survives_bit_for_bit(tmp_path: Path, pixels: bool) -> None:
    write_balls(tmp_path, index=4, num_steps=9, pixels=pixels)
    store = EpisodeStore(tmp_path)
    episode = store.read(0)
    assert isinstance(episode, BallsEpisode)
    assert episode.state.dtype == np.float32
    assert episode.state.tobytes() == b"".join(row_state(4, row).tobytes() for row in range(10))
    if pixels:
        assert episode.pixels is not None
        np.testing.assert_array_equal(episode.pixels, [row_picture(4, row) for row in range(10)])
    else:
        assert episode.pixels is None
    assert episode.actions.tolist() == [row % 5 for row in range(1, 10)]
    assert episode.rewards.tolist() == [row / 4 for row in range(1, 10)]
    assert episode.steps.tolist() == list(range(10))
    assert not episode.terminated.any()
    assert episode.truncated.tolist() == [False] * 8 + [True]
    assert episode.metadata == replace(BALLS, episode_index=4, num_steps=9, pixels=pixels)
    assert store.verify() == 10


def test_same_trajectory_is_the_same_file(tmp_path: Path) -> None:
    first, second = write_balls(tmp_path / "a", num_steps=4), write_balls(tmp_path / "b", num_steps=4)
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()


def test_manifest_says_what_is_there(tmp_path: Path) -> None:
    path = write_balls(tmp_path, index=2, num_steps=4, seed=3)
    store = EpisodeStore(tmp_path)
    manifest = json.loads(store.write_manifest().read_text())
    assert manifest == json.loads(json.dumps(store.manifest))
    assert manifest["format"] == "rmr-episodes/1"
    assert manifest["world"] == "bouncing_balls"
    assert manifest["pixels"] is True
    assert manifest["config"]["radius"] == 0.1
    assert manifest["episodes"] == [
        {
            "file": path.name,
            "sha256": store.files[0].sha256,
            "num_bytes": path.stat().st_size,
            "seed": 3,
            "episode_index": 2,
            "num_steps": 4,
            "terminated": False,
        }
    ]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("config", {"config": replace(BALLS.config, speed=0.5)}),
        ("pixels", {"pixels": False}),
    ],
)
def test_trajectories_of_different_origin_do_not_mix(tmp_path: Path, name: str, other: dict[str, object]) -> None:
    write_balls(tmp_path, index=0)
    write_balls(tmp_path, index=1, **other)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=rf"one {name} in .*different directories") as info:
        EpisodeStore(tmp_path)
    assert not isinstance(info.value, CorruptFileError)


@pytest.mark.parametrize("first", ["game", "balls"])
def test_worlds_do_not_mix(tmp_path: Path, first: str) -> None:
    synthetic.write_episode(tmp_path, index=int(first == "balls"))
    write_balls(tmp_path, index=int(first == "game"))
    with pytest.raises(ValueError, match="one world in .*different directories"):
        EpisodeStore(tmp_path)


def test_balls_have_no_console_and_no_palette(tmp_path: Path) -> None:
    write_balls(tmp_path)
    store = EpisodeStore(tmp_path)
    assert store.origin == {"world": "bouncing_balls", "config": BALLS.config, "pixels": True}
    for name in ("console", "palette"):
        with pytest.raises(ValueError, match="episodes of an Atari game; got the world 'bouncing_balls'"):
            getattr(store, name)


@pytest.mark.parametrize("pixels", [True, False])
def test_no_damage_goes_unnoticed(tmp_path: Path, pixels: bool) -> None:
    path = write_balls(tmp_path, num_steps=5, pixels=pixels)
    data, rng = path.read_bytes(), random.Random(0)
    for _ in range(100):
        damaged = bytearray(data)
        damaged[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        with pytest.raises(CorruptFileError, match=path.name):
            EpisodeFile(path)


def replaced(name: str, values: list[object]) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        index, field = table.schema.get_field_index(name), table.schema.field(name)
        return table.set_column(index, field, pa.array(values, field.type))

    return change


def redescribed(**fields: object) -> Callable[[pa.Table], pa.Table]:
    text = metadata_to_json(replace(BALLS, num_steps=3, **fields))  # type: ignore[arg-type]
    return lambda table: table.replace_schema_metadata({b"rmr_episode": text})


NOT_FINITE = [np.full((3, 2), value, np.float32).tobytes() for value in (0.0, np.nan, 0.0, np.inf)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replaced("state", NOT_FINITE), "a finite state"),
        (replaced("step", [0, 1, 1, 2]), "consecutive steps"),
        (redescribed(pixels=False), "other columns"),
        (redescribed(config=BallsConfig(num_balls=4)), "other columns"),
        (redescribed(config=BallsConfig(num_balls=10**9, radius=1e-9)), "undamaged episode"),
        (lambda table: table.drop_columns(["frame"]), "other columns"),
    ],
)
def test_forged_file_with_the_right_checksum_is_refused(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], message: str
) -> None:
    with pytest.raises(CorruptFileError, match=message):
        EpisodeFile(forge(write_balls(tmp_path, num_steps=3), change))


def test_verify_finds_a_forged_picture(tmp_path: Path) -> None:
    def shorten(table: pa.Table) -> pa.Table:
        return replaced("frame", [frame[:-1] for frame in table.column("frame").to_pylist()])(table)

    forge(write_balls(tmp_path), shorten)
    with pytest.raises(CorruptFileError, match="damaged compressed frame"):
        EpisodeStore(tmp_path).verify()


PICTURE, STATE = row_picture(0, 0), row_state(0, 0)


@pytest.mark.parametrize(
    ("pixels", "picture", "state", "message"),
    [
        (True, None, STATE, r"screen as uint8 of shape \(64, 64, 3\); got none"),
        (True, PICTURE[0], STATE, r"screen as uint8 of shape \(64, 64, 3\)"),
        (False, PICTURE, STATE, r"no screen; got uint8 of shape \(64, 64, 3\)"),
        (True, PICTURE, STATE.astype(np.float64), "state as float32"),
        (True, PICTURE, STATE[:2], r"state as float32 of shape \(3, 2\)"),
        (True, PICTURE, np.full_like(STATE, np.nan), "a finite state"),
    ],
)
def test_writer_refuses_what_the_layout_does_not_hold(
    pixels: bool, picture: np.ndarray | None, state: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        EpisodeWriter(max_steps=3, layout=replace(BALLS, pixels=pixels).layout).start(picture, state)


def test_writer_refuses_metadata_of_another_layout(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"num_actions=256\).*; got .*num_actions=18\).*the layout of the metadata"):
        write_writer().commit(tmp_path, synthetic.METADATA, terminated=False)
    assert list(tmp_path.iterdir()) == []


def write_writer() -> EpisodeWriter:
    writer = EpisodeWriter(max_steps=1, layout=BALLS.layout)
    writer.start(PICTURE, STATE)
    writer.step(0, 0.0, PICTURE, STATE)
    return writer


@given(
    seed=st.integers(),
    num_steps=st.integers(1, 10**6),
    pixels=st.booleans(),
    speed=st.floats(0, 9),
    colors=st.none() | st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=3, max_size=3).map(tuple),
)
def test_metadata_survive(
    seed: int, num_steps: int, pixels: bool, speed: float, colors: tuple[tuple[int, int, int], ...] | None
) -> None:
    config = replace(BALLS.config, speed=speed, colors=colors)
    metadata = replace(BALLS, seed=seed, num_steps=num_steps, pixels=pixels, config=config)
    text = metadata_to_json(metadata)
    assert metadata_from_json(text) == metadata
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":")).encode()


def test_metadata_from_before_there_was_a_choice_mean_opengl() -> None:
    fields = json.loads(metadata_to_json(BALLS))
    assert fields["config"].pop("painter") == "discs"
    before = metadata_from_json(json.dumps(fields).encode())
    assert before == replace(BALLS, config=replace(BALLS.config, painter="opengl"))


def test_painter_parts_trajectories_with_pictures_and_no_others(tmp_path: Path) -> None:
    opengl = replace(BALLS.config, painter="opengl")
    for pixels in (True, False):
        folder = tmp_path / str(pixels)
        write_balls(folder, index=0, pixels=pixels)
        write_balls(folder, index=1, pixels=pixels, config=opengl)
    with pytest.raises(ValueError, match="one config in"):
        EpisodeStore(tmp_path / "True")
    assert len(EpisodeStore(tmp_path / "False")) == 2


def test_only_balls_name_their_world() -> None:
    assert json.loads(metadata_to_json(BALLS))["world"] == "bouncing_balls"
    assert "world" not in json.loads(metadata_to_json(synthetic.METADATA))


def changed(**changes: object) -> bytes:
    return json.dumps(json.loads(metadata_to_json(BALLS)) | changes).encode()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (changed(world="pinball"), "a world out of atari, bouncing_balls; got pinball"),
        (changed(world=["atari"]), "a world out of"),
        (changed(world="atari"), "fields of EpisodeMetadata"),
        (changed(format="rmr-episodes/2"), f"the format '{FORMAT}'"),
        (changed(config=3), "fields of BallsEpisodeMetadata"),
        (changed(config={"weight": 1.0}), "fields of BallsEpisodeMetadata"),
        (changed(config={"radius": -1.0}), "a finite radius"),
        (changed(config={"radius": 10**400}), "fields of BallsEpisodeMetadata"),
        (changed(player="x"), "fields of BallsEpisodeMetadata"),
        (changed(seed=None), "'seed'"),
        (changed(seed=True), "'seed'"),
        (changed(episode_index=-1), "'episode_index'"),
        (changed(num_steps=0), "'num_steps'"),
        (changed(pixels=1), "'pixels'"),
        (changed(versions=[]), "'versions'"),
    ],
)
def test_metadata_of_another_kind_are_refused(text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metadata_from_json(text)
