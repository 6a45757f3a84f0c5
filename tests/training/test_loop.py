from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from rmr_gym.errors import NonFiniteLossError
from rmr_gym.models import fingerprint, freeze
from rmr_gym.models.blocks import initial_weights
from rmr_gym.objectives import LossTerms
from rmr_gym.training.loop import LoopConfig, is_logged, train
from rmr_gym.training.optimizers import OptimizerName
from rmr_gym.training.sinks import JsonlSink, MemorySink, read_records
from tests.warm_python import run_python


class KilledError(Exception):
    """Stands for kill -9 in the middle of a run."""


def make_model() -> nn.Module:
    with initial_weights(0):
        return nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))


def regression(model: nn.Module, kill_at: int | None = None):
    def loss(step: int) -> LossTerms:
        if step == kill_at:
            raise KilledError
        inputs = torch.randn(16, 3, generator=torch.Generator().manual_seed(step))
        error: Tensor = (model(inputs).squeeze(1) - inputs.sum(1)).square().mean()
        return LossTerms(error, {"error": error.detach()})

    return loss


CONFIG = LoopConfig(gradient_steps=60, batch_size=16, learning_rate=1e-2, log_every=7, checkpoint_every=10)


def test_loss_falls() -> None:
    model, sink = make_model(), MemorySink()
    train(regression(model), [model], CONFIG, seed=0, sink=sink)
    assert sink.records[-1]["loss"] < 0.5 * sink.records[0]["loss"]
    logged = [record["step"] for record in sink.records]
    assert logged == [0, 7, 14, 21, 28, 35, 42, 49, 56, 59]
    assert logged == [step for step in range(CONFIG.gradient_steps) if is_logged(CONFIG, step)]


COUNTING = """
import torch
from torch import nn
from rmr_gym.objectives import LazyTerms, LossTerms
from rmr_gym.training import LoopConfig, MemorySink
from rmr_gym.training.ensemble import Trainee, train_side_by_side

class Loss(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
    def forward(self, inputs):
        total = (self.weight * inputs).square().sum()
        def monitors():
            print(step, end=" ")
            return {"total": total.detach()}
        return LossTerms(total, LazyTerms(monitors))

def batch(number):
    global step
    step = number
    return (torch.ones(1),)

for execution in ("in_turn", "stacked"):
    trainees = [Trainee(name=name, loss=Loss(), batch=batch, seed=0, sink=MemorySink()) for name in "ab"]
    train_side_by_side(trainees, LoopConfig(gradient_steps=6, log_every=3), execution=execution)
    print("|", [record["step"] for record in trainees[0].sink.records], end=" | ")
"""


def test_logged_terms_are_computed_only_for_the_log() -> None:
    # In a process of its own: the checks of types that the tests switch on read every mapping.
    done = run_python("-c", COUNTING, folder=Path.cwd())
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(" | ")[:4] == ["0 0 3 3 5 5", "[0, 3, 5]", "0 3 5", "[0, 3, 5]"]


def test_dropout_depends_on_seed_and_update_alone(tmp_path: Path) -> None:
    def noisy() -> nn.Module:
        return nn.Sequential(make_model(), nn.Identity()).insert(0, nn.Dropout(0.5))

    def end(seed: int, state_folder: Path | None = None) -> str:
        model = noisy()
        train(regression(model), [model], CONFIG, seed=seed, sink=MemorySink(), state_folder=state_folder)
        return fingerprint(model)

    torch.manual_seed(1)
    before = torch.get_rng_state()
    expected = end(0)
    assert torch.equal(torch.get_rng_state(), before), "the global stream must stay where it is"
    torch.manual_seed(2)
    assert end(0) == expected
    assert end(1) != expected
    killed = noisy()
    with pytest.raises(KilledError):
        train(regression(killed, 35), [killed], CONFIG, seed=0, sink=MemorySink(), state_folder=tmp_path)
    assert end(0, tmp_path) == expected


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
@pytest.mark.parametrize("kills", [[5], [25], [25, 26, 59]])
def test_killed_run_ends_with_the_weights_and_log_of_an_undisturbed_one(
    tmp_path: Path, kills: list[int], optimizer: OptimizerName
) -> None:
    config = replace(CONFIG, optimizer=optimizer)
    expected, expected_sink = make_model(), MemorySink()
    train(regression(expected), [expected], config, seed=0, sink=expected_sink)
    sink = MemorySink()
    for kill_at in kills:
        model = make_model()
        with pytest.raises(KilledError):
            train(regression(model, kill_at), [model], config, seed=0, sink=sink, state_folder=tmp_path / "state")
    model = make_model()
    train(regression(model), [model], config, seed=0, sink=sink, state_folder=tmp_path / "state")
    assert fingerprint(model) == fingerprint(expected)
    assert sink.records == expected_sink.records
    assert not (tmp_path / "state").exists()


def test_damaged_newest_state_is_passed_over(tmp_path: Path) -> None:
    expected = make_model()
    train(regression(expected), [expected], CONFIG, seed=0, sink=MemorySink())
    model = make_model()
    with pytest.raises(KilledError):
        train(regression(model, 35), [model], CONFIG, seed=0, sink=MemorySink(), state_folder=tmp_path)
    newest = max(tmp_path.glob("state-*"))
    newest.write_bytes(newest.read_bytes()[:-1])
    model, steps = make_model(), []
    train(
        regression(model),
        [model],
        CONFIG,
        seed=0,
        sink=MemorySink(),
        on_step=lambda step, _: steps.append(step),
        state_folder=tmp_path,
    )
    assert steps[0] == 21  # the state after 20 steps was used
    assert fingerprint(model) == fingerprint(expected)


def test_training_goes_on_in_front_of_a_damaged_line_of_its_log(tmp_path: Path) -> None:
    config, log = replace(CONFIG, log_every=1), tmp_path / "log.jsonl"
    expected = make_model()
    train(regression(expected), [expected], config, seed=0, sink=MemorySink())
    model = make_model()
    with pytest.raises(KilledError):
        train(regression(model, 35), [model], config, seed=0, sink=JsonlSink(log), state_folder=tmp_path / "state")
    lines = log.read_bytes().split(b"\n")
    lines[25] = b"\0" * len(lines[25])  # as a crash of the machine leaves it
    log.write_bytes(b"\n".join(lines))
    model, steps = make_model(), []
    train(
        regression(model),
        [model],
        config,
        seed=0,
        sink=JsonlSink(log),
        on_step=lambda step, _: steps.append(step),
        state_folder=tmp_path / "state",
    )
    assert steps[0] == 21  # the state after 20 steps is the newest that the log reaches
    assert fingerprint(model) == fingerprint(expected)
    assert [record["step"] for record in read_records(log)] == list(range(60))


@pytest.mark.parametrize(("lost", "first"), [([0], 1), ([10], 1), ([20, 21], 21), ([30], 31)])
def test_training_starts_where_its_log_does(tmp_path: Path, lost: list[int], first: int) -> None:
    """A crash of the machine can take lines of the log that are older than the state beside it."""
    config = replace(CONFIG, log_every=1)
    undisturbed, log = make_model(), tmp_path / "log.jsonl"
    train(regression(undisturbed), [undisturbed], config, seed=0, sink=JsonlSink(tmp_path / "expected.jsonl"))
    model = make_model()
    with pytest.raises(KilledError):
        train(regression(model, 35), [model], config, seed=0, sink=JsonlSink(log), state_folder=tmp_path / "state")
    assert [path.name[:15] for path in sorted((tmp_path / "state").iterdir())] == ["state-000000020", "state-000000030"]
    lines = log.read_text().splitlines(keepends=True)
    log.write_text("".join(line for number, line in enumerate(lines) if number not in lost))
    model, steps = make_model(), []
    train(
        regression(model),
        [model],
        config,
        seed=0,
        sink=JsonlSink(log),
        on_step=lambda step, _: steps.append(step),
        state_folder=tmp_path / "state",
    )
    # States have 20 and 30 updates behind them: a line that is missing before 20 spoils both, one before 30 the newer.
    assert steps[0] == first
    assert log.read_text() == (tmp_path / "expected.jsonl").read_text()
    assert fingerprint(model) == fingerprint(undisturbed)


def test_state_of_a_longer_training_is_refused(tmp_path: Path) -> None:
    model = make_model()
    with pytest.raises(KilledError):
        train(regression(model, 35), [model], CONFIG, seed=0, sink=MemorySink(), state_folder=tmp_path)
    shorter = replace(CONFIG, gradient_steps=20)
    with pytest.raises(ValueError, match=r"at most 20 updates; got 30.*Remove the folder"):
        train(regression(model), [model], shorter, seed=0, sink=MemorySink(), state_folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2, "nothing of the longer one is lost"


def test_only_two_states_are_kept(tmp_path: Path) -> None:
    model = make_model()
    with pytest.raises(KilledError):
        train(regression(model, 55), [model], CONFIG, seed=0, sink=MemorySink(), state_folder=tmp_path)
    assert [path.name[:15] for path in sorted(tmp_path.iterdir())] == ["state-000000040", "state-000000050"]


def test_training_stops_before_a_non_finite_update() -> None:
    model = make_model()

    def loss(step: int) -> LossTerms:
        total = model(torch.ones(1, 3)).sum() * (float("nan") if step == 3 else 1.0)
        return LossTerms(total, {"scale": torch.tensor(7.0)})

    with pytest.raises(NonFiniteLossError, match=r"step 3.*'scale': 7\.0"):
        train(loss, [model], CONFIG, seed=0, sink=MemorySink())
    assert all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())


@pytest.mark.parametrize("limit", [None, 1.0])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_training_stops_before_an_update_by_a_gradient_that_is_not_finite(
    tmp_path: Path, limit: float | None, value: float
) -> None:
    model = make_model()
    model[0].bias.register_hook(lambda gradient: gradient * (value if len(steps) == 3 else 1.0))
    config, steps = replace(CONFIG, checkpoint_every=1, max_gradient_norm=limit), list[int]()
    with pytest.raises(NonFiniteLossError, match=r"a finite gradient at step 3; got \{'loss': \d+\.\d+"):
        train(
            regression(model),
            [model],
            config,
            seed=0,
            sink=MemorySink(),
            on_step=lambda step, _: steps.append(step),
            state_folder=tmp_path,
        )
    assert all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())
    assert [path.name[:15] for path in sorted(tmp_path.iterdir())] == ["state-000000002", "state-000000003"]


def test_gradients_whose_squares_overflow_are_finite() -> None:
    model = make_model()
    model[0].bias.register_hook(lambda gradient: gradient + 1e30)
    train(regression(model), [model], replace(CONFIG, gradient_steps=2), seed=0, sink=MemorySink())


def test_frozen_parts_are_left_out() -> None:
    model = make_model()
    freeze(model[0])
    before = fingerprint(model[0])
    train(regression(model), [model], CONFIG, seed=0, sink=MemorySink())
    assert fingerprint(model[0]) == before


def gradient_norm(model: nn.Module) -> float:
    return float(torch.cat([parameter.grad.flatten() for parameter in model.parameters()]).norm())


def test_gradients_above_the_limit_are_shortened_to_it() -> None:
    once = LoopConfig(gradient_steps=1)
    free, limited = make_model(), make_model()
    train(regression(free), [free], once, seed=0, sink=MemorySink())
    norm = gradient_norm(free)
    train(regression(limited), [limited], replace(once, max_gradient_norm=norm / 10), seed=0, sink=MemorySink())
    assert gradient_norm(limited) == pytest.approx(norm / 10, rel=1e-4)
    for parameter, whole in zip(limited.parameters(), free.parameters(), strict=True):
        torch.testing.assert_close(10 * parameter.grad, whole.grad, rtol=1e-4, atol=1e-6)


def test_gradients_below_the_limit_stay_as_they_are() -> None:
    free, limited = make_model(), make_model()
    train(regression(free), [free], CONFIG, seed=0, sink=MemorySink())
    train(regression(limited), [limited], replace(CONFIG, max_gradient_norm=1e6), seed=0, sink=MemorySink())
    assert fingerprint(limited) == fingerprint(free)


def test_learning_rate_warms_up_and_decays_along_a_cosine() -> None:
    config = LoopConfig(gradient_steps=101, learning_rate=1.0, warmup_steps=3, final_learning_rate_fraction=0.1)
    assert config.learning_rate_at(0) == pytest.approx(0.25)
    assert config.learning_rate_at(50) == pytest.approx(0.55)
    assert config.learning_rate_at(100) == pytest.approx(0.1)
    assert LoopConfig(learning_rate=0.5).learning_rate_at(999) == 0.5


@pytest.mark.parametrize(
    "wrong",
    [
        {"gradient_steps": 0},
        {"batch_size": 0},
        {"learning_rate": 0.0},
        {"log_every": 0},
        {"max_gradient_norm": 0.0},
        {"max_gradient_norm": float("nan")},
        {"weight_decay": -0.1},
        {"weight_decay": float("inf")},
    ],
)
def test_config_refuses_wrong_values(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="Expected"):
        LoopConfig(**wrong)
