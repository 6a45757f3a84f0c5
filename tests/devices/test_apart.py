"""Nothing mixes tensors of two devices: whole chains on a device apart, whose results are those of the CPU."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not shutil.which("g++") or not shutil.which("ninja"), reason="no compiler or no ninja"),
]


def run(*words: str) -> str:
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("build")


def test_device_refuses_what_cuda_refuses(build: Path) -> None:
    code = f"""
import os
import torch
from pathlib import Path
from tests.devices.apart import register
register(Path({str(build)!r}))
here, apart = torch.ones(5, 4), torch.ones(5, 4, device="apart")
layer = torch.nn.Linear(4, 3).to("apart")
attempts = [
    lambda: here + apart,
    lambda: layer(here),
    lambda: torch.cat([here, apart]),
    lambda: torch.where(apart > 0, apart, here),
    lambda: apart.numpy(),
    lambda: torch.rand(3, device="apart", generator=torch.Generator()),
]
for number, attempt in enumerate(attempts):
    try:
        attempt()
    except (RuntimeError, TypeError, NotImplementedError):
        print("refused", number)
layer(apart).sum().backward()
print(layer.weight.grad.device, (apart[torch.tensor([0])] * torch.tensor(2.0)).sum().item(), flush=True)
os._exit(0)  # PyTorch's thread for backward passes on a device of an extension may abort the end of the interpreter
"""
    assert run("-c", code).splitlines()[-7:] == [*(f"refused {number}" for number in range(6)), "apart:0 8.0"]


@pytest.mark.parametrize(
    "options",
    [
        ["--arms", "rmr", "c_swm", "fine_tuned", "frozen_identity", "untrained", "supervised", "--together", "no"],
        ["--arms", "rmr", "frozen_random", "frozen_permuted", "anchored", "--num-seeds", "2", "--together", "yes"],
        ["--arms", "rmr", "--abstract.processor", "deep_sets", "--natural.objective", "info_nce"],
        ["--arms", "c_swm", "--abstract.processor", "mlp", "--natural.objective", "hinge"],
        ["--arms", "rmr", "fine_tuned", "--abstract.processor.reduction", "max", "--together", "yes"],
    ],
    ids=["one by one", "together", "deep sets", "mlp", "maximum"],
)
def test_chain_gives_the_results_of_the_cpu(options: list[str], build: Path, tmp_path: Path) -> None:
    words = ["run", "pong", "--profile", "smoke", *options, "--out"]
    run("-m", "rmr_gym.cli", *words, str(tmp_path / "cpu"))
    run("-m", "tests.devices.apart", str(build), "rmr-gym", *words, str(tmp_path / "apart"), "--device", "apart")
    here, apart = (json.loads((tmp_path / name / "result.json").read_text()) for name in ("cpu", "apart"))
    for arm, by_seed in here["natural"]["arms"].items():
        for seed, record in by_seed.items():
            other = apart["natural"]["arms"][arm][seed]
            assert other["training"] == pytest.approx(record["training"], rel=0.02, abs=1e-3)
            for name, readout in record["readouts"].items():
                assert other["readouts"][name]["bit_f1"] == pytest.approx(readout["bit_f1"], abs=0.02)


def test_balls_give_the_results_of_the_cpu(build: Path, tmp_path: Path) -> None:
    words = ["balls", "run", "--profile", "smoke", "--arms", "rmr", "end_to_end", "--out"]
    run("-m", "rmr_gym.cli", *words, str(tmp_path / "cpu"))
    run("-m", "tests.devices.apart", str(build), "rmr-gym", *words, str(tmp_path / "apart"), "--device", "apart")
    here, apart = (json.loads((tmp_path / name / "result.json").read_text())["natural"] for name in ("cpu", "apart"))
    for arm in ("rmr", "end_to_end"):
        scores, others = (found["arms"][arm]["0"]["pictures"] for found in (here, apart))
        assert others["mse"] == pytest.approx(scores["mse"], rel=0.02)


def test_balls_are_squeezed(build: Path, tmp_path: Path) -> None:
    words = ["rmr-gym", "balls", "bottleneck", "--profile", "smoke", "--widths", "4", "--out", str(tmp_path / "out")]
    run("-m", "tests.devices.apart", str(build), *words, "--device", "apart")


def test_agents_are_trained_and_evaluated(build: Path, tmp_path: Path) -> None:
    few = ["--num-seeds", "1", "--arms", "rmr"]
    run("-m", "rmr_gym.cli", "run", "pong", "--profile", "smoke", *few, "--out", str(tmp_path / "run"))
    start = ["-m", "tests.devices.apart", str(build)]
    brief = ["--steps", "32", "--algo.num-envs", "2", "--algo.n-steps", "8", "--algo.batch-size", "8"]
    brief += [
        "--evaluation.num-episodes",
        "1",
        "--evaluation.num-final-episodes",
        "1",
        "--evaluation.max-frames",
        "200",
    ]
    encoder = ["--encoder", str(tmp_path / "run" / "encoders" / "rmr" / "seed-0")]
    for features in (["nature_cnn"], ["encoder", *encoder], ["fine_tuned", *encoder], ["ram"]):
        out = str(tmp_path / features[0])
        words = ["--features", *features, *brief, "--out", out, "--device", "apart"]
        run(*start, "agents.train", "--game", "pong", *words)
        run(*start, "agents.evaluate", out, "--episodes", "1", "--device", "apart")
