from __future__ import annotations

import json

import pytest
import torch

from rmr_gym.pipeline import machine


def test_check_device_accepts_the_cpu() -> None:
    assert machine.check_device("cpu") == "cpu"


def test_check_device_says_that_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match=r"a device of this machine: cpu; got cuda .* sees 0 CUDA devices"):
        machine.check_device("cuda")


def test_check_device_counts_the_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert machine.check_device("cuda:1") == "cuda:1"
    with pytest.raises(ValueError, match="cpu, cuda:0, cuda:1; got cuda:2"):
        machine.check_device("cuda:2")


@pytest.mark.parametrize("device", ["gpu", "tpu", "mps"])
def test_check_device_refuses_other_devices(device: str) -> None:
    with pytest.raises(ValueError, match=f"got {device}"):
        machine.check_device(device)


def test_hardware_and_versions_are_json_without_private_facts() -> None:
    facts = machine.hardware()
    assert facts["cores"] >= 1
    assert facts["instructions"] == torch.backends.cpu.get_cpu_capability()
    assert facts["memory_bytes"] > 10**8
    assert "gpu" not in facts
    found = machine.versions()
    assert found["torch"] == torch.__version__.partition("+")[0] or found["torch"] == torch.__version__
    assert {"python", "numpy", "ale-py"} <= set(found)
    text = json.dumps([facts, found])
    assert "/" not in text.replace("x86_64", "")
