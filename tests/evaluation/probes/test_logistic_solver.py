"""The batched solver against scikit-learn and plain float64 sums."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from rmr_gym.evaluation.probes.logistic_solver import LogisticModels, solve_logistic
from rmr_gym.seeding import numpy_generator

Arrays = tuple[np.ndarray, np.ndarray]


def world(num_frames: int = 300, num_inputs: int = 8, num_targets: int = 5) -> Arrays:
    """Draw inputs of unequal scale, and noisy bits of them."""
    generator = numpy_generator(0, "solver")
    inputs = generator.standard_normal((num_frames, num_inputs)) * np.geomspace(10, 0.1, num_inputs)
    logits = inputs @ generator.standard_normal((num_inputs, num_targets))
    return inputs, (logits + generator.logistic(size=logits.shape) > 0).astype(np.float64)


def solve(inputs: np.ndarray, targets: np.ndarray, penalty: float, **settings: float) -> LogisticModels:
    """Solve in float64, from zero on."""
    settings = {"tolerance": 1e-14, "max_steps": 500} | settings
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    start = LogisticModels(weight=x.new_zeros(x.shape[1], y.shape[1]), bias=x.new_zeros(y.shape[1]))
    return solve_logistic(x, y, x.var(dim=0), start, penalty=penalty, **settings)[0]


def scikit_learn(inputs: np.ndarray, bits: np.ndarray, penalty: float) -> LogisticRegression:
    model = LogisticRegression(C=1 / (penalty * len(inputs)), tol=1e-9, max_iter=20_000)
    return model.fit(inputs, bits)


def objective(inputs: np.ndarray, bits: np.ndarray, weight: np.ndarray, bias: float, penalty: float) -> float:
    logits = inputs @ weight + bias
    return float(np.mean(np.logaddexp(0, logits) - bits * logits) + penalty / 2 * weight @ weight)


def assert_same_optimum(inputs: np.ndarray, targets: np.ndarray, penalty: float) -> None:
    models = solve(inputs, targets, penalty)
    for bit in range(targets.shape[1]):
        reference = scikit_learn(inputs, targets[:, bit], penalty)
        weight, bias = models.weight[:, bit].numpy(), float(models.bias[bit])
        np.testing.assert_allclose(weight, reference.coef_[0], rtol=1e-3, atol=1e-4)
        assert bias == pytest.approx(reference.intercept_[0], rel=1e-3, abs=1e-4)
        ours = objective(inputs, targets[:, bit], weight, bias, penalty)
        theirs = objective(inputs, targets[:, bit], reference.coef_[0], float(reference.intercept_[0]), penalty)
        assert ours <= theirs + 1e-9


@pytest.mark.parametrize("penalty", [1.0, 1e-2, 1e-4])
def test_solver_finds_the_optimum_of_scikit_learn(penalty: float) -> None:
    assert_same_optimum(*world(), penalty)


def test_solver_finds_the_optimum_of_separable_bits() -> None:
    inputs, _ = world()
    assert_same_optimum(inputs, (inputs[:, :2] > 0).astype(np.float64), 1e-3)


def test_solver_finds_the_optimum_of_rare_bits() -> None:
    inputs, targets = world()
    targets[:] = 0
    targets[7, 0] = targets[[3, 90], 1] = 1
    targets[:, 2:] = 1
    targets[11, 2:] = 0
    assert_same_optimum(inputs, targets, 1e-3)


def test_solver_finds_the_optimum_of_collinear_inputs() -> None:
    inputs, targets = world()
    inputs[:, 3] = inputs[:, 0] + inputs[:, 1]
    assert_same_optimum(inputs, targets, 1e-2)


def test_solver_finds_the_optimum_of_fewer_frames_than_inputs() -> None:
    inputs, targets = world(num_frames=12, num_inputs=30)
    targets[0], targets[1] = 0, 1
    assert_same_optimum(inputs, targets, 1e-2)


def test_solver_needs_no_step_from_the_optimum() -> None:
    inputs, targets = world()
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    settings = {"penalty": 0.01, "tolerance": 1e-8, "max_steps": 300}
    start = LogisticModels(weight=x.new_zeros(8, 5), bias=x.new_zeros(5))
    solved, steps = solve_logistic(x, y, x.var(dim=0), start, **settings)
    again, none = solve_logistic(x, y, x.var(dim=0), solved, **settings)
    assert 0 < steps < 100
    assert none == 0
    assert torch.equal(again.weight, solved.weight)
    assert not start.weight.any()  # the start is not written to


def test_solver_treats_bits_alone_as_in_company() -> None:
    inputs, targets = world(num_targets=300)  # more than one group
    targets[0], targets[1] = 0, 1
    together = solve(inputs, targets, 0.01, tolerance=1e-10)
    for bit in (0, 255, 256, 299):
        alone = solve(inputs, targets[:, [bit]], 0.01, tolerance=1e-10)
        torch.testing.assert_close(together.weight[:, [bit]], alone.weight, rtol=1e-6, atol=1e-8)
        torch.testing.assert_close(together.bias[[bit]], alone.bias, rtol=1e-6, atol=1e-8)


def test_solver_never_ends_above_where_it_started() -> None:
    inputs, targets = world()
    inputs = inputs * 1e3  # the logits of the start saturate
    weight = numpy_generator(0, "bad start").standard_normal((8, 5))
    x, y = torch.from_numpy(inputs), torch.from_numpy(targets)
    bad = LogisticModels(weight=torch.from_numpy(weight), bias=x.new_zeros(5))
    losses = [
        [objective(inputs, targets[:, bit], models.weight[:, bit].numpy(), 0.0, 1e-3) for bit in range(5)]
        for models in [bad]
    ]
    for max_steps in (1, 2, 5, 20):
        models, steps = solve_logistic(x, y, x.var(dim=0), bad, penalty=1e-3, tolerance=1e-12, max_steps=max_steps)
        assert steps == max_steps
        losses.append(
            [
                objective(inputs, targets[:, bit], models.weight[:, bit].numpy(), float(models.bias[bit]), 1e-3)
                for bit in range(5)
            ]
        )
    assert (np.diff(np.array(losses), axis=0) <= 1e-9).all()
    assert np.isfinite(losses).all()
