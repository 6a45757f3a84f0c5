"""Results come back from folders, URLs and records, and the choice among them is the one that was asked for."""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import math
import random
import tracemalloc
from pathlib import Path

import fsspec
import pytest

from benchmarks.report import reading
from benchmarks.report.choosing import choice
from benchmarks.report.compact import CURVE_POINTS, compact
from benchmarks.report.document import compose
from benchmarks.report.evidence import mismatch
from benchmarks.report.files import to_csv
from benchmarks.report.options import Options
from benchmarks.report.reading import read_evidence
from benchmarks.report.record import read_record, to_record
from benchmarks.result import to_text
from tests.benchmarks.report.synthetic import abstract, everything, natural, pairs, write

QUICK = Options(repetitions=20)


def test_report_of_a_record_is_that_of_the_folder(tmp_path: Path) -> None:
    results, failures = everything()
    long = [{"step": step, "loss": math.pi / (1 + step), "unused": 1.0} for step in range(500)]
    results[0] = dataclasses.replace(results[0], curve=long)
    write(tmp_path / "runs", results, failures)
    from_folder = read_evidence([tmp_path / "runs"])
    record = tmp_path / "all.jsonl.gz"
    record.write_bytes(to_record(from_folder.results, from_folder.failures))
    from_record = read_evidence([str(record)])
    tables = [compose(one, QUICK).tables for one in (from_folder, from_record)]
    assert len(tables[0]) == 10
    for one, other in zip(*tables, strict=True):
        assert to_csv(one) == to_csv(other)
        assert (one.summary, one.notes) == (other.summary, other.notes)


def test_record_keeps_everything_but_curves_and_tracebacks() -> None:
    results, failures = everything()
    content = to_record(results, failures)
    read, failed = read_record(content)
    expected = {one.id: one for one in results}
    assert len(read) == len(results)
    for one in read:
        assert dataclasses.replace(one, curve=[]) == dataclasses.replace(expected[one.id], curve=[])
    assert b"secret" not in gzip.decompress(content)
    assert [one.error for one in failed] == [one.error for one in failures]


def test_record_has_the_same_bytes_in_any_order_and_after_a_second_time() -> None:
    results, failures = everything()
    content = to_record(results, failures)
    shuffled = random.Random(0).sample(results, len(results))
    assert to_record(shuffled, failures) == content
    assert to_record(*read_record(content)) == content


def test_record_is_small() -> None:
    results, failures = everything()
    assert len(to_record(results, failures)) / len(results) < 400  # bytes


def test_compact_curve_keeps_both_ends_and_is_stable() -> None:
    curve = [{"step": step, "loss": 1 / (3 + step)} for step in range(1000)]
    result = compact(dataclasses.replace(natural("pong", "rmr", 0, 0.5), curve=curve))
    assert len(result.curve) == CURVE_POINTS
    assert [result.curve[0]["step"], result.curve[-1]["step"]] == [0, 999]
    assert result.curve[0]["loss"] == 0.333333
    steps = [point["step"] for point in result.curve]
    gaps = [later - earlier for earlier, later in itertools.pairwise(steps)]
    assert max(gaps) - min(gaps) <= 1
    assert compact(result) == result
    short = natural("pong", "untrained", 0, 0.5)
    assert compact(short) == short


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[: len(content) // 2], "gzipped JSON lines"),
        (lambda content: b"\x1f\x8b" + bytes(20), "gzipped JSON lines"),
        (lambda content: gzip.compress(gzip.decompress(content).rsplit(b"\n", 2)[0]), "it was cut off"),
        (lambda _: b'{"format": "rmr-result/1"}', "format rmr-benchmark-record/1; got rmr-result/1"),
        (lambda _: b"[]", "got something else"),
        (lambda _: b"", "got something else"),
    ],
)
def test_damaged_record_is_refused(damage: object, message: str) -> None:
    assert callable(damage)
    with pytest.raises(ValueError, match=message):
        read_record(damage(to_record(pairs("pong", [0.5], [0.4]))))


def test_results_are_read_from_a_url_and_together_with_others(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    for one in pairs("pong", [0.7] * 2, [0.6] * 2):
        memory.pipe_file(f"/bench/{one.id}-{one.key}/result.json", to_text(one).encode())
    record = tmp_path / "more.jsonl.gz"
    record.write_bytes(to_record([*pairs("pong", [0.7] * 2, [0.6] * 2), *pairs("boxing", [0.7], [0.6])]))
    evidence = read_evidence(["memory://bench", record])
    key = natural("pong", "rmr", 1, 0.7).key
    assert len(evidence.results) == 6  # what is in both counts once
    assert evidence.links["natural/pong/rmr/seed-1", key].startswith("memory://bench/natural/pong/rmr/seed-1-")
    memory.pipe_file("/records/all.jsonl.gz", record.read_bytes())
    assert len(read_evidence(["memory://records/all.jsonl.gz"]).results) == 6
    memory.rm("/bench", recursive=True)
    memory.rm("/records", recursive=True)


def test_reading_many_long_results_takes_the_memory_of_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "READERS", 1)
    curve = [{"step": step, "loss": 1 / (3 + step)} for step in range(2_000)]
    long = [dataclasses.replace(one, curve=curve) for one in pairs("pong", [0.7] * 20, [0.6] * 20)]
    peaks = []
    for number in (2, 40):
        write(tmp_path / str(number), long[:number])
        tracemalloc.start()
        read_evidence([tmp_path / str(number)])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 3 * peaks[0]


def test_broken_file_is_named_and_the_rest_counts(tmp_path: Path) -> None:
    write(tmp_path, pairs("pong", [0.7], [0.6]))
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "result.json").write_text('{"format": "rmr-ben', encoding="utf-8")
    (tmp_path / "half" / "failure.json").write_text("[]", encoding="utf-8")
    evidence = read_evidence([tmp_path])
    assert len(evidence.results) == 2
    assert len(evidence.problems) == 2
    assert "half/result.json" in evidence.problems[0]
    coverage = compose(evidence, QUICK).table("coverage")
    assert coverage is not None
    assert any("half/result.json" in note for note in coverage.notes)


def test_failure_of_what_succeeded_later_is_forgotten(tmp_path: Path) -> None:
    results, failures = everything()
    write(tmp_path, results, failures)
    assert len(read_evidence([tmp_path]).failures) == 1
    write(tmp_path, [natural("pong", "fine_tuned", 0, 0.7)])
    assert read_evidence([tmp_path]).failures == ()


def test_failure_stays_when_another_setting_succeeded(tmp_path: Path) -> None:
    results, failures = everything()
    other = dataclasses.replace(natural("pong", "fine_tuned", 0, 0.7), key="b" * 12)
    write(tmp_path, [*results, other], failures)
    assert [one.key for one in read_evidence([tmp_path]).failures] == [failures[0].key]


def test_link_leads_to_the_setting_that_was_chosen(tmp_path: Path) -> None:
    for place, steps in enumerate((100, 200)):
        config = {"natural": {"loop": {"gradient_steps": steps}}}
        one = dataclasses.replace(natural("pong", "rmr", 0, 0.7, config=config), key="ab"[place] * 12)
        write(tmp_path, [one])
    (result,) = (found := read_evidence([tmp_path], choice(where=["natural.loop.gradient_steps=100"]))).results
    assert f"-{'a' * 12}/" in found.links[result.id, result.key]


def test_other_numbers_of_one_experiment_are_named(tmp_path: Path) -> None:
    write(tmp_path / "one", pairs("pong", [0.7], [0.6]))
    record = tmp_path / "other.jsonl.gz"
    record.write_bytes(to_record(pairs("pong", [0.8], [0.6])))
    evidence = read_evidence([tmp_path / "one", record])
    assert len(evidence.results) == 2
    (problem,) = evidence.problems
    assert problem.startswith("natural/pong/rmr/seed-0 differs between ")
    assert "one/natural/pong/rmr/seed-0" in problem
    assert "other.jsonl.gz: scores.readouts.few_labels.bit_f1.macro: 0." in problem
    coverage = compose(evidence, QUICK).table("coverage")
    assert coverage is not None
    assert problem in coverage.notes
    same = [dataclasses.replace(one, seconds={"wall": 1.0}) for one in pairs("pong", [0.7], [0.6])]
    record.write_bytes(to_record(same))
    assert read_evidence([tmp_path / "one", record]).problems == ()


def test_results_on_data_that_were_recorded_anew_are_not_paired_and_named(tmp_path: Path) -> None:
    results = pairs("pong", [0.7] * 3, [0.6] * 3)
    results[1] = dataclasses.replace(results[1], inputs={"data": "anew"})
    write(tmp_path, results)
    evidence = read_evidence([tmp_path])
    (problem,) = evidence.problems
    assert problem.startswith("natural/pong/rmr/seed-1 is on data that were recorded anew")
    first, second = (evidence.at("natural", "pong", arm) for arm in ("rmr", "c_swm"))
    assert mismatch(first[1], second[1]) == ["inputs.data: anew -> abc"]
    assert mismatch(first[0], second[0]) == []


def test_two_settings_of_one_experiment_need_a_choice(tmp_path: Path) -> None:
    short, long = ({"natural": {"loop": {"gradient_steps": steps}}} for steps in (100, 200))
    for key, config in (("a" * 12, short), ("b" * 12, long)):
        for one in pairs("pong", [0.7], [0.6], config=config):
            write(tmp_path, [dataclasses.replace(one, key=key)])
    with pytest.raises(ValueError, match="natural.loop.gradient_steps: 100 -> 200.*--where"):
        read_evidence([tmp_path])
    chosen = read_evidence([tmp_path], choice(where=["natural.loop.gradient_steps=200"]))
    assert {one.key for one in chosen.results} == {"b" * 12}
    profiles = [dataclasses.replace(one, profile="smoke", key="c" * 12) for one in pairs("boxing", [0.7], [0.6])]
    write(tmp_path / "p", [*profiles, *pairs("boxing", [0.7], [0.6])])
    with pytest.raises(ValueError, match="--profile quick or --profile smoke"):
        read_evidence([tmp_path / "p"])
    assert {one.profile for one in read_evidence([tmp_path / "p"], choice("smoke")).results} == {"smoke"}


def test_seeds_of_one_arm_under_two_settings_need_a_choice(tmp_path: Path) -> None:
    for seed, steps in enumerate((50_000, 10)):
        config = {"abstract": {"loop": {"gradient_steps": steps}}}
        write(tmp_path, [abstract("pong", "mpnn", seed, 0.8, config=config)])
    with pytest.raises(ValueError, match=r"seed-0 and .*seed-1; got .*gradient_steps: 50000 -> 10.*--where"):
        read_evidence([tmp_path])
    chosen = read_evidence([tmp_path], choice(where=["abstract.loop.gradient_steps=10"]))
    assert [one.seed for one in chosen.results] == [1]
    smoke = dataclasses.replace(abstract("pong", "mpnn", 2, 0.8, config={"abstract": {}}), profile="smoke")
    write(tmp_path / "p", [abstract("pong", "mpnn", 0, 0.8), smoke])
    with pytest.raises(ValueError, match="--profile quick or --profile smoke"):
        read_evidence([tmp_path / "p"])


def test_choice_of_nothing_says_what_there_is(tmp_path: Path) -> None:
    write(tmp_path, pairs("pong", [0.7], [0.6]))
    with pytest.raises(ValueError, match="none of 2; profiles quick"):
        read_evidence([tmp_path], choice("paper"))
    with pytest.raises(ValueError, match=r"got natural.loop.gradient_step. Did you mean natural.loop.gradient_steps\?"):
        read_evidence([tmp_path], choice(where=["natural.loop.gradient_step=200"]))
    with pytest.raises(ValueError, match="FIELD=VALUE"):
        choice(where=["natural"])
    with pytest.raises(ValueError, match="Expected results; got none in"):
        read_evidence([tmp_path / "empty"])
    with pytest.raises(ValueError, match="no such file"):
        read_evidence([tmp_path / "missing.jsonl.gz"])


def test_record_is_strict_json() -> None:
    lines = gzip.decompress(to_record(pairs("pong", [math.nan], [0.6]))).splitlines()
    assert len(lines) == 3
    for line in lines:
        json.loads(line, parse_constant=lambda name: pytest.fail(name))
