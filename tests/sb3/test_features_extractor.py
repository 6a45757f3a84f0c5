from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

from rmr_gym.models import fingerprint, freeze, load_encoder
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import SlotAttentionConfig
from rmr_gym.models.picture_features import PictureFeatures
from rmr_gym.sb3 import EncoderFeaturesExtractor, policy_kwargs_from
from rmr_gym.sb3.features_extractor import ENCODER
from rmr_gym.sb3.pretrained import describe_folder
from rmr_gym.sb3.unfreezing import extractors
from tests.sb3.tiny_worlds import LAYOUTS, NeedyEncoder, NormEncoder, TinyWorld, tiny_encoder

SPACE = spaces.Box(0, 255, (1, 84, 84), np.uint8)
WITH_RAM = spaces.Dict({"pixels": SPACE, "ram": spaces.Box(0, 255, (128,), np.uint8)})


def ppo(env: Any, policy_kwargs: dict[str, Any], policy: str = "CnnPolicy") -> PPO:
    return PPO(policy, env, n_steps=8, batch_size=4, n_epochs=1, seed=0, device="cpu", policy_kwargs=policy_kwargs)


def in_unit(pictures: np.ndarray) -> torch.Tensor:
    return torch.as_tensor(pictures).float() / 255


@pytest.mark.parametrize("shape", LAYOUTS.values(), ids=LAYOUTS)
def test_policy_sees_the_features_of_the_pictures_in_every_layout(checkpoint: Path, shape: tuple[int, ...]) -> None:
    model = ppo(TinyWorld(shape), policy_kwargs_from(checkpoint), "MlpPolicy")
    pictures = np.random.default_rng(0).integers(0, 256, (2, 84, 84, 4), dtype=np.uint8)
    if 4 not in shape:
        pictures = pictures[..., :1]
    in_order = {"stack first": (0, 3, 1, 2), "stack apart": (0, 3, 1, 2)}
    name = next(name for name, each in LAYOUTS.items() if each == shape)
    observation = pictures.transpose(in_order.get(name, (0, 1, 2, 3))).reshape(2, *shape)
    tensor, _ = model.policy.obs_to_tensor(observation)
    features = model.policy.extract_features(tensor)
    encoder = load_encoder(checkpoint).eval()
    expected = [encoder(in_unit(pictures[..., index])[:, None]).flatten(1) for index in range(pictures.shape[-1])]
    assert torch.allclose(features, torch.cat(expected, dim=1), atol=1e-5)


@pytest.mark.parametrize("normalize_images", [True, False])
def test_policy_that_leaves_bytes_sees_the_same_features(checkpoint: Path, normalize_images: bool) -> None:
    model = ppo(TinyWorld(), policy_kwargs_from(checkpoint, normalize_images=normalize_images))
    observation = np.random.default_rng(0).integers(0, 256, (2, 84, 84, 1), dtype=np.uint8)
    tensor, _ = model.policy.obs_to_tensor(observation)
    expected = load_encoder(checkpoint)(in_unit(observation).permute(0, 3, 1, 2)).flatten(1)
    assert torch.allclose(model.policy.extract_features(tensor), expected, atol=1e-5)


def test_stacks_of_vec_frame_stack_are_read_oldest_first(checkpoint: Path) -> None:
    venv = VecFrameStack(DummyVecEnv([TinyWorld]), 4)
    venv.seed(0)
    model = ppo(venv, policy_kwargs_from(checkpoint))
    assert model.env is not None
    model.env.reset()
    observation, *_ = model.env.step(np.array([1]))
    assert isinstance(observation, np.ndarray)
    features = model.policy.extract_features(model.policy.obs_to_tensor(observation)[0])
    encoder = load_encoder(checkpoint)
    newest = encoder(in_unit(observation[:, -1:])).flatten(1)
    assert torch.allclose(features[:, -6:], newest, atol=1e-5)
    assert torch.allclose(features[:, :6], encoder(torch.zeros(1, 1, 84, 84)).flatten(1), atol=1e-5)


def test_stack_of_three_gray_pictures_is_read_when_it_is_said_to_be_gray(checkpoint: Path) -> None:
    space = spaces.Box(0, 255, (3, 84, 84), np.uint8)
    with pytest.raises(ValueError, match='surely not RGB.*colours="gray"'):
        EncoderFeaturesExtractor(space, checkpoint)
    kwargs = policy_kwargs_from(checkpoint, colours="gray")["features_extractor_kwargs"]
    pictures = torch.rand(2, 3, 84, 84, generator=torch.Generator().manual_seed(0))
    encoder = load_encoder(checkpoint).eval()
    expected = torch.cat([encoder(pictures[:, index : index + 1]).flatten(1) for index in range(3)], dim=1)
    assert torch.allclose(EncoderFeaturesExtractor(space, **kwargs)(pictures), expected, atol=1e-5)


def test_ram_beside_the_pictures_never_reaches_the_policy(checkpoint: Path) -> None:
    model = ppo(TinyWorld(ram=True), policy_kwargs_from(checkpoint), "MultiInputPolicy")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 84, 84, 1), dtype=np.uint8)
    values = [
        model.policy.predict_values(model.policy.obs_to_tensor({"pixels": pixels, "ram": ram})[0])
        for ram in (np.zeros((1, 128), np.uint8), np.full((1, 128), 255, np.uint8))
    ]
    assert torch.equal(*values)


def test_ram_that_vec_frame_stack_stacks_beside_the_pictures_is_left_alone(checkpoint: Path) -> None:
    venv = VecFrameStack(DummyVecEnv([lambda: TinyWorld(ram=True)]), 4)
    assert venv.observation_space["ram"].shape == (512,)  # type: ignore[index]
    extractor = EncoderFeaturesExtractor(venv.observation_space, checkpoint)
    assert extractor.features_dim == 4 * 2 * 3


def test_dict_without_the_key_names_those_that_it_has(checkpoint: Path) -> None:
    with pytest.raises(ValueError, match=r"pictures under the key 'image'; got the keys 'pixels', 'ram'"):
        EncoderFeaturesExtractor(WITH_RAM, str(checkpoint), key="image")


@pytest.mark.parametrize("shape", [(210, 160, 1), (2, 80, 80), (84, 84, 3)])
def test_pictures_that_the_encoder_was_not_trained_for_are_refused(checkpoint: Path, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"84|gray"):
        EncoderFeaturesExtractor(spaces.Box(0, 255, shape, np.uint8), str(checkpoint))


def test_normalised_observations_are_refused_with_the_way_out(checkpoint: Path) -> None:
    kwargs = policy_kwargs_from(checkpoint)
    with pytest.raises(ValueError, match="norm_obs=False"):
        ppo(VecNormalize(DummyVecEnv([TinyWorld])), kwargs)
    ppo(VecNormalize(DummyVecEnv([TinyWorld]), norm_obs=False), kwargs).learn(8)


def test_values_that_were_normalised_behind_the_space_are_refused(checkpoint: Path) -> None:
    # VecNormalize changes the bounds of bytes only.
    venv = VecNormalize(DummyVecEnv([lambda: TinyWorld((84, 84), floats=True)]))
    with pytest.raises(ValueError, match=r"in 0..1; got values from -"):
        ppo(venv, policy_kwargs_from(checkpoint), "MlpPolicy").learn(8)


@pytest.mark.parametrize(("readout", "width"), [("flatten", 24), ("mean", 12), ("project", 7)])
def test_readouts_have_their_width(checkpoint: Path, readout: Any, width: int) -> None:
    space = spaces.Box(0, 255, (4, 84, 84), np.uint8)
    extractor = EncoderFeaturesExtractor(space, checkpoint, readout=readout, features_dim=7)
    assert extractor.features_dim == width
    assert extractor(torch.zeros(5, 4, 84, 84)).shape == (5, width)


def test_projection_is_all_that_a_frozen_extractor_trains(checkpoint: Path) -> None:
    extractor = EncoderFeaturesExtractor(SPACE, checkpoint, readout="project", features_dim=7)
    assert {tuple(value.shape) for value in extractor.parameters()} == {(7, 6), (7,)}
    extractor(torch.zeros(5, 1, 84, 84)).sum().backward()
    assert all(value.grad is not None for value in extractor.parameters())


def test_summary_counts_parameters_and_says_what_comes_in(checkpoint: Path) -> None:
    count = sum(value.numel() for value in tiny_encoder().parameters())
    extractor = EncoderFeaturesExtractor(WITH_RAM, checkpoint, readout="project", features_dim=7)
    last = repr(extractor).splitlines()[-1]
    assert last == (
        f"encoder frozen: 0 trainable, {count:,} frozen parameters (nature_cnn, pong, rmr, seed 0), projection 49 "
        "trainable; input pixels (1, 84, 84) in 0..255, divided by 255 by Stable-Baselines3"
    )
    extractor.unfreeze()
    assert f"encoder trained: {count:,} trainable, 0 frozen parameters" in repr(extractor)


def test_shared_weights_are_counted_once() -> None:
    encoder = NormEncoder()
    count = sum(value.numel() for value in encoder.parameters())
    assert f" {count} frozen parameters (NormEncoder)" in EncoderFeaturesExtractor(SPACE, encoder).summary()


@pytest.mark.parametrize("frozen", [True, False])
def test_orthogonal_initialisation_of_ppo_does_not_reach_the_encoder(frozen: bool) -> None:
    encoder = NormEncoder()
    for kwargs in ({}, {"share_features_extractor": False}):
        model = ppo(TinyWorld(), policy_kwargs_from(encoder, frozen=frozen, readout="project", **kwargs))
        for extractor in (model.policy.pi_features_extractor, model.policy.vf_features_extractor):
            assert isinstance(extractor, EncoderFeaturesExtractor)
            assert extractor.fingerprint() == fingerprint(encoder)
            assert extractor.projection is not None
            weight = extractor.projection[0].weight  # 512 rows of 6, scaled by the square root of 2
            assert torch.allclose(weight.T @ weight, 2 * torch.eye(6), atol=1e-5)


def test_training_mode_of_the_policy_does_not_reach_a_frozen_encoder() -> None:
    encoder = NormEncoder()
    policy = ppo(TinyWorld(), policy_kwargs_from(encoder)).policy
    extractor = policy.features_extractor
    assert isinstance(extractor, EncoderFeaturesExtractor)
    pictures = torch.rand(8, 1, 84, 84, generator=torch.Generator().manual_seed(0))
    policy.train()
    assert extractor.training
    first = extractor(pictures)
    assert torch.equal(extractor(pictures), first)  # no dropout
    assert extractor.fingerprint() == fingerprint(encoder)  # no batch statistics
    assert not first.requires_grad
    policy.eval()
    assert torch.equal(extractor(pictures), first)


def test_training_mode_of_the_policy_reaches_a_trained_encoder() -> None:
    policy = ppo(TinyWorld(), policy_kwargs_from(NormEncoder(), frozen=False)).policy
    policy.train()
    before = policy.state_dict()["features_extractor.features.encoder.norm.running_mean"].clone()
    assert policy.features_extractor(torch.rand(8, 1, 84, 84, generator=torch.Generator())).requires_grad
    assert not torch.equal(policy.state_dict()["features_extractor.features.encoder.norm.running_mean"], before)


def test_batch_statistics_that_their_owner_froze_stay_in_a_trained_encoder() -> None:
    encoder = NormEncoder()
    encoder.norm.requires_grad_(requires_grad=False)
    policy = ppo(TinyWorld(), policy_kwargs_from(encoder, frozen=False)).policy
    policy.train()
    assert policy.features_extractor.features.encoder.dropout.training
    policy.features_extractor(torch.rand(8, 1, 84, 84, generator=torch.Generator()))
    after = policy.state_dict()["features_extractor.features.encoder.norm.running_mean"]
    assert torch.equal(after, encoder.norm.running_mean)


def test_frozen_weights_are_neither_optimised_nor_clipped_nor_vectorised(checkpoint: Path) -> None:
    policy = ppo(TinyWorld(), policy_kwargs_from(checkpoint)).policy
    inside = {tensor.data_ptr() for tensor in policy.features_extractor.state_dict().values()}
    assert inside
    assert not inside & {value.data_ptr() for value in policy.parameters()}
    assert not inside & {value.data_ptr() for value in policy.optimizer.param_groups[0]["params"]}
    before = policy.features_extractor.fingerprint()
    policy.load_from_vector(np.zeros_like(policy.parameters_to_vector()))
    assert policy.features_extractor.fingerprint() == before


def storages(module: torch.nn.Module) -> set[int]:
    return {tensor.untyped_storage().data_ptr() for tensor in module.state_dict().values()}


def test_no_two_networks_share_an_encoder(checkpoint: Path) -> None:
    live = tiny_encoder()
    for source in (str(checkpoint), live):
        kwargs = policy_kwargs_from(source)
        dqn = DQN("CnnPolicy", TinyWorld(), buffer_size=10, device="cpu", policy_kwargs=kwargs).policy
        apart = ppo(TinyWorld(), {**kwargs, "share_features_extractor": False}).policy
        found = [dqn.q_net, dqn.q_net_target, apart.pi_features_extractor, apart.vf_features_extractor, live]
        sets = [storages(module) for module in found]
        assert len(set.union(*sets)) == sum(map(len, sets))


def test_construction_does_not_move_the_global_random_stream(checkpoint: Path) -> None:
    document = describe_folder(checkpoint, ENCODER)
    for source in (checkpoint, document, {**document, "weights": "gone"}, tiny_encoder()):
        before = torch.get_rng_state()
        EncoderFeaturesExtractor(SPACE, source)
        assert torch.equal(torch.get_rng_state(), before)


def test_gradients_reach_the_pictures_but_no_frozen_weight(checkpoint: Path) -> None:
    pictures = torch.rand(2, 1, 84, 84, generator=torch.Generator().manual_seed(0)).requires_grad_()
    extractor = EncoderFeaturesExtractor(SPACE, checkpoint)
    extractor(pictures).sum().backward()
    assert pictures.grad is not None
    assert pictures.grad.abs().max() > 0
    assert all(tensor.grad is None for tensor in extractor.buffers())


def test_encoder_that_was_frozen_by_its_owner_is_trained_as_far_as_it_allows() -> None:
    encoder = tiny_encoder()
    encoder.trunk.requires_grad_(requires_grad=False)  # type: ignore[union-attr]
    extractor = EncoderFeaturesExtractor(SPACE, encoder, frozen=False)
    names = [name for name, _ in extractor.named_parameters()]
    assert names
    assert not any("trunk" in name for name in names)
    with pytest.raises(ValueError, match=r"requires_grad_\(True\)"):
        EncoderFeaturesExtractor(SPACE, freeze(tiny_encoder()), frozen=False)


def test_encoder_that_looks_for_its_parameters_is_told_why_there_are_none() -> None:
    extractor = EncoderFeaturesExtractor(SPACE, NeedyEncoder())
    with pytest.raises(RuntimeError, match="without parameters"):
        extractor(torch.zeros(1, 1, 84, 84))
    EncoderFeaturesExtractor(SPACE, NeedyEncoder(), frozen=False).eval()(torch.zeros(1, 1, 84, 84))


def test_extractor_can_be_copied_and_the_copy_is_protected_too(checkpoint: Path) -> None:
    extractor = copy.deepcopy(EncoderFeaturesExtractor(SPACE, checkpoint))
    with pytest.raises(ValueError, match="fingerprint"):
        extractor.load_state_dict(EncoderFeaturesExtractor(SPACE, tiny_encoder(1)).state_dict())


@pytest.mark.parametrize("encoder", ["no/such", {}, {"format": "rmr-checkpoint/1", "kind": "processor"}])
def test_nonsense_in_place_of_an_encoder_is_refused(encoder: Any) -> None:
    with pytest.raises(ValueError, match=r"Expected .*; got"):
        EncoderFeaturesExtractor(SPACE, encoder)


@pytest.mark.parametrize("readout", ["flatten", "project"])
def test_width_without_sense_is_refused(checkpoint: Path, readout: Any) -> None:
    with pytest.raises(ValueError, match="features_dim >= 1"):
        EncoderFeaturesExtractor(SPACE, checkpoint, readout=readout, features_dim=0)


def test_features_are_those_of_picture_features(checkpoint: Path) -> None:
    pixels = torch.randint(0, 256, (3, 1, 84, 84), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    expected = PictureFeatures(load_encoder(checkpoint), (1, 84, 84))(pixels)
    assert torch.equal(EncoderFeaturesExtractor(SPACE, checkpoint)(pixels), expected)


def test_windows_of_colour_pictures_go_through_a_video_encoder() -> None:
    config = SlotAttentionConfig(
        size=(16, 16),
        history=2,
        num_slots=3,
        slot_dim=4,
        channels=4,
        num_convs=1,
        slot_size=4,
        hidden_dim=4,
        iterations=1,
    )
    with initial_weights(0):
        encoder = config.build()
    model = ppo(TinyWorld((16, 16, 6)), policy_kwargs_from(encoder))
    model.learn(8)
    (extractor,) = extractors(model.policy)
    assert extractor.fingerprint() == fingerprint(encoder)
    assert extractor.features_dim == 12
    observation = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 6), dtype=np.uint8)
    features = model.policy.extract_features(model.policy.obs_to_tensor(observation)[0])
    windows = in_unit(observation).permute(0, 3, 1, 2).unflatten(1, (2, 3))
    expected = encoder(windows, PictureFeatures(encoder, (2, 16, 16, 3)).slot_noise).flatten(1)
    assert torch.allclose(features, expected, atol=1e-5)


def test_checker_of_stable_baselines3_has_nothing_to_say_about_the_worlds_of_these_tests() -> None:
    check_env(TinyWorld())  # warnings are errors
