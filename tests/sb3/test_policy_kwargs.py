"""Loading agents where their encoder is not, and what their zip files hold."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.policies import ActorCriticCnnPolicy

from rmr_gym.models import fingerprint, load_encoder, save_encoder
from rmr_gym.sb3 import EncoderFeaturesExtractor, policy_kwargs_from
from rmr_gym.sb3.unfreezing import extractors
from tests.sb3.tiny_agents import describe, make
from tests.sb3.tiny_worlds import TinyWorld, tiny_encoder

SPACE = spaces.Box(0, 255, (1, 84, 84), np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of an encoder that a test may move or change."""
    return save_encoder(tiny_encoder(), tmp_path / "here" / "encoder", game="pong", arm="rmr", seed=0)


def test_kwargs_are_json_but_for_the_class_and_keep_what_else_was_said(checkpoint: Path) -> None:
    kwargs = policy_kwargs_from(checkpoint, frozen=False, readout="mean", key="image", net_arch=[8], ortho_init=False)
    assert kwargs.pop("features_extractor_class") is EncoderFeaturesExtractor
    assert json.loads(json.dumps(kwargs)) == kwargs
    assert (kwargs["net_arch"], kwargs["ortho_init"]) == ([8], False)
    extractor = kwargs["features_extractor_kwargs"]
    assert extractor["encoder"]["fingerprint"] == fingerprint(load_encoder(checkpoint))
    assert (extractor["frozen"], extractor["readout"], extractor["key"]) == (False, "mean", "image")


def test_name_on_the_hub_is_downloaded_once_and_embedded(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("rmr_gym.sb3.pretrained.find_folder", lambda name: asked.append(name) or checkpoint)
    assert policy_kwargs_from("someone/encoder") == policy_kwargs_from(checkpoint)
    assert asked == ["someone/encoder", checkpoint]


def test_features_extractor_beside_an_encoder_is_refused(checkpoint: Path) -> None:
    with pytest.raises(ValueError, match="besides those of the features extractor"):
        policy_kwargs_from(checkpoint, features_extractor_kwargs={"frozen": False})


def test_calls_share_nothing_that_an_algorithm_could_write_into(checkpoint: Path) -> None:
    first, second = policy_kwargs_from(checkpoint), policy_kwargs_from(checkpoint)
    A2C("CnnPolicy", TinyWorld(), device="cpu", policy_kwargs=first)
    assert first["optimizer_class"] is torch.optim.RMSprop  # A2C writes into its argument
    assert "optimizer_class" not in second


@pytest.mark.parametrize("algorithm", ["ppo", "dqn"])
def test_agent_of_an_embedded_encoder_waits_for_its_weights(folder: Path, tmp_path: Path, algorithm: str) -> None:
    model = make(algorithm, policy_kwargs_from(folder))
    shutil.rmtree(folder)
    waiting = make(algorithm, model.policy_kwargs)
    assert "no weights yet" in repr(extractors(waiting.policy)[0])
    pictures = np.zeros((1, 1, 84, 84), np.uint8)
    with pytest.raises(RuntimeError, match=r"weights of nature_cnn, pong, rmr, seed 0; got .*encoder.*load it from"):
        waiting.predict(pictures, deterministic=True)
    waiting.set_parameters(model.get_parameters())
    assert describe(waiting) == describe(model)


def test_weights_that_are_waited_for_must_be_the_right_ones(folder: Path) -> None:
    kwargs = policy_kwargs_from(folder)
    shutil.rmtree(folder)
    waiting = make("ppo", kwargs)
    with pytest.raises(ValueError, match="others, with fingerprint"):
        waiting.set_parameters(make("ppo", policy_kwargs_from(tiny_encoder(1))).get_parameters())
    with pytest.raises(RuntimeError, match="weights"):
        waiting.predict(np.zeros((1, 1, 84, 84), np.uint8))


def test_part_of_the_weights_is_not_enough_for_an_encoder_that_is_trained(folder: Path) -> None:
    model = make("ppo", policy_kwargs_from(folder, frozen=False))
    shutil.rmtree(folder)
    waiting = make("ppo", model.policy_kwargs)
    state = model.policy.state_dict()
    waiting.set_parameters({"policy": {name: state[name] for name in state if "trunk" in name}}, exact_match=False)
    with pytest.raises(RuntimeError, match="weights"):
        waiting.predict(np.zeros((1, 1, 84, 84), np.uint8))
    waiting.set_parameters({"policy": state}, exact_match=False)
    assert describe(waiting) == describe(model)


def test_state_without_weights_is_refused_by_who_has_them(folder: Path) -> None:
    model = make("ppo", policy_kwargs_from(folder))
    shutil.rmtree(folder)
    blank = make("ppo", model.policy_kwargs).get_parameters()
    with pytest.raises(ValueError, match="never had them"):
        model.set_parameters(blank)


def test_folder_that_holds_another_encoder_by_now_is_not_taken(folder: Path, tmp_path: Path) -> None:
    model = make("ppo", policy_kwargs_from(folder))
    model.save(tmp_path / "agent")
    save_encoder(tiny_encoder(1), folder)
    with pytest.raises(RuntimeError, match="another encoder now"):
        make("ppo", model.policy_kwargs).predict(np.zeros((1, 1, 84, 84), np.uint8))
    assert describe(PPO.load(tmp_path / "agent", device="cpu")) == describe(model)


def test_damaged_folder_does_not_keep_an_agent_from_loading(folder: Path, tmp_path: Path) -> None:
    model = make("dqn", policy_kwargs_from(folder))
    model.save(tmp_path / "agent")
    (folder / "model.safetensors").write_bytes(b"gone")
    assert describe(DQN.load(tmp_path / "agent", device="cpu")) == describe(model)


def test_plain_path_names_the_way_out_when_the_folder_has_moved(folder: Path, tmp_path: Path) -> None:
    kwargs: dict[str, Any] = {
        "features_extractor_class": EncoderFeaturesExtractor,
        "features_extractor_kwargs": {"encoder": str(folder)},
    }
    model = make("ppo", kwargs)
    model.learn(8)
    model.save(tmp_path / "agent")
    moved = folder.rename(tmp_path / "moved")
    with pytest.raises(ValueError, match=r'custom_objects=\{"policy_kwargs": policy_kwargs_from\(FOLDER\)\}'):
        PPO.load(tmp_path / "agent", device="cpu")
    remedy = {"policy_kwargs": policy_kwargs_from(moved)}
    assert describe(PPO.load(tmp_path / "agent", device="cpu", custom_objects=remedy)) == describe(model)


def test_policy_alone_can_be_saved_and_loaded(folder: Path, tmp_path: Path) -> None:
    model = make("ppo", policy_kwargs_from(folder))
    model.policy.save(tmp_path / "policy.pt")
    shutil.rmtree(folder)
    policy = ActorCriticCnnPolicy.load(tmp_path / "policy.pt", device="cpu")
    (extractor,) = extractors(policy)
    assert extractor.fingerprint() == fingerprint(tiny_encoder())
    pictures = np.random.default_rng(0).integers(0, 256, (4, 1, 84, 84), dtype=np.uint8)
    assert np.array_equal(
        policy.predict(pictures, deterministic=True)[0], model.predict(pictures, deterministic=True)[0]
    )


def test_parts_of_a_state_may_be_loaded(checkpoint: Path) -> None:
    model, other = (make("ppo", policy_kwargs_from(checkpoint)) for _ in range(2))
    head = {name: value + 1 for name, value in model.policy.state_dict().items() if "action_net" in name}
    other.set_parameters({"policy": head}, exact_match=False)
    assert torch.equal(other.policy.action_net.bias, model.policy.action_net.bias + 1)
    partly = {name: value + 1 for name, value in model.policy.state_dict().items() if "features.encoder.head" in name}
    with pytest.raises(ValueError, match="fingerprint"):
        other.set_parameters({"policy": partly}, exact_match=False)


def test_weights_of_another_shape_are_refused_before_anything_is_copied(checkpoint: Path) -> None:
    extractor = EncoderFeaturesExtractor(SPACE, checkpoint)
    state = {name: value + 1 for name, value in extractor.state_dict().items()}
    state["features.encoder.head.bias"] = torch.zeros(9)
    with pytest.raises(ValueError, match="other shapes"):
        extractor.load_state_dict(state)
    assert extractor.fingerprint() == fingerprint(tiny_encoder())


def test_agent_keeps_the_encoder_that_it_was_given_when_the_original_is_trained_on(tmp_path: Path) -> None:
    encoder = tiny_encoder()
    model = make("ppo", policy_kwargs_from(encoder))
    with torch.no_grad():
        encoder.head.bias.add_(1)  # type: ignore[operator, union-attr]
    model.save(tmp_path / "agent")
    assert describe(PPO.load(tmp_path / "agent", device="cpu")) == describe(model)


def test_zip_names_no_class_of_a_script(checkpoint: Path, tmp_path: Path) -> None:
    make("ppo", policy_kwargs_from(checkpoint)).save(tmp_path / "agent")
    data = json.loads(zipfile.ZipFile(tmp_path / "agent.zip").read("data"))
    assert (
        "rmr_gym.sb3.features_extractor.EncoderFeaturesExtractor" in data["policy_kwargs"]["features_extractor_class"]
    )
    assert data["policy_kwargs"]["features_extractor_kwargs"]["encoder"]["name"] == "nature_cnn"
