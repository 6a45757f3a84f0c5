from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rmr_gym.models import (
    InteractionModel,
    Prediction,
    TrajectoryModel,
    fingerprint,
    load_encoder,
    load_processor,
    load_trajectory_model,
    save_processor,
    save_trajectory_model,
    trajectory_model,
)
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.processors import BALL_PROCESSORS, InteractionNetworkConfig, MpnnConfig

WINDOWS = torch.randn(5, 3, 4, 2, generator=torch.Generator().manual_seed(0))


def make_model(predicts: Prediction = "acceleration", *, standardise: bool = True) -> TrajectoryModel:
    with initial_weights(3):
        processor = MpnnConfig(slot_dim=8, num_passes=2).build(4, num_actions=0)
        model = TrajectoryModel(processor, history=3, predicts=predicts, standardise=standardise)
    model.measure_units(torch.randn(9, 4, 4, 2, generator=torch.Generator().manual_seed(1)))
    return model.eval()


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("predicts", ["position", "displacement", "acceleration"])
def test_loaded_model_predicts_what_the_saved_one_does(tmp_path: Path, predicts: Prediction, standardise: bool) -> None:
    model = make_model(predicts, standardise=standardise)
    before = torch.get_rng_state()
    loaded = load_trajectory_model(save_trajectory_model(model, tmp_path / "processor", num_balls=4, seed=0))
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(loaded, TrajectoryModel)
    assert (loaded.history, loaded.predicts, loaded.standardise) == (3, predicts, standardise)
    assert fingerprint(loaded) == fingerprint(model)
    assert torch.equal(loaded(WINDOWS), model(WINDOWS))
    assert fingerprint(load_processor(tmp_path / "processor")) == fingerprint(model.processor)
    assert not loaded.training


@pytest.mark.parametrize("name", BALL_PROCESSORS)
def test_every_processor_of_balls_comes_back(tmp_path: Path, name: str) -> None:
    model = trajectory_model(BALL_PROCESSORS[name]().build(4, num_actions=0)).eval()
    loaded = load_trajectory_model(save_trajectory_model(model, tmp_path, num_balls=4))
    assert type(loaded) is type(model)
    assert torch.equal(loaded(WINDOWS), model(WINDOWS))


def test_interaction_network_needs_nothing_beside_it(tmp_path: Path) -> None:
    processor = InteractionNetworkConfig().build(4, num_actions=0)
    assert isinstance(load_trajectory_model(save_processor(processor, tmp_path, num_slots=4)), InteractionModel)


def test_processor_alone_and_other_folders_are_refused(tmp_path: Path) -> None:
    model = make_model()
    alone = save_processor(model.processor, tmp_path / "alone", num_slots=4)
    with pytest.raises(ValueError, match="got the processor alone. An earlier version .* repeat `rmr-gym balls pret"):
        load_trajectory_model(alone)
    with pytest.raises(ValueError, match=r"a folder with config\.json"):
        load_trajectory_model(tmp_path)
    folder = save_trajectory_model(model, tmp_path / "all", num_balls=4)
    with pytest.raises(ValueError, match="got a trajectory coder. Use load_trajectory_model"):
        load_encoder(folder / "trajectory_coder")
