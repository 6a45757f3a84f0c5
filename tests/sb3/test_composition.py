"""What is ours beside the wrappers, checkers and evaluations of Stable-Baselines3, in the documented order and not."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.wrappers import (
    AtariPreprocessing,
    FilterObservation,
    FlattenObservation,
    FrameStackObservation,
    GrayscaleObservation,
    MaxAndSkipObservation,
    ReshapeObservation,
    ResizeObservation,
)
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.atari_wrappers import AtariWrapper, WarpFrame
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import (
    DummyVecEnv,
    SubprocVecEnv,
    VecEnv,
    VecFrameStack,
    VecMonitor,
    VecNormalize,
    VecTransposeImage,
)

import rmr_gym
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import SlotAttentionConfig
from rmr_gym.models.frozen_features import FrozenFeatures
from rmr_gym.sb3 import VecEncodeObservation, policy_kwargs_from
from rmr_gym.wrappers import EncodeObservation, PairedObservation
from tests.sb3.tiny_worlds import TinyWorld, tiny_encoder
from tests.wrappers.random_pictures import RandomPictures

TINY = {"n_steps": 8, "batch_size": 8, "n_epochs": 1, "seed": 0}
SIZE = 2 * 3  # slots and their width


def gray_game(**options: Any) -> gym.Env:
    """A game as policies for pictures want it: with an axis for the one channel."""
    pictures = {"gray": True, "gray_newaxis": True, "size": (84, 84), "max_pool": True, "paired": False}
    return rmr_gym.make_atari("pong", full_actions=False, **pictures | options)


def features() -> FrozenFeatures:
    return FrozenFeatures(tiny_encoder())


def worlds(make: Callable[[], gym.Env] = TinyWorld, *, num_envs: int = 2) -> VecEnv:
    venv = DummyVecEnv([make] * num_envs)
    venv.seed(0)
    return venv


def video_features() -> FrozenFeatures:
    with initial_weights(0):
        config = SlotAttentionConfig(
            num_slots=2, slot_dim=3, channels=4, num_convs=1, downsample=4, slot_size=4, hidden_dim=4, iterations=1
        )
        return FrozenFeatures(config.build())


def balls(env_id: str) -> gym.Env:
    return gym.wrappers.TransformObservation(
        env := gym.make(env_id, observations="pixels"),
        lambda observation: observation["pixels"],
        env.observation_space["pixels"],  # type: ignore[index]
    )


ENVIRONMENTS: dict[str, Callable[[], gym.Env]] = {
    "pair": lambda: gym.make("rmr/Pong-v0"),
    "pair, bits": lambda: PairedObservation(gray_game(), ram_format="bits"),
    "pair, floats": lambda: PairedObservation(gray_game(), ram_format="float"),
    "pair in the info": lambda: PairedObservation(gray_game(), into="info"),
    "gray": gray_game,
    "RAM": lambda: FlattenObservation(FilterObservation(gym.make("rmr/Pong-v0"), filter_keys=["ram"])),
    "encoded": lambda: EncodeObservation(gray_game(), features(), stack=4),
    "encoded beside RAM": lambda: EncodeObservation(
        PairedObservation(gray_game(), ram_format="float"), features(), keep=["ram"]
    ),
    "encoded, RAM in the info": lambda: PairedObservation(EncodeObservation(gray_game(), features()), into="info"),
    "encoded stack of frames": lambda: EncodeObservation(FrameStackObservation(gray_game(), 4), features()),
    "balls": lambda: gym.make("rmr/BouncingBalls-v0", observations="pixels"),
    "balls push": lambda: gym.make("rmr/BouncingBallsPush-v0", observations="pixels"),
    "balls push, state": lambda: FlattenObservation(gym.make("rmr/BouncingBallsPush-v0", observations="state")),
    "balls push, encoded": lambda: EncodeObservation(
        FrameStackObservation(balls("rmr/BouncingBallsPush-v0"), 3), video_features()
    ),
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_checker_has_nothing_to_say(name: str) -> None:
    env = ENVIRONMENTS[name]()
    check_env(env, warn=True)  # a warning is an error here
    env.close()


def test_whole_chain_in_the_documented_order_trains_and_is_evaluated() -> None:
    venv = VecTransposeImage(VecMonitor(worlds()))
    venv = VecNormalize(VecEncodeObservation(venv, features(), stack=4))
    model = PPO("MlpPolicy", venv, **TINY).learn(32)  # type: ignore[arg-type]
    rewards, lengths = evaluate_policy(model, venv, n_eval_episodes=4, return_episode_rewards=True)
    assert lengths == [5] * 4  # not a word about a missing monitor
    assert all(0 <= reward <= 5 for reward in rewards)
    assert venv.obs_rms.mean.shape == (4 * SIZE,)


def test_statistics_of_vec_normalize_outside_are_saved_and_loaded(tmp_path: Any) -> None:
    venv = VecNormalize(VecEncodeObservation(worlds(), features()))
    venv.reset()
    for _ in range(10):
        venv.step(np.zeros(2, int))
    venv.save(tmp_path / "statistics.pkl")
    again = VecNormalize.load(tmp_path / "statistics.pkl", VecEncodeObservation(worlds(), features()))
    again.training = venv.training = False
    again.seed(1)
    venv.seed(1)
    np.testing.assert_array_equal(again.reset(), venv.reset())


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # the default imports PyTorch in every process
def test_environments_in_processes_are_encoded_outside_of_them_or_inside() -> None:
    make = partial(RandomPictures, shape=(84, 84, 1))
    outside = VecEncodeObservation(SubprocVecEnv([make] * 2, "fork"), features(), stack=2)
    inside = SubprocVecEnv([partial(EncodeObservation, make(), features(), stack=2)], "fork")
    try:
        assert outside.observation_space == inside.observation_space
        for venv in (outside, inside):
            venv.seed(0)
        np.testing.assert_allclose(outside.reset()[:1], inside.reset(), atol=1e-5)
        for _ in range(6):
            np.testing.assert_allclose(
                outside.step(np.zeros(2, int))[0][:1], inside.step(np.zeros(1, int))[0], atol=1e-5
            )
        PPO("MlpPolicy", outside, **TINY).learn(16)  # type: ignore[arg-type]
    finally:
        outside.close()
        inside.close()


def test_wrapper_and_extractor_give_a_policy_the_same_features() -> None:
    pictures = VecTransposeImage(VecFrameStack(worlds(), 4))
    encoded = VecEncodeObservation(worlds(), features(), stack=4, padding="zero")
    inside = VecEncodeObservation(VecFrameStack(worlds(), 4), features())  # encodes each frame four times
    model = PPO("CnnPolicy", pictures, policy_kwargs=policy_kwargs_from(tiny_encoder(), net_arch=[]), **TINY)  # type: ignore[arg-type]
    assert inside.observation_space == encoded.observation_space
    seen = pictures.reset(), encoded.reset(), inside.reset()
    for _ in range(12):
        tensor, _ = model.policy.obs_to_tensor(seen[0])
        with torch.no_grad():
            extracted = model.policy.extract_features(tensor, model.policy.features_extractor)
        np.testing.assert_allclose(seen[1], extracted, atol=1e-5)
        np.testing.assert_allclose(seen[1], seen[2], atol=1e-5)
        steps = [venv.step(np.zeros(2, int)) for venv in (pictures, encoded, inside)]
        seen = tuple(step[0] for step in steps)  # type: ignore[assignment]
        for ended in np.flatnonzero(steps[0][2]):
            _, one, other = (step[3][ended]["terminal_observation"] for step in steps)
            np.testing.assert_allclose(one, other, atol=1e-5)


def test_stack_in_the_wrapper_equals_vec_frame_stack_inside_on_a_game() -> None:
    frozen = FrozenFeatures(tiny_encoder(), readout="mean")
    stacked = VecEncodeObservation(VecFrameStack(worlds(gray_game, num_envs=1), 4), frozen)
    ours = VecEncodeObservation(worlds(gray_game, num_envs=1), frozen, stack=4, padding="zero")
    np.testing.assert_allclose(ours.reset(), stacked.reset(), atol=1e-5)
    for _ in range(5):
        np.testing.assert_allclose(ours.step(np.ones(1, int))[0], stacked.step(np.ones(1, int))[0], atol=1e-5)


def test_dictionary_keeps_ram_only_where_it_is_asked_for() -> None:
    pair = partial(TinyWorld, ram=True)
    bare = VecEncodeObservation(worlds(pair), features())
    assert bare.observation_space.shape == (SIZE,)
    with pytest.warns(UserWarning, match='ram. beside the features goes up to 255.*ram_format="bits"'):
        kept = VecEncodeObservation(worlds(pair), features(), keep=["ram"], stack=2)
    model = PPO("MultiInputPolicy", kept, **TINY).learn(16)  # type: ignore[arg-type]
    assert model.policy.features_extractor.features_dim == 2 * SIZE + 128
    with pytest.raises(ValueError, match="MultiInputPolicy"):
        PPO("MlpPolicy", kept, **TINY)  # type: ignore[arg-type]


def test_replay_buffer_holds_the_last_observation_of_an_episode_encoded() -> None:
    venv = VecEncodeObservation(worlds(num_envs=1), features(), stack=2)
    model = DQN("MlpPolicy", venv, buffer_size=12, learning_starts=100, seed=0).learn(12)
    buffer = model.replay_buffer
    assert buffer is not None
    observations, nexts = buffer.observations[:, 0], buffer.next_observations[:, 0]
    dones = buffer.dones[:, 0].astype(bool)
    np.testing.assert_array_equal(dones, [number % 5 == 4 for number in range(12)])
    for number in range(11):
        newest_of_now = observations[number, SIZE:]
        np.testing.assert_array_equal(nexts[number, :SIZE], newest_of_now)  # the stack goes on to the end
        assert (nexts[number] == observations[number + 1]).all() != dones[number]
    np.testing.assert_array_equal(observations[5, :SIZE], observations[5, SIZE:])


def test_value_of_a_truncated_last_observation_is_computed_from_its_features() -> None:
    make = partial(gym.wrappers.TimeLimit, max_episode_steps=3)
    venv = VecMonitor(VecEncodeObservation(worlds(lambda: make(TinyWorld())), features(), stack=2))
    PPO("MlpPolicy", venv, **TINY).learn(16)  # type: ignore[arg-type]
    assert venv.step(np.zeros(2, int))[0].shape == (2, 2 * SIZE)


def test_evaluation_takes_a_single_environment() -> None:
    env = Monitor(EncodeObservation(TinyWorld(), features(), stack=2))
    model = PPO("MlpPolicy", env, **TINY).learn(8)  # type: ignore[arg-type]
    mean, deviation = evaluate_policy(model, env, n_eval_episodes=2)
    assert 0 <= mean <= 5
    assert deviation >= 0


def test_agent_of_the_vectorised_wrapper_plays_in_the_single_one() -> None:
    model = PPO("MlpPolicy", VecEncodeObservation(worlds(), features(), stack=4), **TINY).learn(16)  # type: ignore[arg-type]
    env = Monitor(EncodeObservation(TinyWorld(), features(), stack=4))
    assert evaluate_policy(model, env, n_eval_episodes=2, return_episode_rewards=True)[1] == [5, 5]


@pytest.mark.parametrize("layout", ["channels last, as the other", "channels first"])
def test_pictures_of_a_dictionary_agree_in_their_layout(layout: str) -> None:
    class Map(TinyWorld):
        """A picture for the encoder, and one of the agent's own."""

        def __init__(self) -> None:
            super().__init__()
            beside = spaces.Box(0, 255, (3, 84, 84) if layout == "channels first" else (84, 84, 3), np.uint8)
            self.observation_space = spaces.Dict({"pixels": self.observation_space, "map": beside})

    def learn() -> PPO:
        kwargs = policy_kwargs_from(tiny_encoder())
        return PPO("MultiInputPolicy", Map(), policy_kwargs=kwargs, **TINY).learn(8)  # type: ignore[arg-type]

    if layout == "channels first":  # Stable-Baselines3 transposes all of them or none
        with pytest.raises(AssertionError, match="observation space map must follow the channel last convention"):
            learn()
    else:
        assert learn().policy.features_extractor.features_dim == SIZE


def test_environments_may_encode_several_of_their_own() -> None:
    class Rivals(TinyWorld):
        def __init__(self) -> None:
            super().__init__()
            self.others = VecEncodeObservation(worlds(), features())

    venv = DummyVecEnv([Rivals])
    assert venv.reset().shape == (1, *TinyWorld().observation_space.shape)


def test_make_vec_env_of_stable_baselines_makes_what_is_encoded() -> None:
    venv = make_vec_env("rmr_gym:rmr/BouncingBallsPush-v0", n_envs=2, seed=0, env_kwargs={"observations": "pixels"})
    encoded = VecEncodeObservation(VecFrameStack(venv, 3), video_features())
    PPO("MlpPolicy", encoded, **TINY).learn(16)  # type: ignore[arg-type]
    assert encoded.observation_space.shape == (SIZE,)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: VecEncodeObservation(VecNormalize(worlds()), features()),
            ValueError,
            r"Put VecNormalize outside, VecNormalize\(VecEncodeObservation\(venv, features\)\)",
        ),
        (
            lambda: PPO("CnnPolicy", VecEncodeObservation(worlds(), features()), **TINY),  # type: ignore[arg-type]
            AssertionError,
            "(?s)You should use NatureCNN only with images.*`MlpPolicy`",
        ),
        (
            lambda: PPO(
                "MlpPolicy",
                VecEncodeObservation(worlds(), features()),
                policy_kwargs=policy_kwargs_from(tiny_encoder()),
                **TINY,  # type: ignore[arg-type]
            ),
            ValueError,
            "pictures",
        ),
        (
            lambda: VecTransposeImage(VecEncodeObservation(worlds(), features())),
            ValueError,
            r"VecTransposeImage; got the features.*VecEncodeObservation\(VecTransposeImage\(venv\), features\)",
        ),
        (
            lambda: DummyVecEnv([lambda: VecEncodeObservation(worlds(), features())]),
            ValueError,
            r"around DummyVecEnv; got it inside.*VecEncodeObservation\(DummyVecEnv\(\[make_env\] \* 8\), features\)",
        ),
        (
            lambda: AtariWrapper(Monitor(EncodeObservation(gray_game(), features()))),
            ValueError,
            r"EncodeObservation\(AtariWrapper\(env\), features\)",
        ),
        (
            lambda: AtariWrapper(EncodeObservation(gray_game(), features())),
            ValueError,
            r"pictures in AtariWrapper; got the features.*EncodeObservation\(AtariWrapper\(env\), features\)",
        ),
        (
            lambda: AtariWrapper(EncodeObservation(gray_game(), features()), frame_skip=1),
            ValueError,
            r"EncodeObservation\(AtariWrapper\(env\), features\)",
        ),
        (
            lambda: WarpFrame(EncodeObservation(gray_game(), features())),
            ValueError,
            r"EncodeObservation\(WarpFrame\(env\), features\)",
        ),
        (
            lambda: AtariPreprocessing(EncodeObservation(gray_game(frame_skip=1), features()), noop_max=0),
            ValueError,
            r"EncodeObservation\(AtariPreprocessing\(env\), features\)",
        ),
        (
            lambda: GrayscaleObservation(EncodeObservation(gray_game(), features())),
            ValueError,
            r"EncodeObservation\(GrayscaleObservation\(env\), features\)",
        ),
        (
            lambda: ResizeObservation(EncodeObservation(gray_game(), features()), (84, 84)),
            ValueError,
            r"EncodeObservation\(ResizeObservation\(env\), features\)",
        ),
        (
            lambda: MaxAndSkipObservation(EncodeObservation(gray_game(), features())),
            ValueError,
            r"EncodeObservation\(MaxAndSkipObservation\(env\), features\)",
        ),
        (
            lambda: VecEncodeObservation(worlds(lambda: EncodeObservation(TinyWorld(), features())), features()),
            ValueError,
            "Encode once: leave out the wrapper inside",
        ),
        (
            lambda: VecEncodeObservation(VecFrameStack(worlds(lambda: TinyWorld((84, 84))), 4), features()),
            ValueError,
            "84.*336|336.*84",
        ),
        (
            lambda: EncodeObservation(gym.make("rmr/Pong-v0"), features()),
            ValueError,
            "84.*210|210.*84",
        ),
        (
            lambda: PairedObservation(EncodeObservation(gray_game(), features())),
            ValueError,
            "whose observation is a picture; got the observation space Box",
        ),
        (
            lambda: ReshapeObservation(EncodeObservation(gray_game(), features()), (84, 84, 1)),
            ValueError,
            "eshape",
        ),
    ],
)
def test_wrong_order_is_refused(make: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
