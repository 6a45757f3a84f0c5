"""Parts that somebody adds with one line in a registry go through everything, as CONTRIBUTING.md promises."""

from pathlib import Path

from rmr_gym.documents import read_json
from tests.warm_python import run_python

PARTS = [
    *("--abstract.processor", "scaled", "--abstract.processor.dropout", "0.2", "--natural.encoder", "tiles"),
    *("--probe.linear", "majority", "--probe.linear-on-few", "majority"),
]


def own(*words: str) -> str:
    done = run_python("-m", "tests.own_parts", *words, *PARTS, "--profile", "smoke", folder=Path.cwd())
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_benchmark_predicts_and_runs_parts_of_ones_own(tmp_path: Path) -> None:
    words = ["benchmarks", "run", "table1", "--games", "pong", "--seeds", "0", "--arms", "rmr,c_swm"]
    places = ["--out", str(tmp_path / "out"), "--executor", "serial"]
    predicted = own(*words, *places, "--dry-run")
    assert "1 x abstract scaled" in predicted
    assert "s of one core: data" in predicted
    assert not (tmp_path / "out").exists()
    assert "3 of 3 results are there" in own(*words, *places)


def test_run_repeats_exactly_with_parts_that_draw_random_numbers(tmp_path: Path) -> None:
    weights = []
    for name in ("first", "second"):
        out = tmp_path / name
        own("rmr-gym", "run", "pong", "--arms", "rmr", "c_swm", "--out", str(out))
        result = read_json(out / "result.json")
        assert result["config"]["abstract"]["processor"] == {"type": "scaled", "slot_dim": 64, "dropout": 0.2}
        files = sorted(out.rglob("*.safetensors"))
        assert {file.relative_to(out).parts[:2] for file in files} >= {("encoders", "rmr"), ("encoders", "c_swm")}
        weights.append({str(file.relative_to(out)): file.read_bytes() for file in files})
    assert weights[0] == weights[1]
