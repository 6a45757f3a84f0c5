"""The weights of an encoder through the life of an agent: training, saving, loading elsewhere, setting parameters."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from rmr_gym.models import fingerprint, load_encoder
from rmr_gym.sb3.unfreezing import extractors
from tests.sb3.tiny_agents import AGENTS, ALGORITHMS, KINDS, STEPS, describe, make
from tests.sb3.tiny_worlds import NormEncoder
from tests.warm_python import run_python

ROOT = Path(__file__).parents[2]


class Life(NamedTuple):
    """What an agent was after training, and when it was loaded in another process."""

    model: Any
    path: Path
    trained: dict[str, Any]
    elsewhere: dict[str, Any]


@pytest.fixture(scope="module")
def lives(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Life]:
    """Train and save all agents, take their encoder away, and load them in a new process and directory."""
    there, zips, other = (tmp_path_factory.mktemp(name) for name in ("there", "zips", "other"))
    folder = there / "encoder"
    shutil.copytree(checkpoint, folder)
    models = {}
    for algorithm, kind in AGENTS:
        model = models[algorithm, kind] = make(algorithm, KINDS[kind](folder))
        model.learn(STEPS)
        model.save(zips / f"{algorithm}-{kind}")
    shutil.rmtree(there)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = run_python("-m", "tests.sb3.tiny_agents", str(zips), folder=other, environment=environment)
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    return {
        agent: Life(model, zips / f"{'-'.join(agent)}.zip", describe(model), loaded["-".join(agent)])
        for agent, model in models.items()
    }


EVERY = pytest.mark.parametrize("agent", AGENTS, ids="-".join)
FROZEN = pytest.mark.parametrize("agent", [agent for agent in AGENTS if agent[1] != "trained"], ids="-".join)
TRAINED = pytest.mark.parametrize("agent", [agent for agent in AGENTS if agent[1] == "trained"], ids="-".join)


def original(agent: tuple[str, str], checkpoint: Path) -> str:
    return fingerprint(NormEncoder() if agent[1] == "live" else load_encoder(checkpoint))


@FROZEN
def test_frozen_encoder_is_that_of_its_checkpoint_after_training_and_loading(
    lives: dict[tuple[str, str], Life], checkpoint: Path, agent: tuple[str, str]
) -> None:
    expected = {original(agent, checkpoint)}
    assert set(lives[agent].trained["fingerprints"]) == expected
    assert set(lives[agent].elsewhere["fingerprints"]) == expected


@TRAINED
def test_trained_encoder_has_changed_and_is_loaded_as_it_was_saved(
    lives: dict[tuple[str, str], Life], checkpoint: Path, agent: tuple[str, str]
) -> None:
    assert original(agent, checkpoint) not in lives[agent].trained["fingerprints"]
    assert lives[agent].elsewhere["fingerprints"] == lives[agent].trained["fingerprints"]


@EVERY
def test_agent_acts_elsewhere_as_it_did(lives: dict[tuple[str, str], Life], agent: tuple[str, str]) -> None:
    assert lives[agent].elsewhere == lives[agent].trained


@FROZEN
def test_agent_has_learned_around_its_frozen_encoder(
    lives: dict[tuple[str, str], Life], agent: tuple[str, str], checkpoint: Path
) -> None:
    fresh = make(agent[0], KINDS[agent[1]](checkpoint))
    assert describe(fresh)["scores"] != lives[agent].trained["scores"] or agent[0] == "recurrent_ppo"
    moved = [
        not torch.equal(before, after)
        for before, after in zip(fresh.policy.parameters(), lives[agent].model.policy.parameters(), strict=True)
    ]
    assert any(moved)


@FROZEN
def test_set_parameters_keeps_a_frozen_encoder(
    lives: dict[tuple[str, str], Life], agent: tuple[str, str], checkpoint: Path
) -> None:
    fresh = make(agent[0], KINDS[agent[1]](checkpoint))
    fresh.set_parameters(lives[agent].path, exact_match=True, device="cpu")
    assert describe(fresh) == lives[agent].trained
    fresh.set_parameters(lives[agent].model.get_parameters())
    assert set(describe(fresh)["fingerprints"]) == {original(agent, checkpoint)}


@pytest.mark.parametrize("algorithm", ["ppo", "dqn", "sac"])
def test_parameters_with_another_encoder_are_refused_and_nothing_of_it_is_copied(
    lives: dict[tuple[str, str], Life], checkpoint: Path, algorithm: str
) -> None:
    model = make(algorithm, KINDS["frozen"](checkpoint))
    before = describe(model)["fingerprints"]
    trained = lives[algorithm, "trained"].model.policy.state_dict()
    with pytest.raises(ValueError, match=r"nature_cnn, pong, rmr, seed 0, with fingerprint .*frozen=False"):
        model.policy.load_state_dict(trained)
    assert describe(model)["fingerprints"] == before


@pytest.mark.parametrize("algorithm", ["ppo", "dqn", "recurrent_ppo"])
def test_training_goes_on_after_loading(lives: dict[tuple[str, str], Life], checkpoint: Path, algorithm: str) -> None:
    for kind in ("frozen", "trained"):
        life = lives[algorithm, kind]
        model = ALGORITHMS[algorithm][0].load(life.path, env=life.model.get_env(), device="cpu")
        model.learn(STEPS, reset_num_timesteps=False)
        after = describe(model)["fingerprints"]
        assert (set(after) == {original((algorithm, kind), checkpoint)}) == (kind == "frozen")
        assert (after == life.trained["fingerprints"]) == (kind == "frozen")


def test_target_network_is_averaged_around_its_frozen_encoder(lives: dict[tuple[str, str], Life]) -> None:
    policy = lives["dqn", "frozen"].model.policy
    online, target = extractors(policy)
    assert online is not target
    assert online.fingerprint() == target.fingerprint()  # with tau = 0.5, after many updates
    heads = [dict(net.q_net.named_parameters()) for net in (policy.q_net, policy.q_net_target)]
    assert not torch.equal(heads[0]["0.weight"], heads[1]["0.weight"])
