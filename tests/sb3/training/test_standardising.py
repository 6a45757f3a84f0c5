from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO

from rmr_gym.envs.atari import make_atari
from rmr_gym.sb3.training import (
    EncoderFeatures,
    StateFeatures,
    load_agent,
    make_agent_env,
    read_episodes,
    standardising,
    tasks,
    train_agent,
)
from rmr_gym.sb3.training.projection import Projection
from rmr_gym.sb3.training.scoring import small_seed
from rmr_gym.sb3.training.standardising import FIRST_LOOK, Motion, Standardise, take_a_first_look
from rmr_gym.seeding import numpy_generator
from tests.sb3.training.small import ONCE, SMALL_DQN, quick, small

MOVING = StateFeatures(net_arch=(8,))


def layer_of(model: Any) -> Standardise:
    (found,) = {part for part in model.policy.modules() if isinstance(part, Standardise)}
    return found


def test_motion_shows_the_last_state_and_the_newest_difference_first() -> None:
    states = torch.tensor([[[1.0, 10.0, 2.0, 20.0, 4.0, 50.0], [0.0, 0.0, 0.0, 1.0, 0.0, 3.0]]])
    expected = [[4.0, 50.0, 2.0, 30.0, 1.0, 10.0], [0.0, 3.0, 0.0, 2.0, 0.0, 1.0]]
    assert Motion(3)(states).tolist() == [expected]


def test_motion_takes_zeros_before_an_episode_for_no_motion() -> None:
    first = torch.tensor([[[0.0, 0.0, 0.0, 0.0, 4.0, 5.0], [0.0, 0.0, 0.0, 0.0, 2.0, 1.0]]])
    assert Motion(3)(first)[..., 2:].abs().max() == 0
    assert Motion(3)(first)[..., :2].tolist() == [[[4.0, 5.0], [2.0, 1.0]]]
    second = torch.tensor([[[0.0, 0.0, 1.0, 0.0, 4.0, 5.0]]])
    assert Motion(3)(second).tolist() == [[[4.0, 5.0, 3.0, 5.0, 0.0, 0.0]]]


def test_standardised_numbers_have_mean_0_and_deviation_1() -> None:
    generator = torch.Generator().manual_seed(0)
    vectors = 3 + torch.randn(500, 4, generator=generator) * torch.tensor([0.1, 1.0, 20.0, 0.0])
    layer = Standardise(4)
    torch.testing.assert_close(layer(vectors), vectors)  # before it is set
    layer.fit(vectors)
    found = layer(vectors)
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(4), atol=1e-5, rtol=0)
    deviation = found.std(dim=0, correction=0)
    torch.testing.assert_close(deviation[1:3], torch.ones(2), atol=1e-4, rtol=0)
    assert deviation[0] == pytest.approx(0.1 / (20 / 2 * 0.01), rel=0.1)  # below a hundredth of the mean one
    assert deviation[3] == 0


def test_what_never_changes_passes_as_zero() -> None:
    layer = Standardise(2)
    layer.fit(torch.full((5, 2), 7.0))
    assert layer(torch.full((1, 2), 7.0)).tolist() == [[0.0, 0.0]]


def test_nothing_of_it_is_trained() -> None:
    layer = Standardise(3)
    assert not list(layer.parameters())
    layer.train()
    before = layer.mean.clone()
    layer(torch.randn(9, 3))
    assert torch.equal(layer.mean, before)


def test_a_vector_of_ram_has_no_motion() -> None:
    part = Projection(spaces.Box(0, 1, (128,), np.float32), None, motion=True)
    ram = torch.rand(2, 128)
    assert torch.equal(part(ram), ram)


def test_first_look_is_what_random_play_shows(tmp_path: Path) -> None:
    config = quick(stack=2, features=MOVING)
    venv = make_agent_env(config, tmp_path, num_envs=2, seed=0)
    model = PPO(
        "MlpPolicy",
        venv,
        n_steps=8,
        batch_size=16,
        policy_kwargs=config.features.policy_kwargs(tmp_path),
        device="cpu",
    )
    take_a_first_look(model.policy, venv, seed=5)
    layer, generator = layer_of(model), numpy_generator(5, "first look")
    venv.seed(5)
    seen = [venv.reset(), *(venv.step(generator.integers(5, size=2))[0] for _ in range(FIRST_LOOK // 2 - 1))]
    with torch.no_grad():
        shown = model.policy.extract_features(torch.as_tensor(np.concatenate(seen)))
    assert shown.shape == (FIRST_LOOK, 4)
    torch.testing.assert_close(shown.mean(dim=0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(shown.std(dim=0, correction=0), torch.ones(4), atol=1e-4, rtol=0)
    again = make_agent_env(config, tmp_path, num_envs=2, seed=9)
    before = layer.mean.clone()
    take_a_first_look(model.policy, again, seed=5)
    assert torch.equal(layer.mean, before)


def test_constants_stay_and_travel_with_the_agent(tmp_path: Path) -> None:
    config = quick(features=MOVING, steps=32, num_checkpoints=2, evaluation=ONCE)
    train_agent(config, tmp_path)
    early, late = (layer_of(load_agent(tmp_path, env_steps=steps)[0]) for steps in (16, 32))
    assert torch.equal(early.mean, late.mean)
    assert torch.equal(early.deviation, late.deviation)
    assert late.deviation.min() > 0
    assert late.deviation.max() < 1  # metres in a box of one metre


@pytest.mark.parametrize("algorithm", [None, SMALL_DQN])
def test_features_of_an_encoder_are_standardised(
    algorithm: Any, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standardising, "FIRST_LOOK", 64)
    features = EncoderFeatures(path=str(encoder), projection=8, standardise=True)
    changes = {} if algorithm is None else {"algorithm": algorithm}
    config = small(steps=16, num_checkpoints=1, features=features, evaluation=ONCE, **changes)
    train_agent(config, tmp_path)
    model = load_agent(tmp_path)[0]
    layers = [part for part in model.policy.modules() if isinstance(part, Standardise)]
    assert len(layers) == (1 if algorithm is None else 2)
    assert all(torch.equal(part.mean, layers[0].mean) for part in layers)
    venv = make_agent_env(config, tmp_path, num_envs=1, seed=3)
    shown = torch.as_tensor(np.concatenate([venv.reset(), *(venv.step([2])[0] for _ in range(10))]))
    width = shown.shape[1]
    assert layers[0].mean.shape == (width,)
    assert layers[0](shown).abs().mean() < 5
    assert layers[0].mean.abs().max() > 0


@pytest.mark.parametrize("normalize_rewards", [False, True])
def test_first_look_leaves_no_trace_in_the_environments_of_the_training(
    normalize_rewards: bool, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Watched] = []

    def watched(*arguments: Any, **keywords: Any) -> Watched:
        made.append(Watched(make_atari(*arguments, **keywords)))
        return made[-1]

    monkeypatch.setattr(standardising, "FIRST_LOOK", 64)
    monkeypatch.setattr(tasks, "make_atari", watched)
    monkeypatch.setattr(tasks, "MOST_FRAMES", 200)
    features = EncoderFeatures(path=str(encoder), projection=8, standardise=True)
    config = small(steps=160, features=features, evaluation=ONCE, normalize_rewards=normalize_rewards)
    train_agent(config, tmp_path)
    own, looking = small_seed(config.seed, "environments", 0), small_seed(config.seed, "first look")
    assert [env.seeds[0] for env in made[:4]] == [own, own + 1, looking, looking + 1]
    assert [env.closed for env in made[2:4]] == [True, True]
    first = read_episodes(tmp_path)[:2]
    assert len(first) == 2
    # Of the length, the two steps that press FIRE at a start are no steps of the agent.
    assert all(record["env_steps"] == 2 * (record["length"] - 2) for record in first)


def test_agents_that_standardise_nothing_look_at_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standardising, "play_randomly", lambda *_, **__: pytest.fail("played"))
    train_agent(quick(steps=16, num_checkpoints=1, evaluation=ONCE), tmp_path)


class Watched(gym.Wrapper[Any, Any, Any, Any]):
    """Remembers the seeds that it was reset with, and whether it was closed."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        super().__init__(env)
        self.seeds: list[int | None] = []
        self.closed = False

    def reset(self, **keywords: Any) -> Any:
        self.seeds.append(keywords.get("seed"))
        return super().reset(**keywords)

    def close(self) -> None:
        self.closed = True
        super().close()


def test_standardised_features_in_the_policy_are_refused() -> None:
    with pytest.raises(ValueError, match="through=wrapper"):
        EncoderFeatures(path="x", through="extractor", standardise=True)


def test_policy_may_be_linear_and_the_value_not(tmp_path: Path) -> None:
    config = quick(features=StateFeatures(net_arch=(), critic_arch=(8,)), steps=16, num_checkpoints=1, evaluation=ONCE)
    train_agent(config, tmp_path)
    policy: Any = load_agent(tmp_path)[0].policy
    assert (len(policy.mlp_extractor.policy_net), len(policy.mlp_extractor.value_net)) == (0, 2)
