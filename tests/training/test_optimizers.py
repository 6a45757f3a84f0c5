from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rmr_gym.models import fingerprint
from rmr_gym.models.blocks import initial_weights
from rmr_gym.objectives import LossTerms
from rmr_gym.training.loop import Group, GroupTerms, LoopConfig, train, train_groups
from rmr_gym.training.optimizers import OptimizerName, make_optimizers
from rmr_gym.training.sinks import MemorySink

CONFIG = LoopConfig(gradient_steps=30, optimizer="muon", learning_rate=1e-2, log_every=7, checkpoint_every=10)


def make_model(seed: int = 0) -> nn.Module:
    with initial_weights(seed):
        return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))


def regression(model: nn.Module):
    def loss(step: int) -> LossTerms:
        inputs = torch.randn(16, 3, generator=torch.Generator().manual_seed(step))
        error: Tensor = (model(inputs).squeeze(1) - inputs.sum(1)).square().mean()
        return LossTerms(error)

    return loss


def test_every_parameter_has_one_optimizer_and_matrices_have_muon() -> None:
    kernel = nn.Parameter(torch.ones(2, 3, 3, 3))
    parameters = [*make_model().parameters(), kernel]
    muon, adam = make_optimizers("muon", parameters, learning_rate=1e-3)
    assert [type(muon), type(adam)] == [torch.optim.Muon, torch.optim.Adam]
    assert [parameter.dim() for parameter in muon.param_groups[0]["params"]] == [2, 2]
    assert [parameter.dim() for parameter in adam.param_groups[0]["params"]] == [1, 1, 4]
    (alone,) = make_optimizers("adam", parameters, learning_rate=1e-3)
    assert alone.param_groups[0]["params"] == parameters


@pytest.mark.parametrize(("shape", "kind"), [((4, 6), torch.optim.Muon), ((4,), torch.optim.Adam)])
def test_there_is_no_optimizer_without_parameters(shape: tuple[int, ...], kind: type) -> None:
    assert [type(one) for one in make_optimizers("muon", [nn.Parameter(torch.ones(shape))], learning_rate=1.0)] == [
        kind
    ]


def test_first_update_of_a_matrix_is_nearly_orthogonal_and_of_the_size_of_adams() -> None:
    generator = np.random.default_rng(0)
    weight = nn.Parameter(torch.zeros(24, 40, dtype=torch.float32))
    # Singular values over two orders of magnitude, all of which the update brings near one.
    left, right = (np.linalg.qr(generator.normal(size=(size, size)))[0] for size in (24, 40))
    gradient = left @ np.diag(np.geomspace(1, 0.01, 24)) @ right[:24]
    weight.grad = torch.tensor(gradient, dtype=torch.float32)
    (muon,) = make_optimizers("muon", [weight], learning_rate=0.5)
    muon.step()
    update = -weight.detach().numpy() / (0.5 * 0.2 * np.sqrt(40))
    singular = np.linalg.svd(update, compute_uv=False)
    assert 0.3 < singular.min() <= singular.max() < 1.3
    assert np.sum(update * (left @ right[:24])) / np.linalg.norm(update) / np.sqrt(24) > 0.95
    assert float(weight.detach().square().mean().sqrt()) == pytest.approx(0.5 * 0.2, rel=0.2)  # Adam's usual size


@pytest.mark.parametrize(
    ("name", "given", "shrinks_by"),
    [("adam", None, 0.0), ("adam", 0.25, 0.25), ("muon", None, 0.1), ("muon", 0.25, 0.25), ("muon", 0.0, 0.0)],
)
def test_a_matrix_without_gradient_shrinks_by_the_weight_decay_alone(
    name: OptimizerName, given: float | None, shrinks_by: float
) -> None:
    weight = nn.Parameter(torch.full((2, 3), 8.0))
    weight.grad = torch.zeros_like(weight)
    (optimizer,) = make_optimizers(name, [weight], learning_rate=0.5, weight_decay=given)
    optimizer.step()
    torch.testing.assert_close(weight.detach(), torch.full((2, 3), 8.0 * (1 - 0.5 * shrinks_by)))


def test_a_training_takes_the_weight_decay_of_its_config() -> None:
    norms: list[float] = []
    for decay in (0.0, 50.0):
        model = make_model()
        config = replace(CONFIG, optimizer="adam", weight_decay=decay)
        train(regression(model), [model], config, seed=0, sink=MemorySink())
        norms.append(sum(float(parameter.detach().square().sum()) for parameter in model.parameters()))
    assert norms[1] < 0.1 * norms[0]


def test_muon_lowers_a_loss() -> None:
    model, sink = make_model(), MemorySink()
    train(regression(model), [model], replace(CONFIG, gradient_steps=60, learning_rate=0.1), seed=0, sink=sink)
    assert sink.records[-1]["loss"] < 0.1 * sink.records[0]["loss"]


def test_members_in_turn_are_trained_as_if_each_were_alone() -> None:
    alone, together = ([make_model(seed) for seed in range(2)] for _ in range(2))
    for model in alone:
        train(regression(model), [model], CONFIG, seed=0, sink=MemorySink())

    def group(model: nn.Module) -> Group:
        loss = regression(model)
        return Group(loss=lambda step: GroupTerms.of_one(loss(step)), modules=[model], sinks=[MemorySink()])

    train_groups([group(model) for model in together], CONFIG)
    assert [fingerprint(model) for model in together] == [fingerprint(model) for model in alone]


def test_muon_refuses_stacked_weights_before_any_update() -> None:
    model = make_model()
    before = fingerprint(model)
    group = Group(
        loss=lambda _: pytest.fail("no loss is to be computed"), modules=[model], sinks=[MemorySink()], stacked=True
    )
    with pytest.raises(ValueError, match="Adam for weights that are stacked; got muon"):
        train_groups([group], CONFIG)
    assert fingerprint(model) == before
    assert make_optimizers(replace(CONFIG, optimizer="adam").optimizer, [*model.parameters()], learning_rate=1.0)
