from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rmr_gym.models import load_encoder, save_encoder
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.checkpoint import read_encoder_document
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.sb3.pretrained import title_from
from rmr_gym.sb3.training.networks import encoder_folder, put_encoder
from rmr_gym.sb3.training.standardising import play_randomly
from rmr_gym.sb3.training.tasks import make_task_env
from rmr_gym.seeding import derive, numpy_generator
from tests.sb3.training.small import small

PONG = small().where


@pytest.fixture(scope="module")
def scaled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder whose outputs are to start with a deviation; not to be changed."""
    with initial_weights(1):
        built = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=3, output_std=0.4).build()
    folder = tmp_path_factory.mktemp("scaled") / "encoder"
    return save_encoder(built, folder, game="pong", arm="rmr", seed=7, remark="trained")


def test_random_encoder_says_that_it_is_one(scaled: Path, tmp_path: Path) -> None:
    put_encoder(str(scaled), tmp_path, "random", 3, PONG)
    document = read_encoder_document(encoder_folder(tmp_path))
    assert document["facts"] == {"game": "pong", "arm": "random", "seed": 3}
    assert title_from("nature_cnn", document) == "nature_cnn, pong, random, seed 3"


def test_trained_encoder_keeps_what_is_known_of_it(scaled: Path, tmp_path: Path) -> None:
    put_encoder(str(scaled), tmp_path, "trained", 3, PONG)
    facts = read_encoder_document(encoder_folder(tmp_path))["facts"]
    assert facts == {"game": "pong", "arm": "rmr", "seed": 7, "remark": "trained"}


def test_random_encoder_varies_over_random_play_as_it_is_to_start(scaled: Path, tmp_path: Path) -> None:
    prints = [put_encoder(str(scaled), tmp_path / str(copy), "random", 3, PONG) for copy in range(2)]
    assert prints[0] == prints[1]
    encoder = load_encoder(encoder_folder(tmp_path / "0"))
    venv, seed = make_task_env(PONG, num_envs=8, seed=0), derive(3, "calibration") % 2**31
    seen = play_randomly(venv, numpy_generator(3, "calibration"), seed=seed, count=1_000)
    venv.close()
    with torch.no_grad():
        slots = encoder(torch.from_numpy(np.moveaxis(seen, -1, 1).copy()))
    assert len(slots) == 1_000
    torch.testing.assert_close(slots.mean(dim=0), torch.zeros(2, 3), atol=1e-3, rtol=0)
    assert slots.std(dim=0).max().item() == pytest.approx(0.4, rel=1e-3)
    assert slots.std(dim=0).median().item() == pytest.approx(0.4, rel=1e-3)


def test_random_encoder_of_another_architecture_is_refused(scaled: Path, encoder: Path, tmp_path: Path) -> None:
    first = put_encoder(str(scaled), tmp_path, "random", 3, PONG)
    assert put_encoder(str(scaled), tmp_path, "random", 3, PONG) == first
    with pytest.raises(ValueError, match="architecture of the encoder of .*'output_std': None"):
        put_encoder(str(encoder), tmp_path, "random", 3, PONG)
