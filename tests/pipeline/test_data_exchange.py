"""`rmr-gym data export` and `rmr-gym data import`."""

from __future__ import annotations

from pathlib import Path

import pytest

from rmr_gym import cli
from rmr_gym.program import USER_ERROR
from tests.data.synthetic import write_episode

pytest.importorskip("minari")


def test_exported_data_come_back_by_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    write_episode(tmp_path / "data", 0, 3)
    words = ["data", "export", str(tmp_path / "data"), "--to", "minari", "--id", "rmr/test-v0"]
    assert cli.main([*words, "--author", "somebody", "--storage", "parquet"]) == 0
    assert str(tmp_path / "minari" / "rmr" / "test-v0") in capsys.readouterr().out.replace("\n", "")
    assert cli.main(["data", "import", "rmr/test-v0", "--from", "minari", "--out", str(tmp_path / "back")]) == 0
    assert "Imported rmr/test-v0: 1 episodes" in capsys.readouterr().out
    before, after = ({path.name for path in (tmp_path / name).glob("*.arrow")} for name in ("data", "back"))
    assert before == after
    assert cli.main(words) == USER_ERROR
    assert "an id that is free" in capsys.readouterr().err
    assert cli.main(["data", "import", "rmr/absent-v0", "--out", str(tmp_path / "none")]) == USER_ERROR
    assert "minari list local" in capsys.readouterr().err
