from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from rmr_gym.documents import read_json, write_json
from rmr_gym.pipeline.stage import (
    EPISODES,
    Stage,
    Stopwatch,
    begun_file,
    check_stage,
    exclusive,
    has_work,
    peak_memory_bytes,
)


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
    else:
        leave_a_state(tmp_path)
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
    leave_a_state(tmp_path)
    with pytest.raises(ValueError, match=r"Remove \S*result\.begun\.json and \S*state, and so"):
        Stage(tmp_path, {"processor": "bb"})


def test_call_that_was_refused_before_anything_was_made_binds_nobody(tmp_path: Path) -> None:
    Stage(tmp_path, {"threshold": 5.0})
    (tmp_path / "state").mkdir()  # empty: no update was made
    Stage(tmp_path, {"threshold": 0.6})
    assert read_json(begun_file(tmp_path)) == {"threshold": 0.6}
    leave_a_state(tmp_path)
    with pytest.raises(ValueError, match=r"threshold: 0\.6 -> 5\.0"):
        Stage(tmp_path, {"threshold": 5.0})
    assert Stage(tmp_path, {"threshold": 5.0}, work=()).finish({})["inputs"] == {"threshold": 5.0}


def test_probe_that_was_interrupted_binds_nobody_beside_a_finished_training(tmp_path: Path) -> None:
    Stage(tmp_path, {"arm": "rmr"}).finish({})
    Stage(tmp_path, {"epochs": 5}, result_name="probe.json", work=())
    again = Stage(tmp_path, {"epochs": 2}, result_name="probe.json", work=())
    assert again.finish({})["inputs"] == {"epochs": 2}
    assert has_work(tmp_path)
    assert not has_work(tmp_path / "elsewhere")


@pytest.mark.parametrize("name", ["ep-000000-aa.arrow", "state/7"])
def test_stage_is_bound_by_the_work_that_it_would_go_on_with(tmp_path: Path, name: str) -> None:
    Stage(tmp_path, {"seed": 0}, work=(EPISODES,))
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    bound = name.endswith(".arrow")
    assert has_work(tmp_path, (EPISODES,)) is bound
    with pytest.raises(ValueError, match="seed: 0 -> 1") if bound else nullcontext():
        check_stage(tmp_path, {"seed": 1}, work=(EPISODES,))
    assert read_json(begun_file(tmp_path)) == {"seed": 0}, "looking writes nothing"
    assert check_stage(tmp_path, {"seed": 0}, work=(EPISODES,)) is bound


def leave_a_state(folder: Path) -> None:
    """Leave what a training leaves that was interrupted."""
    (folder / "state" / "state-000000002").mkdir(parents=True, exist_ok=True)


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
    leave_a_state(tmp_path)
    assert Stage(tmp_path, {"config": {"steps": 5, "limit": None}, "arms": [{"a": 1, "b": None}]}).resumed
    with pytest.raises(ValueError, match="limit"):
        Stage(tmp_path, {"config": {"steps": 5, "limit": 1.0}, "arms": [{"a": 1}]})
