from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from sb3_contrib import TRPO
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback, CheckpointCallback
from torch import nn

from rmr_gym.models import fingerprint
from rmr_gym.sb3 import EncoderFeaturesExtractor, UnfreezeEncoder, policy_kwargs_from
from rmr_gym.sb3.scaled_updates import ScaledUpdates, detach
from rmr_gym.sb3.unfreezing import extractors, unfreeze
from tests.sb3.tiny_agents import ALGORITHMS, describe, make
from tests.sb3.tiny_worlds import NormEncoder, TinyWorld, tiny_encoder

EVERY = pytest.mark.parametrize("algorithm", ALGORITHMS)


class Watch(BaseCallback):
    """Notes the step and the encoder's fingerprint at each step of the environment."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, str]] = []

    def _on_step(self) -> bool:
        self.seen.append((self.num_timesteps, extractors(self.model.policy)[0].fingerprint()))
        return True


def owners(model: Any) -> Iterator[Any]:
    return (module for module in model.policy.modules() if hasattr(module, "optimizer"))


def layout(model: Any) -> list[list[tuple[int, ...]]]:
    """Shapes of the parameters of each optimizer, in their order."""
    groups = [owner.optimizer.param_groups for owner in owners(model)]
    return [[tuple(value.shape) for group in each for value in group["params"]] for each in groups]


@EVERY
@pytest.mark.parametrize("arguments", [{}, {"readout": "project", "features_dim": 5}], ids=["flatten", "project"])
def test_unfrozen_agent_is_built_like_one_that_never_was_frozen(
    checkpoint: Path, algorithm: str, arguments: dict[str, Any]
) -> None:
    model = make(algorithm, policy_kwargs_from(checkpoint, **arguments))
    other = make(algorithm, policy_kwargs_from(checkpoint, frozen=False, **arguments))
    unfreeze(model.policy)
    names = [name for name, _ in other.policy.named_parameters()]
    assert [name for name, _ in model.policy.named_parameters()] == names
    assert any("features.encoder" in name for name in names)
    assert layout(model) == layout(other)
    for owner, plain in zip(owners(model), owners(other), strict=True):
        assert owner.optimizer.defaults == plain.optimizer.defaults


@EVERY
def test_encoder_is_trained_from_its_step_on_and_survives_saving(
    checkpoint: Path, tmp_path: Path, algorithm: str
) -> None:
    kwargs = policy_kwargs_from(checkpoint)
    untouched = copy.deepcopy(kwargs["features_extractor_kwargs"])
    model, watch = make(algorithm, kwargs), Watch()
    model.learn(32, callback=[watch, UnfreezeEncoder(after_steps=12)])
    original = fingerprint(tiny_encoder())
    assert {found for step, found in watch.seen if step <= 12} == {original}
    assert all(found != original for step, found in watch.seen if step > 20)
    after = describe(model)
    assert original not in after["fingerprints"]
    assert kwargs["features_extractor_kwargs"] == untouched  # the user's dictionary is not ours
    model.save(tmp_path / "agent")
    loaded = ALGORITHMS[algorithm][0].load(
        tmp_path / "agent", env=TinyWorld(continuous=algorithm == "sac"), device="cpu"
    )
    assert describe(loaded) == after
    for owner, plain in zip(owners(loaded), owners(model), strict=True):
        assert_equal(owner.optimizer.state_dict(), plain.optimizer.state_dict())
    loaded.learn(8)
    assert describe(loaded)["fingerprints"] != after["fingerprints"]


def assert_equal(left: Any, right: Any) -> None:
    if isinstance(left, torch.Tensor):
        assert torch.equal(left, right)
    elif isinstance(left, dict):
        assert left.keys() == right.keys()
        for key, value in left.items():
            assert_equal(value, right[key])
    else:
        assert left == right


@EVERY
def test_optimizer_keeps_what_it_knew_of_the_other_parameters(checkpoint: Path, algorithm: str) -> None:
    model = make(algorithm, policy_kwargs_from(checkpoint))
    model.learn(16)
    before = [dict(owner.optimizer.state) for owner in owners(model)]
    assert all(before)
    unfreeze(model.policy)
    for owner, known in zip(owners(model), before, strict=True):
        assert owner.optimizer.state.keys() == known.keys()
        assert all(owner.optimizer.state[value] is state for value, state in known.items())


def test_actor_and_critic_apart_are_both_trained(checkpoint: Path) -> None:
    model = make("ppo", policy_kwargs_from(checkpoint, share_features_extractor=False))
    model.learn(16, callback=UnfreezeEncoder(after_steps=0))
    found = describe(model)["fingerprints"]
    assert len({*found, fingerprint(tiny_encoder())}) == 3


def test_target_network_follows_after_unfreezing(checkpoint: Path) -> None:
    model = make("dqn", policy_kwargs_from(checkpoint))
    model.learn(24, callback=UnfreezeEncoder(after_steps=10))
    online, target = extractors(model.policy)
    assert not online.frozen
    assert not target.frozen
    model.tau = 1.0
    model._on_step()
    assert online.fingerprint() == target.fingerprint()


def test_batch_statistics_move_only_after_unfreezing() -> None:
    model = make("dqn", policy_kwargs_from(NormEncoder()))
    model.learn(12)
    statistics = model.q_net.features_extractor.features.encoder.norm
    before = statistics.running_mean.clone()
    assert torch.equal(before, NormEncoder().norm.running_mean)
    model.learn(12, callback=UnfreezeEncoder(after_steps=0))
    assert not torch.equal(statistics.running_mean, before)
    # DQN keeps lists of these tensors from its start.
    assert model.batch_norm_stats[0].data_ptr() == statistics.running_mean.data_ptr()


class Step(nn.Module):
    """Two parameters, of which one is to have a learning rate of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inside, self.outside = nn.Parameter(torch.tensor([1.0, -2.0])), nn.Parameter(torch.tensor([3.0]))

    def loss(self) -> torch.Tensor:
        return (self.inside**2).sum() * self.outside.square().sum()


@pytest.mark.parametrize(
    "make_optimizer",
    [
        lambda values, lr: torch.optim.SGD(values, lr=lr, momentum=0.9),
        lambda values, lr: torch.optim.RMSprop(values, lr=lr),
        lambda values, lr: torch.optim.Adam(values, lr=lr),
        lambda values, lr: torch.optim.AdamW(values, lr=lr, weight_decay=0.1),
    ],
    ids=["sgd", "rmsprop", "adam", "adamw"],
)
def test_scaled_steps_are_those_of_the_other_learning_rate(make_optimizer: Any) -> None:
    one, groups = Step(), Step()
    optimizer = make_optimizer(one.parameters(), 1e-2)
    ScaledUpdates([one.inside], lambda: 2e-3).attach(optimizer)
    ScaledUpdates([one.inside], lambda: 2e-3).attach(optimizer)  # in the place of the first
    expected = make_optimizer([{"params": [groups.inside], "lr": 2e-3}, {"params": [groups.outside]}], 1e-2)
    for _ in range(5):
        for module, each in ((one, optimizer), (groups, expected)):
            each.zero_grad()
            module.loss().backward()
            each.step()
    assert torch.allclose(one.inside, groups.inside, rtol=1e-6, atol=1e-7)
    assert torch.allclose(one.outside, groups.outside, rtol=1e-6, atol=1e-7)
    assert not torch.equal(one.inside, Step().inside)


def test_scaled_steps_end_when_they_are_detached_and_survive_a_rate_of_zero() -> None:
    module = Step()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.0)
    ScaledUpdates([module.inside], lambda: 0.1).attach(optimizer)
    module.loss().backward()
    optimizer.step()
    assert torch.equal(module.inside, Step().inside)
    detach(optimizer)
    optimizer.param_groups[0]["lr"] = 0.01
    optimizer.step()
    assert torch.allclose(module.inside, torch.tensor([1.0, -2.0]) - 0.01 * torch.tensor([18.0, -36.0]))


def encoder_step(model: Any) -> torch.Tensor:
    """Let the optimizer take one step on fixed gradients, and return how far the encoder went."""
    parameters = list(extractors(model.policy)[0].features.parameters())
    before = torch.cat([value.detach().flatten().clone() for value in parameters])
    for value in model.policy.parameters():
        value.grad = torch.ones_like(value)
    model.policy.optimizer.step()
    return torch.cat([value.detach().flatten() for value in parameters]) - before


def collect(model: Any, callback: BaseCallback) -> Any:
    """Let an agent go through a rollout with a callback, without any update."""
    model.train = lambda: None
    model.learn(8, callback=callback, reset_num_timesteps=False)
    del model.train
    return model


def agent(checkpoint: Path, callback: BaseCallback) -> Any:
    return collect(make("ppo", policy_kwargs_from(checkpoint)), callback)


def test_encoder_has_its_own_learning_rate_in_an_agent(checkpoint: Path) -> None:
    plain = encoder_step(agent(checkpoint, UnfreezeEncoder(after_steps=0)))
    slower = encoder_step(agent(checkpoint, UnfreezeEncoder(after_steps=0, learning_rate=1e-3)))
    assert plain.abs().max() > 1e-3
    assert torch.allclose(slower, 0.1 * plain, rtol=1e-3, atol=1e-7)  # the policy's rate is 1e-2


def test_schedule_of_the_encoder_follows_the_progress(checkpoint: Path) -> None:
    model = agent(checkpoint, UnfreezeEncoder(after_steps=0, learning_rate=lambda progress: 1e-2 * progress))
    model._current_progress_remaining = 0.5
    half = encoder_step(model)
    plain = encoder_step(agent(checkpoint, UnfreezeEncoder(after_steps=0)))
    assert torch.allclose(half, 0.5 * plain, rtol=1e-3, atol=1e-7)


def test_own_learning_rate_is_there_again_when_training_goes_on_after_loading(checkpoint: Path, tmp_path: Path) -> None:
    callback = UnfreezeEncoder(after_steps=0, learning_rate=1e-3)
    model = agent(checkpoint, callback)
    collect(model, callback)  # attached once more: still one scale
    model.save(tmp_path / "agent")
    slower = encoder_step(model)
    loaded = PPO.load(tmp_path / "agent", env=TinyWorld(), device="cpu")
    collect(loaded, UnfreezeEncoder(after_steps=10**9, learning_rate=1e-3))
    assert torch.allclose(encoder_step(loaded), slower, rtol=1e-3, atol=1e-7)
    collect(loaded, UnfreezeEncoder(after_steps=0))
    assert torch.allclose(encoder_step(loaded), 10 * slower, rtol=1e-3, atol=1e-7)


def test_checkpoints_from_before_and_after_can_be_loaded(checkpoint: Path, tmp_path: Path) -> None:
    model = make("ppo", policy_kwargs_from(checkpoint))
    save = CheckpointCallback(save_freq=8, save_path=str(tmp_path))
    model.learn(32, callback=[UnfreezeEncoder(after_steps=10), save])
    frozen = [
        extractors(PPO.load(tmp_path / f"rl_model_{steps}_steps", device="cpu").policy)[0].frozen
        for steps in (8, 16, 32)
    ]
    assert frozen == [True, False, False]


def test_agents_that_cannot_be_unfrozen_are_refused_at_the_start(checkpoint: Path) -> None:
    plain = PPO("CnnPolicy", TinyWorld(), n_steps=8, batch_size=4, device="cpu")
    with pytest.raises(ValueError, match=r"one of rmr_gym; got NatureCNN"):
        plain.learn(8, callback=UnfreezeEncoder(after_steps=0))
    shared = make("sac", policy_kwargs_from(checkpoint, share_features_extractor=True))
    with pytest.raises(ValueError, match="share_features_extractor=False"):
        shared.learn(8, callback=UnfreezeEncoder(after_steps=0))
    split = make("ppo", policy_kwargs_from(checkpoint))
    split.policy.optimizer = torch.optim.Adam(split.policy.value_net.parameters())
    with pytest.raises(ValueError, match="all parameters in one group"):
        split.learn(8, callback=UnfreezeEncoder(after_steps=10**6))
    natural = TRPO(
        "CnnPolicy", TinyWorld(), n_steps=8, batch_size=8, device="cpu", policy_kwargs=policy_kwargs_from(checkpoint)
    )
    with pytest.raises(ValueError, match="whose optimizer trains the actor.*got TRPO. Leave learning_rate out"):
        natural.learn(8, callback=UnfreezeEncoder(after_steps=0, learning_rate=1e-4))


def test_encoder_with_nothing_to_train_cannot_be_unfrozen() -> None:
    encoder = tiny_encoder().requires_grad_(requires_grad=False)
    model = make("ppo", policy_kwargs_from(encoder))
    with pytest.raises(ValueError, match=r"requires_grad_\(True\)"):
        unfreeze(model.policy)
    (extractor,) = extractors(model.policy)
    assert isinstance(extractor, EncoderFeaturesExtractor)
    assert extractor.frozen


@pytest.mark.parametrize("arguments", [{"after_steps": -1}, {"after_steps": 0, "learning_rate": 0.0}])
def test_arguments_without_sense_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        UnfreezeEncoder(**arguments)
