"""Processes of this machine: what they return, how they die, and that none of them outlives its parent."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.executors.choosing import EXECUTORS, Resources, usable_cores
from benchmarks.executors.interface import Job
from benchmarks.executors.local import LocalExecutor
from benchmarks.runner import run_jobs
from tests.benchmarks import jobs

ROOT = Path(__file__).parents[2]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.touch()
    return path


def test_dead_workers_cost_their_own_job_and_no_other(journal: Path) -> None:
    planned = [
        Job(name="threads", function=jobs.threads),
        Job(name="killed once", function=jobs.die, arguments=("once", journal, 1)),
        Job(name="always killed", function=jobs.die, arguments=("always", journal)),
        Job(name="raises", function=jobs.fail, arguments=("raises", journal)),
        Job(name="fine", function=jobs.note, arguments=("fine", journal)),
    ]
    values = {}
    with LocalExecutor([{"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "1"}]) as executor:
        tally = run_jobs(planned, executor, on_event=lambda event: values.update({event.job.name: event.outcome.value}))
    assert sorted(tally.succeeded) == ["fine", "killed once", "threads"]
    assert values["threads"] == "1"
    assert values["fine"] == "FINE"
    assert tally.failed == {
        "always killed": "the process died: signal 9, as when it is killed or the memory is full",
        "raises": "RuntimeError: raises is broken",
    }
    assert journal.read_text().split().count("always") == 2


def test_workers_have_their_threads_where_the_main_script_imports_pytorch(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import torch\n"
        "from benchmarks.executors.interface import Job\n"
        "from benchmarks.executors.local import LocalExecutor\n"
        "if __name__ == '__main__':\n"
        "    with LocalExecutor([dict.fromkeys(['OMP_NUM_THREADS', 'MKL_NUM_THREADS'], '1')]) as executor:\n"
        "        executor.submit(Job(name='threads', function=torch.get_num_threads))\n"
        "        print(executor.wait()[0].value)\n"
    )
    threads = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
    environment = {**os.environ, **threads, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


def test_worker_that_was_killed_while_it_was_idle_is_replaced(journal: Path) -> None:
    with LocalExecutor([{}]) as executor:
        for name in ("first", "second"):
            executor.submit(Job(name=name, function=jobs.note, arguments=(name, journal)))
            assert [outcome.value for outcome in executor.wait()] == [name.upper()]
            if name == "first":
                (worker,) = executor.process_ids
                os.kill(worker, signal.SIGKILL)
                wait_for_end(worker)


def test_function_that_cannot_be_imported_is_an_error_of_its_job(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs.note, "__qualname__", "there_is_no_such_function")
    monkeypatch.setattr(jobs, "there_is_no_such_function", jobs.note, raising=False)
    with LocalExecutor([{}]) as executor:
        executor.submit(Job(name="a", function=jobs.note, arguments=("a", journal)))
        (outcome,) = executor.wait()
    assert outcome.name == "a"
    assert outcome.error is not None
    assert "there_is_no_such_function" in outcome.error


def test_job_that_is_abandoned_is_ended_and_makes_room(journal: Path) -> None:
    with LocalExecutor([{}]) as executor:
        executor.submit(Job(name="a", function=jobs.sleep, arguments=("a", journal)))
        worker = int(wait_for(journal).split(":")[1])
        executor.abandon("a")
        wait_for_end(worker)
        executor.submit(Job(name="b", function=jobs.note, arguments=("b", journal)))
        assert [outcome.value for outcome in executor.wait()] == ["B"]


SCRIPT = """
import sys
from pathlib import Path
from benchmarks.executors.interface import Job
from benchmarks.executors.local import LocalExecutor
from tests.benchmarks import jobs
if __name__ == "__main__":
    executor = LocalExecutor([{}])
    executor.submit(Job(name="a", function=jobs.sleep, arguments=("a", Path(sys.argv[1]))))
    executor.wait()
"""


def test_workers_die_with_their_parent_however_it_dies(journal: Path, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(SCRIPT)
    parent = subprocess.Popen([sys.executable, str(script), str(journal)], env=os.environ | {"PYTHONPATH": str(ROOT)})
    worker = int(wait_for(journal).split(":")[1])
    parent.kill()
    parent.wait()
    wait_for_end(worker)


def wait_for(journal: Path) -> str:
    deadline = time.monotonic() + 60
    while not journal.read_text().endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return journal.read_text().strip()


def wait_for_end(process: int) -> None:
    deadline = time.monotonic() + 60
    while alive(process):
        assert time.monotonic() < deadline, "the process lives on"
        time.sleep(0.05)


def alive(process: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        state = Path(f"/proc/{process}/stat").read_text()
        threads = list(Path(f"/proc/{process}/task").iterdir())  # others may end after the first, and hold its pipes
        return ") Z" not in state or len(threads) > 1  # nobody waits for an orphan in some containers
    return False


def test_resources_decide_on_the_number_of_workers() -> None:
    assert EXECUTORS["local"](Resources()).num_slots == usable_cores()
    assert EXECUTORS["local"](Resources(threads=10_000)).num_slots == 1
    assert EXECUTORS["local"](Resources(workers=7)).num_slots == 7
    assert EXECUTORS["serial"](Resources(workers=7)).num_slots == 1


@pytest.mark.parametrize(
    ("resources", "message"), [({"workers": 0}, "at least 1 worker"), ({"device": "tpu"}, "cpu.*cuda.*tpu")]
)
def test_resources_that_make_no_sense_are_refused(resources: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Resources(**resources)  # type: ignore[arg-type]
