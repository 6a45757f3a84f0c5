"""One record out of the results of all trainings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.control.arms import ARMS
from benchmarks.control.comparison import against_baseline, against_rmr, compare, describe
from benchmarks.control.curves import read_curves
from benchmarks.control.random_play import play_randomly
from benchmarks.control.sweep import FAILURE_FILE, RESULT_FILE
from rmr_gym.documents import differences, read_json
from rmr_gym.errors import explain
from rmr_gym.pipeline.machine import hardware, versions

FORMAT = "rmr-control/1"

JsonObject = dict[str, Any]


def make_record(*folders: Path, random_episodes: int = 20) -> JsonObject:
    """Read all finished trainings under some folders and compare them.

    Args:
        *folders: those that `python -m benchmarks.control run` filled, which may hold different tasks, arms or seeds.
        random_episodes: episodes of random play on each task.

    Raises:
        ValueError: when there is none, or trainings of one task do not belong together.
    """
    results = [read_json(path) for folder in folders for path in sorted(folder.glob(f"*/*/*/{RESULT_FILE}"))]
    if not results:
        fix = "Run `python -m benchmarks.control run` with this --out first."
        raise ValueError(explain(expected=f"finished trainings in {', '.join(map(str, folders))}", got="none", fix=fix))
    tasks = sorted({result["task"] for result in results})
    return {
        "format": FORMAT,
        "tasks": {
            task: _task([one for one in results if one["task"] == task], random_episodes=random_episodes)
            for task in tasks
        },
        "failures": [
            _failure(path, folder) for folder in folders for path in sorted(folder.glob(f"*/*/*/{FAILURE_FILE}"))
        ],
        "hardware": hardware(),
        "versions": versions(),
    }


def _task(results: Sequence[JsonObject], *, random_episodes: int) -> JsonObject:
    order = list(ARMS)
    results = sorted(results, key=lambda result: (order.index(result["arm"]), result["seed"]))
    _require_same_settings(results)
    curves = read_curves(results)
    task = results[0]["task"]
    return {
        "random_play": play_randomly(task, num_episodes=random_episodes),
        "arms": {
            arm: summary | _facts([one for one in results if one["arm"] == arm])
            for arm, summary in describe(curves).items()
        },
        "against_nature_cnn": compare(curves, against_baseline(curves)),
        "against_rmr": compare(curves, against_rmr(curves)),
        "settings": _shared(results[0]["settings"]),
    }


def _facts(results: Sequence[JsonObject]) -> JsonObject:
    """Return what is known of the trainings of an arm besides their returns."""
    timed = [result for result in results if result.get("processor_seconds") is not None]
    return {
        "features": results[0]["settings"]["features"] | ({"path": None} if results[0]["encoder"] else {}),
        "algorithm": results[0]["settings"]["algorithm"],
        "encoders": [result["encoder"] for result in results],
        "keys": [result["key"] for result in results],
        "trainable_parameters": results[0]["parameters"]["trainable"],
        "steps_per_second": _speed(results, "training_seconds"),
        "steps_per_processor_second": _speed(timed, "processor_seconds") if timed else None,
        "threads": sorted({result["threads"] for result in results}),
    }


def _speed(results: Sequence[JsonObject], seconds: str) -> float:
    """Return environment steps per second of all trainings together."""
    steps = sum(result["env_steps"] for result in results)
    return round(float(steps / sum(result[seconds] for result in results)), 1)


def _shared(settings: Mapping[str, Any]) -> JsonObject:
    return {name: value for name, value in settings.items() if name not in ("features", "algorithm", "seed")}


def _of_arm(settings: Mapping[str, Any]) -> JsonObject:
    """Return what the seeds of an arm share besides; the path stands for the encoder, which seeds take turns with."""
    features = {name: value for name, value in settings["features"].items() if name != "path"}
    return {"algorithm": settings["algorithm"], "features": features}


def _require_same_settings(results: Sequence[JsonObject]) -> None:
    firsts: dict[str, JsonObject] = {}
    for result in results:
        task, arm = result["task"], result["arm"]
        first = firsts.setdefault(arm, result)
        for what, one, settings in ((task, results[0], _shared), (f"{arm} on {task}", first, _of_arm)):
            changed = differences(settings(one["settings"]), settings(result["settings"]))
            if changed:
                got = f"{_folder(result)} with others than {_folder(one)}: {'; '.join(changed)}"
                fix = "Remove the folders of one of both."
                raise ValueError(explain(expected=f"one setting for all of {what}", got=got, fix=fix))


def _folder(result: JsonObject) -> str:
    return f"{result['task']}/{result['arm']}/seed-{result['seed']}-{result['key']}"


def _failure(path: Path, out: Path) -> JsonObject:
    return {"training": str(path.parent.relative_to(out)), "error": read_json(path)["error"]}
