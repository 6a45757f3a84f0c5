"""What a cluster costs: sums worked out by hand, and trials that are run and not repeated."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from benchmarks.nodes.__main__ import main
from benchmarks.nodes.table import markdown
from benchmarks.nodes.trials import FORMAT, JsonObject, Trials, measure, summarise
from rmr_gym.documents import write_json
from tests.benchmarks.settings import TINY
from tests.benchmarks.test_costs import COSTS, MPNN


def trial(executor: str, nodes: int, wall: float, *spent: float) -> JsonObject:
    return {
        "executor": executor,
        "nodes": nodes,
        "repeat": 0,
        "wall_seconds": wall,
        "cluster_seconds": 7.0 if executor == "ray" else 0.0,
        "experiment_seconds": list(spent),
    }


RECORD: JsonObject = {
    "format": FORMAT,
    "game": "pong",
    "experiments": 4,
    "updates": 100,
    "predicted_seconds": 30.0,
    "machine": {"cores": 2, "processor": "slide rule"},
    "trials": [
        trial("local", 2, 100.0, 45.0, 50.0, 50.0, 45.0),
        trial("ray", 1, 170.0, 40.0, 40.0, 40.0, 40.0),
        trial("ray", 2, 110.0, 60.0, 40.0, 40.0, 45.0),
        trial("ray", 8, 84.0, 80.0, 80.0, 80.0, 80.0),
    ],
}


def test_rows_add_up() -> None:
    rows = {(row["executor"], row["nodes"]): row for row in summarise(RECORD)}
    # Two at a time: 45 and 50 begin together, the third begins at 45 and ends at 95, the fourth ends at 95, too.
    assert rows["local", 2]["lost"] == pytest.approx(100 - 95)
    assert rows["ray", 1]["lost"] == pytest.approx(170 - 160)
    # 60 and 40, then 40 from 40 to 80, then 45 from 60 to 105.
    assert rows["ray", 2]["lost"] == pytest.approx(110 - 105)
    assert rows["ray", 8]["lost"] == pytest.approx(84 - 80)
    assert rows["ray", 2]["beside_local"] == pytest.approx(1.1)
    assert rows["local", 2]["beside_local"] is None
    assert rows["ray", 8]["beside_local"] is None
    assert [rows["ray", nodes]["model"] for nodes in (1, 2, 8)] == [120.0, 60.0, 60.0], "eight nodes share two cores"
    assert [rows["ray", nodes]["model_from_one"] for nodes in (1, 2, 8)] == [160.0, 80.0, 80.0]


def test_median_is_taken_over_turns() -> None:
    turns = [{**RECORD["trials"][1], "repeat": turn, "wall_seconds": wall} for turn, wall in enumerate((161, 169, 200))]
    (row,) = summarise({**RECORD, "trials": turns})
    assert (row["repeats"], row["wall"], row["lost"]) == (3, 169, pytest.approx(9.0))


def test_table_says_what_ray_costs() -> None:
    text = markdown(RECORD)
    assert "| ray | 2 | 1 | 110 s | 5.0 s | 1.100 | 60 s (-45 %) | 80 s (-27 %) |" in text
    # Ten of 170 s on one node and 5 of 110 on two; eight nodes have no core of their own.
    assert "5.9 % of the time by the clock is lost with Ray at most, which is not less than the 5 %" in text
    assert "with the local executor 5.0 %" in text
    assert "took 7 s" in text


def test_trials_are_measured_once_and_stand_in_a_page(tmp_path: Path) -> None:
    path, said = tmp_path / "nodes.json", list[str]()
    trials = Trials(experiments=1, seconds=300.0, nodes=(), workers=(1,))
    record = measure(trials, path, base=MPNN, costs=COSTS, say=said.append)
    (found,) = record["trials"]
    # By the made-up unit costs 8 s an update, beside 49 s.
    assert (record["updates"], record["predicted_seconds"]) == (31, 297.0)
    assert record["command"].endswith("--experiments 1 --seconds 300 --repeats 1 --workers 1 --nodes ")
    assert 0 < max(found["experiment_seconds"]) < found["wall_seconds"]
    assert measure(trials, path, base=MPNN, costs=COSTS, say=said.append) == record
    assert len(said) == 1
    with pytest.raises(ValueError, match="experiments: 1 -> 3.*Pass another --out"):
        measure(dataclasses.replace(trials, experiments=3), path, base=TINY, costs=COSTS)
    page = tmp_path / "page.md"
    page.write_text("<!-- tables of nodes.json: begin --> old <!-- tables of nodes.json: end -->")
    assert main(["--out", str(path), "--page", str(page), "--show"]) == 0
    assert "| local | 1 | 1 |" in page.read_text()
    assert "old" not in page.read_text()


def test_numbers_that_make_no_sense_are_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path / "nodes.json"), "--experiments", "0"]) == 2
    assert "Expected numbers above 0" in capsys.readouterr().err
    write_json(tmp_path / "nodes.json", {"format": "rmr-result/1"})
    for show in ([], ["--show"]):
        assert main(["--out", str(tmp_path / "nodes.json"), *show]) == 2
        assert "Expected trials in format rmr-nodes/1" in capsys.readouterr().err
    write_json(tmp_path / "nodes.json", RECORD)
    assert main(["--out", str(tmp_path / "nodes.json"), "--show"]) == 0
    assert "| ray | 8 | 1 |" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # Ray leaves sockets and files to the garbage collector
def test_clusters_are_measured_too(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="the extra `ray` is not installed")
    trials = Trials(experiments=3, seconds=300.0, nodes=(1, 2), workers=(2,))
    record = measure(trials, tmp_path / "nodes.json", base=MPNN, costs=COSTS)
    assert [(one["executor"], one["nodes"]) for one in record["trials"]] == [("local", 2), ("ray", 1), ("ray", 2)]
    assert all(one["cluster_seconds"] > 0 for one in record["trials"] if one["executor"] == "ray")
    assert [row["beside_local"] is None for row in summarise(record)] == [True, True, False]
