from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rmr_gym.pipeline.balls import BallsRunConfig
from rmr_gym.pipeline.balls.profiles import smoke
from rmr_gym.pipeline.config_json import from_json
from rmr_gym.pipeline.pinning import pin
from rmr_gym.pipeline.profiles import PROFILES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


def read(path: Path) -> BallsRunConfig:
    return from_json(BallsRunConfig, json.loads(path.read_text()))


def test_first_call_writes_the_settings_and_the_next_one_continues(path: Path) -> None:
    assert pin(smoke(), path.parent) is False
    assert read(path) == smoke()
    assert pin(smoke(), path.parent) is True


def test_folder_of_another_kind_of_run_is_refused_and_stays_as_it_is(path: Path) -> None:
    pin(PROFILES["smoke"](), path.parent)
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"config.json with game, .*pass another --out"):
        pin(smoke(), path.parent)
    assert path.read_bytes() == before


def test_folder_whose_result_is_that_of_something_else_is_refused(path: Path) -> None:
    (path.parent / "result.json").write_text("{}")
    with pytest.raises(ValueError, match="a new folder, or that of a run; got .*result.json of something else"):
        pin(smoke(), path.parent)
    assert not path.exists()


def test_other_settings_are_refused_by_name_and_the_old_ones_stay(path: Path) -> None:
    pin(smoke(), path.parent)
    before = path.read_bytes()
    other = replace(smoke(), seed=4, world=replace(smoke().world, speed=0.5))
    with pytest.raises(
        ValueError, match=r"seed: 0 -> 4; world\.speed: 0\.35 -> 0\.5\. Pass another --out, or add --config"
    ):
        pin(other, path.parent, may_change=("arms", "num_seeds"))
    assert path.read_bytes() == before


def test_what_may_grow_is_written_anew(path: Path) -> None:
    pin(smoke(), path.parent)
    more = replace(smoke(), num_seeds=2, arms=("rmr",))
    with pytest.raises(ValueError, match=r"arms: .* -> \['rmr'\]; num_seeds: 1 -> 2"):
        pin(more, path.parent)
    with pytest.raises(ValueError, match="got other ones") as refused:
        pin(more, path.parent, may_change=("arms",))
    assert "arms" not in str(refused.value)
    assert pin(more, path.parent, may_change=("arms", "num_seeds")) is True
    assert read(path) == more


def test_fields_that_an_old_file_lacks_have_their_defaults(path: Path) -> None:
    pin(smoke(), path.parent)
    document = json.loads(path.read_text())
    del document["world"]["contact_steps"]
    path.write_text(json.dumps(document))
    assert pin(smoke(), path.parent) is True
    assert "contact_steps" in json.loads(path.read_text())["world"]


def test_damaged_file_is_refused(path: Path) -> None:
    path.write_text("{")
    with pytest.raises(ValueError, match=r"JSON in .*config\.json"):
        pin(smoke(), path.parent)
    assert path.read_text() == "{"


def test_file_from_before_painters_could_be_chosen_means_opengl(path: Path) -> None:
    pin(smoke(), path.parent)
    document = json.loads(path.read_text())
    del document["world"]["painter"]
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"world\.painter: opengl -> discs"):
        pin(smoke(), path.parent)
    assert pin(replace(smoke(), world=replace(smoke().world, painter="opengl")), path.parent) is True


def test_parts_that_may_change_hold_all_that_lies_in_them(path: Path) -> None:
    pin(smoke(), path.parent)
    other = replace(smoke(), world=replace(smoke().world, speed=0.5))
    for narrow in ("world.radius", "wor", "world.spee", "seed"):
        with pytest.raises(ValueError, match=r"world\.speed: 0\.35 -> 0\.5"):
            pin(other, path.parent, may_change=(narrow,))
    assert pin(other, path.parent, may_change=("world",)) is True
    assert read(path) == other
