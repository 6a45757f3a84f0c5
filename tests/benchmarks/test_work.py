"""Data sets on their way to a machine, past kills, damage and other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from benchmarks.experiment import DataSettings
from benchmarks.work import Places, collect_data, data_folder
from rmr_gym.pipeline import stages
from tests.benchmarks.settings import TINY

DATA = DataSettings(game="pong", seed=0, config=TINY.data)


@pytest.fixture
def machines(tmp_path: Path) -> tuple[Places, Places]:
    """Two of them that share their data sets."""
    name = uuid4()
    first, second = (
        Places(results=f"memory://{name}/out", work=tmp_path / part, datasets=f"memory://{name}/data")
        for part in ("first", "second")
    )
    return first, second


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.arrow")}


def test_recording_that_was_killed_makes_way_for_the_one_of_another_machine(
    machines: tuple[Places, Places], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = machines
    monkeypatch.setattr(stages, "collect", killed_after_one_episode)
    with pytest.raises(KeyboardInterrupt):
        collect_data(DATA, first)
    monkeypatch.undo()
    assert [path.name for path in data_folder(DATA, first).iterdir()] == ["ep-000000-0123456789abcdef.arrow"]
    collect_data(DATA, second)
    collect_data(DATA, first)
    assert contents(data_folder(DATA, first)) == contents(data_folder(DATA, second))


def killed_after_one_episode(_: str, folder: Path, *args: Any, **options: Any) -> None:
    folder.mkdir(parents=True)
    (folder / "ep-000000-0123456789abcdef.arrow").touch()
    raise KeyboardInterrupt


def test_damaged_episode_that_was_deleted_is_played_again(
    machines: tuple[Places, Places], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _ = machines
    collect_data(DATA, first)
    folder = data_folder(DATA, first)
    before = contents(folder)
    sorted(folder.glob("*.arrow"))[1].unlink()
    collect_data(DATA, first)
    assert contents(folder) == before
    monkeypatch.setattr(stages, "collect", lambda *_, **__: pytest.fail("the data set is there"))
    collect_data(DATA, first)
