"""The suite of speed comparisons: processes, record, resuming, tables, page and command line."""

from __future__ import annotations

import ast
import importlib.util
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.performance.__main__ import main
from benchmarks.performance.harness import Comparison, Spread
from benchmarks.performance.page import NO_RECORD, update_page, with_tables
from benchmarks.performance.record import code_version
from benchmarks.performance.report import as_markdown, as_table
from benchmarks.performance.scaling_figure import FIGURE
from benchmarks.performance.settings import Settings
from benchmarks.performance.subjects import EXTRAS, SUBJECTS, Subject
from benchmarks.performance.suite import PAGE, RECORD, SuiteConfig, failures, measure_subject, run
from rmr_gym.program import FAILED, USER_ERROR

ROOT = Path(__file__).parents[2]

COMPARE = """
import os, pathlib
from benchmarks.performance.harness import Comparison, Spread

def measure(settings):
    with open({log!r}, "a") as log:
        log.write("x")
    record = pathlib.Path({record!r})
    spread = Spread(median=settings.repeats, lowest=0.5, highest=9.0)
    what = f"{{record.exists() and record.read_text().count('status')}} entries, quick {{settings.quick}}"
    return [Comparison(what=what, ours="a", peer="b", figure=spread, bar=2.0, note=str(os.getpid()))]
"""


@pytest.fixture
def subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Subject]:
    """Make a subject out of the text of its module."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def make(name: str, text: str, *, needs: tuple[str, ...] = ()) -> Subject:
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
        return Subject(module=name, about=f"the {name}", seconds=0, needs=needs)

    return make


@pytest.fixture
def subjects(tmp_path: Path, subject: Callable[..., Subject]) -> dict[str, Subject]:
    """Two subjects that count how often they are run."""
    record = str(tmp_path / "record.json")
    texts = {name: COMPARE.format(log=str(tmp_path / f"{name}.log"), record=record) for name in ("wrapper", "loading")}
    return {name: subject(f"fake_{name}", text) for name, text in texts.items()}


def times_run(tmp_path: Path) -> tuple[int, ...]:
    """How often the first and the second subject were run."""
    logs = [tmp_path / f"{name}.log" for name in ("wrapper", "loading")]
    return tuple(len(log.read_text(encoding="utf-8")) if log.exists() else 0 for log in logs)


def test_suite_runs_each_subject_in_a_process_of_its_own_and_writes_at_once(
    tmp_path: Path, subjects: dict[str, Subject]
) -> None:
    out, shown = tmp_path / "record.json", io.StringIO()
    config = SuiteConfig(out=out, repeats=3, quick=True)
    document = run(config, console=Console(file=shown, width=200), subjects=subjects)
    assert document == json.loads(out.read_text(encoding="utf-8"))
    first, second = (document["subjects"][name]["results"][0] for name in ("wrapper", "loading"))
    assert (first["what"], second["what"]) == ("False entries, quick True", "1 entries, quick True")
    assert first["note"] != second["note"]
    assert first["figure"] == {"median": 3, "lowest": 0.5, "highest": 9.0}
    assert first["passed"] is True
    assert document["command"] == "python -m benchmarks.performance --repeats 3 --quick"
    assert {"cores", "threads", "processor"} <= document["machine"]["hardware"].keys()
    assert {"torch", "torch-scatter", "scikit-learn"} <= document["machine"]["versions"].keys()
    entry = document["subjects"]["wrapper"]
    assert entry["settings"] == {"repeats": 3, "quick": True, "device": "cpu"}
    assert entry["load_before"] >= 0
    assert document["seconds"] == pytest.approx(sum(one["seconds"] for one in document["subjects"].values()))
    assert str(tmp_path) not in out.read_text(encoding="utf-8")
    assert "loading: 1 results in" in shown.getvalue()


def test_suite_goes_on_after_a_failure_and_names_missing_packages(
    tmp_path: Path, subject: Callable[..., Subject], subjects: dict[str, Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EXTRAS, "no_such_package", "scatter")
    broken = {
        "absent": subject("absent", "", needs=("no_such_package", "h5py")),
        "breaks": subject("breaks", f"def measure(settings):\n    raise OSError('no {tmp_path}/x')"),
        "nowhere": Subject(module="no_such_module", about="", seconds=0),
        "killed": subject("killed", "import os\ndef measure(settings):\n    os.kill(os.getpid(), 9)"),
    }
    shown = io.StringIO()
    config = SuiteConfig(out=tmp_path / "record.json")
    document = run(config, console=Console(file=shown, width=200), subjects=broken | subjects)
    entries = document["subjects"]
    assert [entry["status"] for entry in entries.values()] == ["not run", *["failed"] * 3, *["measured"] * 2]
    assert 'needs no_such_package: pip install --no-build-isolation -e ".[scatter]"' in entries["absent"]["reason"]
    assert entries["breaks"]["error"].startswith("exit status 1: OSError: no ")
    assert entries["nowhere"]["error"].endswith("No module named 'no_such_module'")
    assert entries["killed"]["error"] == "ended by SIGKILL"
    assert failures(document) == ["breaks", "nowhere", "killed"]
    assert failures(document, ["wrapper", "killed"]) == ["killed"]
    assert "Traceback" in shown.getvalue()
    assert "output" not in entries["breaks"]
    markdown = as_markdown(document)
    assert "| absent: the absent |  |  |  |  | not run | 1 |" in markdown
    assert "| breaks: the breaks |  |  |  |  | failed | 2 |" in markdown
    assert "4. killed: ended by SIGKILL" in markdown


def test_subject_that_hangs_is_ended(subject: Callable[..., Subject]) -> None:
    hangs = subject("hangs", "import time\ndef measure(settings):\n    time.sleep(600)")
    entry = measure_subject(hangs, Settings(), shortest_limit=0.5)
    assert (entry["status"], entry["error"]) == ("failed", "not finished after 0 s")
    assert 0.5 <= entry["seconds"] < 60


def test_processes_that_a_subject_leaves_are_ended(tmp_path: Path, subject: Callable[..., Subject]) -> None:
    text = "import pathlib, subprocess\ndef measure(settings):\n"
    text += f"    pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(subprocess.Popen(['sleep', '600']).pid))\n"
    entry = measure_subject(subject("leaves", text + "    return []"), Settings())
    assert entry["status"] == "measured"
    status = Path("/proc", (tmp_path / "pid").read_text(encoding="utf-8"), "status")
    for _ in range(50):
        # One that has ended may wait for init to take notice.
        if not status.exists() or "State:\tZ" in status.read_text(encoding="utf-8"):
            break
        time.sleep(0.1)
    else:
        pytest.fail("sleep is still running")


def test_resume_measures_what_is_missing_failed_or_other(
    tmp_path: Path, subject: Callable[..., Subject], subjects: dict[str, Subject]
) -> None:
    out = tmp_path / "record.json"
    run(SuiteConfig(out=out), subjects=subjects | {"wrapper": subject("fails", "")})
    assert times_run(tmp_path) == (0, 1)
    run(SuiteConfig(out=out, resume=True), subjects=subjects)
    assert times_run(tmp_path) == (1, 1)
    before = json.loads(out.read_text(encoding="utf-8"))
    assert list(before["subjects"]) == ["wrapper", "loading"]
    assert run(SuiteConfig(out=out, resume=True), subjects=subjects) == before
    assert times_run(tmp_path) == (1, 1)
    run(SuiteConfig(out=out, resume=True, repeats=4), subjects=subjects)
    assert times_run(tmp_path) == (2, 2)
    changed = json.loads(out.read_text(encoding="utf-8"))
    changed["subjects"]["loading"]["code"]["source"] = "that of yesterday"
    out.write_text(json.dumps(changed), encoding="utf-8")
    run(SuiteConfig(out=out, resume=True, repeats=4), subjects=subjects)
    assert times_run(tmp_path) == (2, 3)
    run(SuiteConfig(out=out), subjects=subjects)
    assert times_run(tmp_path) == (3, 4)


def test_only_measures_some_and_keeps_the_others(tmp_path: Path, subjects: dict[str, Subject]) -> None:
    out = tmp_path / "record.json"
    before = run(SuiteConfig(out=out), subjects=subjects)["subjects"]
    after = run(SuiteConfig(out=out, only=("wrapper",), repeats=7), subjects=subjects)["subjects"]
    assert times_run(tmp_path) == (2, 1)
    assert after["loading"] == before["loading"]
    assert after["wrapper"]["settings"]["repeats"] == 7


def test_record_of_another_machine_is_refused(tmp_path: Path, subjects: dict[str, Subject]) -> None:
    out = tmp_path / "record.json"
    document = run(SuiteConfig(out=out), subjects=subjects)
    document["machine"]["hardware"]["memory_bytes"] += 1  # as after an update of the kernel: the same machine
    out.write_text(json.dumps(document), encoding="utf-8")
    run(SuiteConfig(out=out, only=("wrapper",)), subjects=subjects)
    document["machine"]["versions"]["torch"] = "1.0"
    text = json.dumps(document)
    out.write_text(text, encoding="utf-8")
    for options in ({"resume": True}, {"only": ("wrapper",)}):
        with pytest.raises(ValueError, match="torch.*1.0.*Pass another --out"):
            run(SuiteConfig(out=out, **options), subjects=subjects)  # type: ignore[arg-type]
    assert out.read_text(encoding="utf-8") == text


def test_code_version_changes_with_what_measures_and_not_with_what_shows(tmp_path: Path) -> None:
    for name in ("rmr_gym/envs/atari.py", "benchmarks/performance/steps.py", "benchmarks/performance/report.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n", encoding="utf-8")
    first = code_version(tmp_path)
    assert first["commit"] is None
    (tmp_path / "benchmarks/performance/report.py").write_text("x = 2\n", encoding="utf-8")
    assert code_version(tmp_path) == first
    (tmp_path / "benchmarks/performance/steps.py").write_text("x = 2\n", encoding="utf-8")
    second = code_version(tmp_path)["source"]
    (tmp_path / "rmr_gym/envs/atari.py").rename(tmp_path / "rmr_gym/envs/console.py")
    assert len({first["source"], second, code_version(tmp_path)["source"]}) == 3


def test_config_writes_to_the_documentation_only_what_belongs_there() -> None:
    default = SuiteConfig()
    assert (default.record, default.figures_folder) == (RECORD, Path("docs/images"))
    quick = SuiteConfig(quick=True)
    assert quick.record != RECORD
    assert quick.figures_folder == quick.record.parent
    other = SuiteConfig(out=Path("runs/x.json"))
    assert (other.record, other.figures_folder) == (Path("runs/x.json"), Path("runs"))
    assert SuiteConfig(only=("steps",), device="cpu", out=Path("x.json")).command == (
        "python -m benchmarks.performance --only steps"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [({"only": ("message",)}, "Did you mean 'messages'"), ({"device": "tpu"}, "cpu"), ({"repeats": 0}, "at least 1")],
)
def test_config_refuses_bad_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SuiteConfig(**options)


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_subject_leads_to_a_function_and_to_extras(name: str) -> None:
    spec = importlib.util.find_spec(SUBJECTS[name].module)
    assert spec is not None, f"no module {SUBJECTS[name].module}"
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    assert "measure" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert set(SUBJECTS[name].needs) <= EXTRAS.keys()


def document_of(*comparisons: Comparison) -> dict[str, Any]:
    hardware = {"processor": "CPU", "cores": 2, "threads": 1, "memory_bytes": 2**33}
    conditions = {"settings": {"repeats": 5, "quick": False, "device": "cpu"}, "code": {"commit": "0123456789abc"}}
    results = [comparison.as_json() for comparison in comparisons]
    curve = {"panel": "slots", "variant": "ours", "work": "messages", "exponent": 1.954, "ended": ""}
    points = [{"size": size, "seconds": {"median": size / 1000}} for size in (32, 1024)]
    results += [curve | {"points": points}, curve | {"points": points, "variant": "dense", "ended": "2048 too slow"}]
    return {
        "machine": {"hardware": hardware, "versions": {"python": "3.11", "torch": "2.8"}},
        "seconds": 61.0,
        "subjects": {"messages": {"status": "measured", "about": "messages", "results": results, **conditions}},
    }


FAST = Comparison(
    what="mean | max",
    ours="a",
    peer="b",
    figure=Spread(median=12.345, lowest=11.0, highest=1234.5),
    bar=8.0,
    note="warm",
)
LARGE = Comparison(
    what="memory",
    ours="a",
    peer="b",
    figure=Spread(median=0.0612, lowest=0.06, highest=0.07),
    unit="of it",
    bar=0.05,
    direction="at most",
    note="warm",
)
PLAIN = Comparison(what="seconds", ours="a", peer="c", figure=Spread(median=1.0, lowest=1.0, highest=1.0), unit="s")

EXPECTED = """\
CPU, 2 cores, 1 threads, 8 GB, python 3.11, torch 2.8; 5 repeats, 61 s in all, code of 0123456789.

| what | ours | beside | median [lowest..highest] | bar | verdict | note |
|---|---|---|---|---|---|---|
| mean \\| max | a | b | 12.3x [11..1,234] | ≥ 8x | met | 1 |
| memory | a | b | 0.0612 of it [0.06..0.07] | ≤ 0.05 of it | missed | 1 |
| seconds | a | c | 1 s [1..1] |  |  |  |

1. warm

| seconds of | against | variant | from | to | exponent | ended |
|---|---|---|---|---|---|---|
| messages | slots | ours | 0.032 s at 32 | 1.02 s at 1,024 | 1.95 |  |
|  |  | dense | 0.032 s at 32 | 1.02 s at 1,024 | 1.95 | 2048 too slow |
"""


def test_markdown_shows_figures_bars_and_notes() -> None:
    assert as_markdown(document_of(FAST, LARGE, PLAIN)) == EXPECTED


def test_figures_of_tiny_sizes_are_not_held_against_the_bars() -> None:
    document = document_of(FAST)
    document["subjects"]["messages"]["settings"]["quick"] = True
    markdown = as_markdown(document)
    assert "the figures mean nothing" in markdown
    assert "| ≥ 8x |  | 1 |" in markdown


def test_table_shows_the_same_on_a_terminal() -> None:
    shown = io.StringIO()
    Console(file=shown, width=160).print(as_table(document_of(FAST, LARGE, PLAIN)))
    lines = [" ".join(line.split()) for line in shown.getvalue().splitlines()]
    assert "what ours beside median [lowest..highest] bar verdict note" in lines
    assert "mean | max a b 12.3x [11..1,234] ≥ 8x met 1" in lines
    assert "memory a b 0.0612 of it [0.06..0.07] ≤ 0.05 of it missed 1" in lines
    assert "[1] warm" in lines
    assert "dense 0.032 s at 32 1.02 s at 1,024 1.95 2048 too slow" in lines


def test_page_takes_the_tables_and_the_figure(tmp_path: Path) -> None:
    record, page = tmp_path / "record.json", tmp_path / "page.md"
    begin, end = "<!-- tables of record.json: begin -->", "<!-- tables of record.json: end -->"
    page.write_text(f"# Title\n\n{begin}\nold\n{end}\n\nEnd\n", encoding="utf-8")
    update_page(page, record)
    assert page.read_text(encoding="utf-8") == f"# Title\n\n{begin}\n\n{NO_RECORD}\n{end}\n\nEnd\n"
    record.write_text(json.dumps(document_of(FAST, LARGE, PLAIN)), encoding="utf-8")
    update_page(page, record)
    text = page.read_text(encoding="utf-8")
    assert EXPECTED in text
    assert f"(images/{FIGURE})\n\n{end}\n\nEnd\n" in text
    assert with_tables(text, record) == text
    for wrong in ("no marks", f"{begin}{end}{begin}{end}", f"{end}{begin}"):
        with pytest.raises(ValueError, match="Add the marks"):
            with_tables(wrong, record)


def test_page_of_the_documentation_shows_the_record() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert with_tables(text, ROOT / RECORD) == text


def test_main_measures_a_real_subject_shows_it_and_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "new" / "record.json"
    arguments = ["--only", "scaling", "--quick", "--repeats", "2", "--out", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "messages, forward + backward" in printed
    assert "the figures mean nothing" in " ".join(printed.split())
    assert (out.parent / FIGURE).read_bytes().startswith(b"\x89PNG")
    assert main(["show", str(out), "--markdown", "--figures", str(tmp_path)]) == 0
    assert capsys.readouterr().out == as_markdown(json.loads(out.read_text(encoding="utf-8")))
    assert (tmp_path / FIGURE).exists()


def test_main_returns_a_status_for_failures_and_mistakes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise OSError('broken')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # for the worker alone: numpy is imported here already
    arguments = ["--only", "scaling", "--quick", "--out", str(tmp_path / "record.json")]
    assert main(arguments) == FAILED
    assert "Failed: scaling." in capsys.readouterr().out
    document = json.loads((tmp_path / "record.json").read_text(encoding="utf-8"))
    document["machine"]["hardware"]["cores"] = 1000
    (tmp_path / "record.json").write_text(json.dumps(document), encoding="utf-8")
    assert main(arguments) == USER_ERROR
    assert "Pass another --out" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main(["--only", "scalling"])
    assert stop.value.code == USER_ERROR
    assert "Did you mean 'scaling'?" in capsys.readouterr().err
