from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

from rmr_gym.models import AbstractModel, unpack_bits
from rmr_gym.models.abstract_checkpoint import load_abstract_parts, save_abstract_model
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.processors import PROCESSORS
from rmr_gym.sb3 import RamFeaturesExtractor, UnfreezeEncoder, policy_kwargs_from, ram_policy_kwargs_from
from rmr_gym.sb3.unfreezing import extractors
from rmr_gym.wrappers.ram_format import RamFormat, encode_ram, ram_space
from tests.sb3.tiny_worlds import TinyWorld

MEMORY = np.random.default_rng(0).integers(0, 256, (3, 128), dtype=np.uint8)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the abstract stage; not to be changed."""
    with initial_weights(0):
        model = AbstractModel(PROCESSORS["mlp"](slot_dim=2).build(128), num_slots=128)
    return save_abstract_model(model, tmp_path_factory.mktemp("pretrained"), game="pong", seed=0)


def agent(env: Any, kwargs: dict[str, Any]) -> PPO:
    settings = {"n_steps": 8, "batch_size": 4, "n_epochs": 1, "seed": 0, "device": "cpu", "learning_rate": 1e-2}
    return PPO("MultiInputPolicy", env, policy_kwargs=kwargs, **settings)


@pytest.mark.parametrize("ram_format", ["bytes", "bits", "float"])
def test_every_format_gives_what_the_processor_predicts_for_doing_nothing(
    pretrained: Path, ram_format: RamFormat
) -> None:
    extractor = RamFeaturesExtractor(ram_space(ram_format), pretrained)
    ram = torch.as_tensor(np.stack([encode_ram(memory, ram_format) for memory in MEMORY])).float()
    encoder, processor = load_abstract_parts(pretrained)
    slots = encoder(unpack_bits(torch.as_tensor(MEMORY), torch.float32))
    expected = processor(slots, torch.zeros(3, dtype=torch.int64)).flatten(1)
    assert torch.allclose(extractor(ram), expected, atol=1e-6)


def test_agent_sees_the_ram_and_nothing_beside_it(pretrained: Path) -> None:
    model = agent(TinyWorld(ram=True), ram_policy_kwargs_from(pretrained, net_arch=[8]))

    def value(pixels: int, ram: int) -> torch.Tensor:
        observation = {"pixels": np.full((1, 1, 84, 84), pixels, np.uint8), "ram": np.full((1, 128), ram, np.uint8)}
        return model.policy.predict_values(model.policy.obs_to_tensor(observation)[0])

    assert torch.equal(value(0, 5), value(255, 5))
    assert not torch.equal(value(0, 5), value(0, 6))


def test_frozen_agent_keeps_both_parts_and_is_loaded_without_the_folder(pretrained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pretrain"
    shutil.copytree(pretrained, folder)
    model = agent(TinyWorld(ram=True), ram_policy_kwargs_from(folder, readout="project", features_dim=4, net_arch=[8]))
    (extractor,) = extractors(model.policy)
    before = extractor.fingerprint()
    model.learn(16)
    assert (
        extractor.fingerprint()
        == before
        == model.policy_kwargs["features_extractor_kwargs"]["checkpoint"]["fingerprint"]
    )
    model.save(tmp_path / "agent")
    shutil.rmtree(folder)
    (loaded,) = extractors(PPO.load(tmp_path / "agent", device="cpu").policy)
    ram = {"ram": torch.as_tensor(MEMORY).float()}
    assert loaded.fingerprint() == before
    assert torch.equal(loaded(ram), extractor(ram))


def test_parts_are_trained_after_unfreezing(pretrained: Path) -> None:
    model = agent(TinyWorld(ram=True), ram_policy_kwargs_from(pretrained, net_arch=[8]))
    before = extractors(model.policy)[0].fingerprint()
    model.learn(16, callback=UnfreezeEncoder(after_steps=4))
    assert extractors(model.policy)[0].fingerprint() != before
    names = [name for name, _ in model.policy.named_parameters()]
    assert any("features.encoder." in name for name in names)
    assert any("features.processor." in name for name in names)


def test_stacks_of_vec_frame_stack_are_encoded_one_by_one(pretrained: Path) -> None:
    class RamWorld(TinyWorld):
        def __init__(self) -> None:
            super().__init__((128,))

    space = VecFrameStack(DummyVecEnv([RamWorld]), 2).observation_space
    extractor, single = RamFeaturesExtractor(space, pretrained), RamFeaturesExtractor(ram_space("bytes"), pretrained)
    ram = torch.as_tensor(MEMORY).float()
    both = extractor(torch.cat([ram[:1], ram[1:2]], dim=1))
    assert torch.allclose(both, torch.cat([single(ram[:1]), single(ram[1:2])], dim=1), atol=1e-5)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-10, 10, (128,), np.float32),
        spaces.Box(0, 255, (84, 84, 1), np.uint8),
        spaces.Box(0, 255, (100,), np.uint8),
        spaces.Dict({"pixels": spaces.Box(0, 255, (84, 84), np.uint8)}),
    ],
    ids=str,
)
def test_spaces_without_ram_are_refused(pretrained: Path, space: Any) -> None:
    with pytest.raises(ValueError, match=r"Expected .*(RAM|memories)"):
        RamFeaturesExtractor(space, pretrained)


def test_values_that_are_no_bytes_are_refused(pretrained: Path) -> None:
    extractor = RamFeaturesExtractor(ram_space("bytes"), pretrained)
    with pytest.raises(ValueError, match="whole numbers"):
        extractor(torch.full((1, 128), 0.5))
    model = agent(VecNormalize(DummyVecEnv([lambda: TinyWorld(ram=True)])), ram_policy_kwargs_from(pretrained))
    with pytest.raises(ValueError, match="values bytes"):
        model.learn(8)


def test_folder_of_something_else_is_refused(checkpoint: Path, pretrained: Path) -> None:
    with pytest.raises(ValueError, match="processor"):
        ram_policy_kwargs_from(checkpoint)
    with pytest.raises(ValueError, match="encoder"):
        policy_kwargs_from(pretrained)


def test_summary_names_both_parts(pretrained: Path) -> None:
    summary = RamFeaturesExtractor(TinyWorld(ram=True).observation_space, pretrained).summary()
    assert "frozen parameters (abstract encoder and mlp, pong, seed 0); input ram (128,) bytes" in summary
