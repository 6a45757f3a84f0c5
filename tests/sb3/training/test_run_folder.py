"""Folders of trainings whose encoder is found elsewhere than at first."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from rmr_gym.models import save_encoder
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.sb3.training import AgentConfig, EncoderFeatures, read_config, read_evaluations, train_agent
from tests.sb3.training.small import ONCE, StopError, small, stop_at


def through(folder: Path | str) -> AgentConfig:
    return small(features=EncoderFeatures(path=str(folder), projection=8), evaluation=ONCE)


@pytest.fixture
def begun(encoder: Path, tmp_path: Path) -> Path:
    """A training that was killed after its first checkpoint, and its encoder beside it."""
    shutil.copytree(encoder, tmp_path / "encoder")
    with pytest.raises(StopError):
        train_agent(through(tmp_path / "encoder"), tmp_path / "agent", on_progress=stop_at(20))
    return tmp_path / "agent"


def test_encoder_may_be_moved_or_named_otherwise(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (begun.parent / "encoder").rename(begun.parent / "moved")
    monkeypatch.chdir(begun.parent)
    assert train_agent(through("moved"), begun)["env_steps"] == 48
    assert [record["env_steps"] for record in read_evaluations(begun)] == [0, 48]
    assert train_agent(through(begun.parent / "moved"), begun)["env_steps"] == 48, "finished"
    assert read_config(begun).features == through(begun.parent / "encoder").features


@pytest.mark.parametrize("finished", [False, True])
def test_another_encoder_is_refused(finished: bool, begun: Path) -> None:
    if finished:
        train_agent(through(begun.parent / "encoder"), begun)
    with initial_weights(7):
        other = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3).build()
    save_encoder(other, begun.parent / "other")
    with pytest.raises(ValueError, match=r"the encoder of .*agent, fingerprint \w+; got one of fingerprint"):
        train_agent(through(begun.parent / "other"), begun)


def test_another_name_without_an_encoder_to_compare_is_refused(begun: Path) -> None:
    with pytest.raises(ValueError, match="features.path: .*encoder -> nowhere"):
        train_agent(through("nowhere"), begun)
    shutil.copytree(begun.parent / "encoder", begun.parent / "copy")
    changed = dataclasses.replace(through(begun.parent / "copy"), seed=1)
    with pytest.raises(ValueError, match="seed: 0 -> 1"):
        train_agent(changed, begun)
