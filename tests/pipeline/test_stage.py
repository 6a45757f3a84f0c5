from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from rmr_gym.documents import write_json
from rmr_gym.pipeline.stage import Stage, Stopwatch, begun_file, exclusive, peak_memory_bytes


def test_stage_is_finished_exactly_when_its_result_is_there(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "stage", {"seed": 0})
    assert not stage.finished
    assert not stage.resumed
    result = stage.finish({"score": 1.5})
    assert result["score"] == 1.5
    again = Stage(tmp_path / "stage", {"seed": 0})
    assert again.finished
    assert again.result == result


def test_stage_leaves_its_inputs_in_the_result_only(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {"seed": 0, "sizes": (1, 2)})
    assert begun_file(tmp_path).exists()
    assert stage.finish({})["inputs"] == {"seed": 0, "sizes": [1, 2]}
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_stage_that_was_interrupted_knows_that_it_was_begun(tmp_path: Path) -> None:
    Stage(tmp_path, {"seed": 0})
    stage = Stage(tmp_path, {"seed": 0})
    assert stage.resumed
    assert stage.finish({})["timing"]["resumed"] is True


@pytest.mark.parametrize("finish", [True, False])
def test_stage_refuses_a_folder_of_other_inputs(tmp_path: Path, finish: bool) -> None:
    stage = Stage(tmp_path, {"loop": {"steps": 5}, "seed": 0})
    if finish:
        stage.finish({})
    with pytest.raises(ValueError, match=r"other settings: loop.steps: 5 -> 6. Repeat .* another --out"):
        Stage(tmp_path, {"loop": {"steps": 6}, "seed": 0})


def test_stage_whose_encoder_was_made_again_says_which_file_to_remove(tmp_path: Path) -> None:
    Stage(tmp_path, {"encoder": "aa", "seed": 0}, result_name="probe.json").finish({})
    with pytest.raises(ValueError, match=r"encoder: aa -> bb. What goes in was made again. Remove .*probe\.json"):
        Stage(tmp_path, {"encoder": "bb", "seed": 0}, result_name="probe.json")
    with pytest.raises(ValueError, match=r"Repeat the settings"):
        Stage(tmp_path, {"encoder": "bb", "seed": 1}, result_name="probe.json")


def test_stage_whose_processor_was_made_again_names_the_states_of_the_earlier_one(tmp_path: Path) -> None:
    Stage(tmp_path, {"processor": "aa"})
    (tmp_path / "state").mkdir()
    with pytest.raises(ValueError, match=r"Remove \S*result\.begun\.json and \S*state, and so"):
        Stage(tmp_path, {"processor": "bb"})


def test_stage_refuses_the_result_of_something_else(tmp_path: Path) -> None:
    write_json(tmp_path / "result.json", {"format": "rmr-result/1", "config": {}})
    with pytest.raises(ValueError, match="the result of a stage in .*result.json; got that of something else"):
        Stage(tmp_path, {"seed": 0})


def test_stage_measures_its_own_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {})
    time.sleep(0.02)
    assert stage.finish({})["timing"]["wall_seconds"] >= 0.02


def test_stages_that_ran_together_record_equal_shares_of_the_time(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {})
    time.sleep(0.4)
    timing = stage.finish({}, shared_by=4)["timing"]
    assert 0.1 <= timing["wall_seconds"] < 0.3
    assert timing["resumed"] is False


def test_stopwatch_tells_waiting_from_working() -> None:
    stopwatch = Stopwatch()
    time.sleep(0.05)
    read = stopwatch.read()
    assert read["wall_seconds"] >= 0.05
    assert read["cpu_seconds"] < 0.05


def test_peak_memory_is_that_of_a_python_process() -> None:
    assert 10**7 < peak_memory_bytes() < 10**11


def test_write_json_has_no_nan(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"a": float("nan"), "b": [float("inf")]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": None, "b": [None]}


def test_exclusive_refuses_a_folder_in_use_and_lets_go_when_the_user_is_killed(tmp_path: Path) -> None:
    code = textwrap.dedent(
        """
        import sys, time
        from rmr_gym.pipeline.stage import exclusive
        with exclusive(sys.argv[1]):
            print("held", flush=True)
            time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match="another process that is working in it"), exclusive(tmp_path):
            pytest.fail("two processes in one folder")
        other.kill()
    with exclusive(tmp_path):
        assert list(tmp_path.iterdir()) == []  # nothing is left lying about


def test_stage_goes_on_when_an_option_was_added_that_is_not_used(tmp_path: Path) -> None:
    Stage(tmp_path, {"config": {"steps": 5}, "arms": [{"a": 1}]})
    assert Stage(tmp_path, {"config": {"steps": 5, "limit": None}, "arms": [{"a": 1, "b": None}]}).resumed
    with pytest.raises(ValueError, match="limit"):
        Stage(tmp_path, {"config": {"steps": 5, "limit": 1.0}, "arms": [{"a": 1}]})
