from __future__ import annotations

import inspect
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from stable_baselines3 import PPO
from torch.optim import Adam

from rmr_gym.sb3.training import ALGORITHMS, DOCUMENTS, PpoConfig

# Found without being imported: the package patches Gymnasium's wrappers for the whole process.
ZOO = Path(str(getattr(find_spec("rl_zoo3"), "origin", None))).parent
ZOO_FILES = {"recurrent_ppo": "ppo_lstm"}
OURS = {"qrdqn": {"buffer_size"}}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_defaults_are_those_of_the_zoo(name: str) -> None:
    file = ZOO / "hyperparams" / f"{ZOO_FILES.get(name, name)}.yml"
    zoo = yaml.safe_load(file.read_text())["atari"]
    config: Any = ALGORITHMS[name]()
    compared = 0
    for key, value in {"num_envs": zoo.get("n_envs", 1), **zoo}.items():
        if key not in config.__dataclass_fields__:
            continue
        expected = float(value.removeprefix("lin_")) if isinstance(value, str) else value
        assert getattr(config, key) == expected, key
        assert not str(value).startswith("lin_") or config.anneal
        compared += 1
    assert compared >= 3


@pytest.mark.parametrize("name", ALGORITHMS)
def test_other_defaults_are_those_of_the_class(name: str) -> None:
    config: Any = ALGORITHMS[name]()
    parameters = inspect.signature(config.algorithm_class().__init__).parameters
    file = ZOO / "hyperparams" / f"{ZOO_FILES.get(name, name)}.yml"
    zoo = yaml.safe_load(file.read_text())["atari"]
    for key, value in config.keywords().items():
        assert key in parameters
        if key not in zoo and key not in OURS.get(name, ()):
            assert value == parameters[key].default, key


@pytest.mark.parametrize(("name", "pictures", "policy"), [("ppo", True, "CnnPolicy"), ("dqn", False, "MlpPolicy")])
def test_policy_fits_what_is_seen(name: str, pictures: bool, policy: str) -> None:
    assert ALGORITHMS[name]().policy_name(pictures=pictures) == policy


def test_recurrent_policy_has_a_memory() -> None:
    assert ALGORITHMS["recurrent_ppo"]().policy_name(pictures=True) == "CnnLstmPolicy"


def test_annealed_learning_rate_ends_at_zero() -> None:
    schedule = PpoConfig(learning_rate=0.5).keywords()["learning_rate"]
    assert [schedule(1.0), schedule(0.5), schedule(0.0)] == [0.5, 0.25, 0.0]
    assert PpoConfig(learning_rate=0.5, anneal=False).keywords()["learning_rate"] == 0.5


def made(name: str, *, fused: bool) -> Any:
    """Make an agent of the smallest size on a task without pictures."""
    sizes: dict[str, Any] = {"num_envs": 1, "fused_adam": fused}
    sizes |= {"buffer_size": 20} if ALGORITHMS[name].off_policy else {"n_steps": 8, "batch_size": 8}
    config: Any = ALGORITHMS[name](**sizes)
    kwargs = {**config.policy_kwargs(), "net_arch": [4]}
    return config.algorithm_class()(
        config.policy_name(pictures=False),
        "CartPole-v1",
        policy_kwargs=kwargs,
        seed=0,
        device="cpu",
        **config.keywords(),
    )


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "a2c"])
def test_fused_adam_is_the_same_adam(name: str) -> None:
    usual, fused = (made(name, fused=value).policy.optimizer for value in (False, True))
    assert type(usual) is type(fused) is Adam
    (was,), (now,) = usual.param_groups, fused.param_groups
    assert (was["fused"], now["fused"]) == (None, True)
    same = set(was) - {"params", "fused", "foreach"}
    assert {key: was[key] for key in same} == {key: now[key] for key in same}


def test_fused_steps_lead_to_the_same_weights_and_are_saved(tmp_path: Path) -> None:
    usual, fused = (made("ppo", fused=value).learn(32) for value in (False, True))
    for was, now in zip(usual.policy.parameters(), fused.policy.parameters(), strict=True):
        torch.testing.assert_close(now, was, atol=1e-5, rtol=1e-4)
    fused.save(tmp_path / "agent")
    loaded = PPO.load(tmp_path / "agent", env=fused.get_env(), device="cpu")
    assert loaded.policy.optimizer.param_groups[0]["fused"]
    loaded.learn(16)
    moments = [state["step"].item() for state in loaded.policy.optimizer.state.values()]
    assert set(moments) == {(32 + 16) / 8 * 4}  # epochs of minibatches of 8


def test_configs_of_before_go_on_without_the_fused_kernel() -> None:
    document = DOCUMENTS.to_json(PpoConfig())
    assert DOCUMENTS.from_json(PpoConfig, document).fused_adam
    del document["fused_adam"]
    assert not DOCUMENTS.from_json(PpoConfig, document).fused_adam


@pytest.mark.parametrize(("field", "value"), [("num_envs", 0), ("learning_rate", -1.0), ("ent_coef", float("nan"))])
def test_numbers_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        PpoConfig(**{field: value})


@pytest.mark.parametrize(
    ("name", "field"),
    [
        *[("ppo", field) for field in ("n_steps", "n_epochs", "batch_size")],
        *[("dqn", field) for field in ("buffer_size", "batch_size", "train_freq", "gradient_steps")],
        ("qrdqn", "n_quantiles"),
        ("recurrent_ppo", "lstm_hidden_size"),
    ],
)
def test_counts_begin_with_1(name: str, field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} of at least 1"):
        ALGORITHMS[name](**{field: 0})


@pytest.mark.parametrize("name", ["ppo", "recurrent_ppo"])
@pytest.mark.parametrize("numbers", [{"batch_size": 1}, {"num_envs": 1, "n_steps": 1}])
def test_minibatches_of_one_step_are_refused(name: str, numbers: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="minibatches of at least 2 steps; got batch_size="):
        ALGORITHMS[name](**numbers)
    assert ALGORITHMS[name](num_envs=1, n_steps=2, batch_size=2).steps_per_rollout == 2
