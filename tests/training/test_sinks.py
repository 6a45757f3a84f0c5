from pathlib import Path

import pytest

from rmr_gym.errors import CorruptFileError
from rmr_gym.training import JsonlSink, MemorySink, read_records


def test_records_survive_in_the_file(tmp_path: Path) -> None:
    sink = JsonlSink(tmp_path / "deep" / "log.jsonl")
    sink.write(0, {"loss": 1.0})
    sink.write(5, {"loss": 0.5})
    assert read_records(tmp_path / "deep" / "log.jsonl") == [{"step": 0, "loss": 1.0}, {"step": 5, "loss": 0.5}]


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    JsonlSink(path).write(0, {"loss": 1.0})
    with path.open("a") as file:
        file.write('{"step": 5, "lo')
    assert read_records(path) == [{"step": 0, "loss": 1.0}]
    JsonlSink(path).rewind(5)
    JsonlSink(path).write(5, {"loss": 0.5})
    assert [record["step"] for record in read_records(path)] == [0, 5]


@pytest.mark.parametrize("damage", [b"\0" * 40, b"garbage", b"\xff\xfe", b"[1]", b'{"loss": 1.0}', b""])
def test_a_damaged_line_is_named_and_rewinding_keeps_what_is_before_it(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "log.jsonl"
    for step in (0, 5, 10):
        JsonlSink(path).write(step, {"loss": 1.0})
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], damage, *lines[2:], b""]))
    with pytest.raises(CorruptFileError, match=r"in each line of .*log\.jsonl; got something else in line 2\. Remove"):
        read_records(path)
    assert JsonlSink(path).rewind(20) == 1
    assert [record["step"] for record in read_records(path)] == [0]


@pytest.mark.parametrize("kind", ["memory", "jsonl"])
def test_rewinding_forgets_later_records(kind: str, tmp_path: Path) -> None:
    sink = MemorySink() if kind == "memory" else JsonlSink(tmp_path / "log.jsonl")
    for step in (0, 10, 20):
        sink.write(step, {"loss": float(step)})
    left = sink.rewind(10)
    assert left == (None if kind == "memory" else 1)
    records = sink.records if isinstance(sink, MemorySink) else read_records(tmp_path / "log.jsonl")
    assert [record["step"] for record in records] == [0]


def test_rewinding_that_is_interrupted_loses_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    for step in (0, 10):
        JsonlSink(path).write(step, {"loss": float(step)})

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt):
        JsonlSink(path).rewind(10)
    assert [record["step"] for record in read_records(path)] == [0, 10]


def test_there_are_no_records_without_a_file(tmp_path: Path) -> None:
    assert read_records(tmp_path / "none.jsonl") == []
