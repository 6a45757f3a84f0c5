from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from sb3_contrib import QRDQN, MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecFrameStack, VecTransposeImage

from rmr_gym.data import TransitionDataset
from rmr_gym.evaluation.encoding import encode_frames
from rmr_gym.evaluation.frame_stacks import FrameStacks
from rmr_gym.models import save_encoder
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.picture_features import PictureFeatures
from rmr_gym.sb3.agent_features import AgentFeatures, AgentReadingConfig
from rmr_gym.sb3.agent_loading import load_agent_features
from rmr_gym.sb3.saved_policy import load_policy
from tests.sb3.recorded_play import known_rows, observed, record

CNN = {"policy": "CnnPolicy", "policy_kwargs": {"features_extractor_kwargs": {"features_dim": 8}}}
AGENTS: dict[str, Callable[[gym.Env[Any, Any]], BaseAlgorithm]] = {
    "ppo": lambda env: PPO(env=env, n_steps=8, batch_size=8, device="cpu", seed=0, **CNN),
    "a2c": lambda env: A2C(env=env, n_steps=8, device="cpu", seed=0, **CNN),
    "dqn": lambda env: DQN(env=env, buffer_size=10, device="cpu", seed=0, **CNN),
    "qrdqn": lambda env: QRDQN(env=env, buffer_size=10, device="cpu", seed=0, **CNN),
    "maskable_ppo": lambda env: MaskablePPO(env=env, n_steps=8, batch_size=8, device="cpu", seed=0, **CNN),
    "recurrent_ppo": lambda env: RecurrentPPO(
        "CnnLstmPolicy", env, n_steps=8, device="cpu", seed=0, policy_kwargs=CNN["policy_kwargs"]
    ),
}


class Screens(gym.Env[Any, int]):
    """Noise in the place of a game."""

    def __init__(self, space: spaces.Space[Any], num_actions: int = 3) -> None:
        self.observation_space, self.action_space = space, spaces.Discrete(num_actions)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action: int) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), float(action == 1), False, False, {}


STACK = spaces.Box(0, 255, (4, 84, 84), np.uint8)


def stacks(batch: int = 5, frames: int = 4, channels: int = 1, side: int = 84) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (batch, frames, channels, side, side), dtype=torch.uint8, generator=generator)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> TransitionDataset:
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="module")
def seen(recorded: TransitionDataset) -> np.ndarray:
    """What an agent behind a frame stack sees where each row of the data was recorded."""
    return observed(recorded, lambda venv: VecTransposeImage(VecFrameStack(venv, 4)))


@pytest.mark.parametrize("name", AGENTS)
def test_features_are_those_of_the_agent_in_the_game_that_was_recorded(
    name: str, recorded: TransitionDataset, seen: np.ndarray, tmp_path: Path
) -> None:
    model = AGENTS[name](Screens(STACK, 18))
    model.save(tmp_path / "agent")
    features = load_agent_features(tmp_path / "agent.zip").features
    assert (features.pictures.num_frames, features.pictures.gray, features.pictures.size) == (4, True, (84, 84))
    rows = np.arange(recorded.num_frames)
    encoded = encode_frames(features, FrameStacks(recorded, 4), rows, batch_size=7, dtype=np.float32)
    policy: Any = model.policy
    extractor = policy.q_net if name == "dqn" else policy.quantile_net if name == "qrdqn" else policy
    with torch.no_grad():
        tensor, _ = policy.obs_to_tensor(seen)
        expected = extractor.extract_features(tensor, extractor.features_extractor).numpy()
    known = known_rows(recorded)
    assert encoded[known] == pytest.approx(expected[known], abs=1e-6)
    assert (encoded[known].std(axis=0) > 0).any()
    assert not np.allclose(encoded[~known], expected[~known], atol=1e-6)


@pytest.mark.parametrize("name", ["ppo", "dqn", "qrdqn"])
def test_latent_is_what_the_last_layer_sees(name: str) -> None:
    policy_kwargs = {"net_arch": [6, 5], **CNN["policy_kwargs"]}  # type: ignore[dict-item]
    algorithm: Any = {"ppo": PPO, "dqn": DQN, "qrdqn": QRDQN}[name]
    buffer = {} if name == "ppo" else {"buffer_size": 10}
    model = algorithm("CnnPolicy", Screens(STACK), policy_kwargs=policy_kwargs, device="cpu", seed=0, **buffer)
    latent = AgentFeatures(model.policy, AgentReadingConfig(layer="latent"))
    seen: list[torch.Tensor] = []
    policy: Any = model.policy
    last = {"ppo": "action_net", "dqn": "q_net.q_net.4", "qrdqn": "quantile_net.quantile_net.4"}[name]
    policy.get_submodule(last).register_forward_hook(lambda module, inputs, output: seen.append(inputs[0]))
    with torch.no_grad():
        policy(stacks().squeeze(2))
        assert torch.equal(latent(stacks()), seen[0])
        assert latent(stacks()).shape == (5, 5)
        assert AgentFeatures(model.policy)(stacks()).shape == (5, 8)


def test_features_are_the_actor_s_where_the_critic_looks_for_itself() -> None:
    policy_kwargs = {"share_features_extractor": False, **CNN["policy_kwargs"]}  # type: ignore[dict-item]
    model = PPO("CnnPolicy", Screens(STACK), policy_kwargs=policy_kwargs, device="cpu", seed=0)
    with torch.no_grad():
        actor, critic = model.policy.extract_features(stacks().squeeze(2))
        assert torch.equal(AgentFeatures(model.policy)(stacks()), actor)
    assert not torch.equal(actor, critic)


def test_features_follow_training_and_leave_the_agent_alone(tmp_path: Path) -> None:
    model = AGENTS["ppo"](Screens(STACK))
    with torch.no_grad():
        before = AgentFeatures(model.policy)(stacks())
    model.learn(16).save(tmp_path / "agent.zip")
    with torch.no_grad():
        state = torch.random.get_rng_state()
        loaded = load_agent_features(tmp_path / "agent.zip")
        assert torch.equal(torch.random.get_rng_state(), state)
        after = loaded.features(stacks())
        assert torch.equal(after, AgentFeatures(model.policy)(stacks()))
    assert not torch.allclose(before, after)
    assert loaded.facts == {
        "policy": "stable_baselines3.common.policies.ActorCriticCnnPolicy",
        "num_timesteps": 16,
        "seed": 0,
    }


@pytest.mark.parametrize("layout", ["first", "last"])
def test_colours_and_their_stacks_are_laid_out_as_the_agent_saw_them(layout: str) -> None:
    shape = (6, 40, 40) if layout == "first" else (40, 40, 6)
    model = PPO("CnnPolicy", Screens(spaces.Box(0, 255, shape, np.uint8)), device="cpu", n_steps=8, batch_size=8)
    features = AgentFeatures(model.policy)
    assert (features.pictures.num_frames, features.pictures.gray) == (2, False)
    seen = stacks(3, frames=2, channels=3, side=40)
    merged = torch.cat([seen[:, 0], seen[:, 1]], dim=1)
    with torch.no_grad():  # Stable-Baselines3 has put the channels first in both cases
        assert torch.equal(features(seen), model.policy.extract_features(merged))
    assert AgentFeatures(model.policy, AgentReadingConfig(colours="gray")).pictures.num_frames == 6


def test_pictures_beside_ram_are_read_only_where_the_agent_leaves_the_ram_alone() -> None:
    class PixelsAlone(torch.nn.Module):
        features_dim = 4

        def __init__(self, observation_space: spaces.Dict) -> None:
            super().__init__()

        def forward(self, observation: dict[str, torch.Tensor]) -> torch.Tensor:
            return observation["pixels"].mean(dim=(2, 3))

    pair = spaces.Dict({"pixels": STACK, "ram": spaces.Box(0, 255, (128,), np.uint8)})
    options: Any = {"env": Screens(pair), "device": "cpu", "n_steps": 8, "batch_size": 8}
    alone = PPO("MultiInputPolicy", policy_kwargs={"features_extractor_class": PixelsAlone}, **options)
    with torch.no_grad():
        assert AgentFeatures(alone.policy)(stacks()) == pytest.approx(stacks().squeeze(2).float().mean((2, 3)) / 255)
    with pytest.raises(ValueError, match="one that also looks at ram"):
        AgentFeatures(PPO("MultiInputPolicy", **options).policy)
    with pytest.raises(ValueError, match="an observation with 'screen'; got pixels, ram"):
        AgentFeatures(alone.policy, AgentReadingConfig(key="screen"))


def test_features_of_an_encoder_that_the_agent_was_trained_behind(tmp_path: Path) -> None:
    with initial_weights(0):
        encoder = NatureCnnConfig(resolution="84x84", num_slots=3, slot_dim=2, maps_per_slot=1).build()
    save_encoder(encoder, tmp_path / "encoder")
    behind = PPO("MlpPolicy", Screens(spaces.Box(-np.inf, np.inf, (24,), np.float32)), device="cpu", seed=0)
    config = AgentReadingConfig(encoder=str(tmp_path / "encoder"))
    features = AgentFeatures(behind.policy, config)
    assert (features.pictures.num_frames, features.pictures.gray, features.pictures.size) == (4, True, (84, 84))
    with torch.no_grad():
        expected = PictureFeatures(encoder.eval(), (4, 84, 84))(stacks().squeeze(2))
        assert torch.equal(features(stacks()), expected)
        latent = AgentFeatures(behind.policy, AgentReadingConfig(encoder=config.encoder, layer="latent"))
        assert torch.equal(latent(stacks()), behind.policy.mlp_extractor.policy_net(expected))
    with pytest.raises(ValueError, match="--agent.encoder with its folder"):
        AgentFeatures(behind.policy)
    other = PPO("MlpPolicy", Screens(spaces.Box(-np.inf, np.inf, (23,), np.float32)), device="cpu")
    with pytest.raises(ValueError, match="a multiple of 6"):
        AgentFeatures(other.policy, config)


@pytest.mark.parametrize("shape", [(128,), (1024,), (4, 128)])
def test_agents_that_look_at_ram_are_refused(shape: tuple[int, ...]) -> None:
    model = PPO("MlpPolicy", Screens(spaces.Box(0, 255, shape, np.uint8)), device="cpu")
    with pytest.raises(ValueError, match="an agent that looks at pictures"):
        AgentFeatures(model.policy)


def test_agents_without_a_known_head_and_memories_of_recurrent_ones_are_refused() -> None:
    with pytest.raises(ValueError, match="an agent without memory for --agent.layer latent"):
        AgentFeatures(AGENTS["recurrent_ppo"](Screens(STACK)).policy, AgentReadingConfig(layer="latent"))
    steering = Screens(STACK)
    steering.action_space = spaces.Box(-1, 1, (1,))  # type: ignore[assignment]
    with pytest.raises(ValueError, match="an actor or a network of values; got CnnPolicy"):
        AgentFeatures(SAC("CnnPolicy", steering, buffer_size=10, device="cpu").policy)


def test_files_that_are_no_agents_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a saved agent in .*absent"):
        load_policy(tmp_path / "absent")
    (tmp_path / "text.zip").write_text("no archive")
    with pytest.raises(ValueError, match="not a zip file"):
        load_policy(tmp_path / "text")
    np.savez(tmp_path / "arrays.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match="'data'"):
        load_policy(tmp_path / "arrays.npz")


def test_what_cannot_be_unpickled_any_more_does_not_matter_outside_of_the_policy(tmp_path: Path) -> None:
    class Gone:
        """Of a main script that is not there when the agent is read."""

        def __setstate__(self, state: object) -> None:
            raise RuntimeError("was unpickled")

    model = AGENTS["ppo"](Screens(STACK))
    model.baggage = Gone()  # type: ignore[attr-defined]
    model.baggage.weight = 1  # type: ignore[attr-defined]
    model.save(tmp_path / "agent")
    with pytest.warns(UserWarning, match="Could not deserialize object baggage"):
        PPO.load(tmp_path / "agent", device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_policy(tmp_path / "agent").facts["num_timesteps"] == 0
