"""Members of an ensemble against the same trainings one by one, in float64."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save
from torch import Tensor, nn

from rmr_gym.errors import NonFiniteLossError
from rmr_gym.models import fingerprint, freeze
from rmr_gym.models.blocks import initial_weights
from rmr_gym.objectives import LossTerms
from rmr_gym.training import LoopConfig, MemorySink
from rmr_gym.training.ensemble import Execution, Trainee, chosen_execution, train_side_by_side
from rmr_gym.training.loop import train

CONFIG = LoopConfig(gradient_steps=30, batch_size=16, learning_rate=1e-2, log_every=7, checkpoint_every=10)
EXECUTIONS = ("stacked", "unfolded", "in_turn")


class Regression(nn.Module):
    """A small net with a frozen layer, a convolution, a buffer that counts and a scalar parameter."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with initial_weights(seed):
            self.first = nn.Conv2d(1, 6, (1, 2))
            self.second = freeze(nn.Linear(12, 12))
            self.last = nn.Linear(12, 1)
            self.scale = nn.Parameter(torch.rand(()) + 0.5)
        self.register_buffer("calls", torch.zeros(()))
        self.double()

    def forward(self, inputs: Tensor, targets: Tensor) -> LossTerms:
        self.calls.add_(1)
        hidden = self.first(inputs.view(-1, 1, 1, 3)).relu().flatten(1)
        error = (self.last(self.second(hidden).relu()).squeeze(1) * self.scale - targets).square().mean()
        return LossTerms(error, {"error": error.detach()})


def batch(seed: int, step: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1000 * seed + step)
    inputs = torch.randn(16, 3, dtype=torch.float64, generator=generator)
    return inputs, inputs.sum(1) * (seed + 1)


def make_trainees(seeds: tuple[int, ...] = (0, 1, 2), structure: object = None) -> list[Trainee]:
    return [
        Trainee(
            name=f"seed {seed}",
            loss=Regression(seed),
            batch=lambda step, seed=seed: batch(seed, step),
            seed=seed,
            sink=MemorySink(),
            structure=structure,
        )
        for seed in seeds
    ]


def solo(seed: int, config: LoopConfig = CONFIG) -> tuple[Regression, MemorySink]:
    module, sink = Regression(seed), MemorySink()
    train(lambda step: module(*batch(seed, step)), [module], config, seed=0, sink=sink)
    return module, sink


def assert_equal_to_solo(trainees: list[Trainee], config: LoopConfig = CONFIG) -> None:
    for trainee in trainees:
        expected, expected_sink = solo(int(trainee.name[5:]), config)
        for name, value in expected.state_dict().items():
            torch.testing.assert_close(trainee.loss.state_dict()[name], value, rtol=1e-9, atol=1e-12)
        assert [record["step"] for record in trainee.sink.records] == [0, 7, 14, 21, 28, 29]
        for record, expected_record in zip(trainee.sink.records, expected_sink.records, strict=True):
            assert record == pytest.approx(expected_record, rel=1e-9)


@pytest.mark.parametrize("members_per_group", [None, 2, 1])
@pytest.mark.parametrize("execution", EXECUTIONS)
def test_members_end_where_they_end_alone(execution: Execution, members_per_group: int | None) -> None:
    trainees = make_trainees()
    train_side_by_side(trainees, CONFIG, execution=execution, members_per_group=members_per_group)
    assert_equal_to_solo(trainees)


def test_in_turn_gives_the_same_bits() -> None:
    trainees = make_trainees()
    train_side_by_side(trainees, CONFIG, execution="in_turn")
    assert [fingerprint(trainee.loss) for trainee in trainees] == [fingerprint(solo(seed)[0]) for seed in (0, 1, 2)]


def test_in_turn_members_drop_out_what_they_do_alone() -> None:
    def noisy(trainee: Trainee) -> Trainee:
        trainee.loss.second = nn.Sequential(nn.Dropout(0.5), trainee.loss.second)
        return trainee

    torch.manual_seed(1)
    together = [noisy(trainee) for trainee in make_trainees()]
    train_side_by_side(together, CONFIG, execution="in_turn")
    torch.manual_seed(2)
    for seed, (trainee, alone) in enumerate(zip(together, map(noisy, make_trainees()), strict=True)):
        train(lambda step, one=alone: one.loss(*one.batch(step)), [alone.loss], CONFIG, seed=seed, sink=alone.sink)
        assert fingerprint(trainee.loss) == fingerprint(alone.loss)
    with pytest.raises(ValueError, match="no random numbers; got dropout.*in_turn"):
        train_side_by_side([noisy(trainee) for trainee in make_trainees()], CONFIG, execution="stacked")


def test_what_cannot_be_mapped_over_members_says_how_to_go_on() -> None:
    class ReadsNumbers(nn.Module):
        def forward(self, inputs: Tensor) -> Tensor:
            return inputs * inputs.sum().item()

    trainees = make_trainees()
    for trainee in trainees:
        trainee.loss.second = ReadsNumbers()
    with pytest.raises(RuntimeError) as raised:
        train_side_by_side(trainees, CONFIG, execution="stacked")
    assert any("--together no" in note for note in raised.value.__notes__)


class Attention(nn.Module):
    """A frozen attention, which has a fast path of its own outside of training, behind a layer that learns."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with initial_weights(seed):
            self.first = nn.Linear(3, 8)
            self.attention = freeze(nn.MultiheadAttention(8, num_heads=2, batch_first=True))
        self.double()

    def forward(self, inputs: Tensor, targets: Tensor) -> LossTerms:
        slots = self.first(inputs.view(4, 4, 3))
        heard = self.attention(slots, slots, slots, need_weights=False)[0]
        return LossTerms((heard.sum(2).flatten() - targets).square().mean())


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_frozen_attention_can_be_stacked(execution: Execution) -> None:
    trainees = [replace(trainee, loss=Attention(seed)) for seed, trainee in enumerate(make_trainees())]
    fast = torch.backends.mha.get_fastpath_enabled()
    train_side_by_side(trainees, CONFIG, execution=execution)
    assert torch.backends.mha.get_fastpath_enabled() == fast
    for seed, trainee in enumerate(trainees):
        alone, sink = Attention(seed), MemorySink()
        train(lambda step, one=alone, seed=seed: one(*batch(seed, step)), [alone], CONFIG, seed=0, sink=sink)
        for name, value in alone.state_dict().items():
            torch.testing.assert_close(trainee.loss.state_dict()[name], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_gradients_are_shortened_member_by_member(execution: Execution) -> None:
    limited = replace(CONFIG, max_gradient_norm=0.5)
    trainees = make_trainees()
    train_side_by_side(trainees, limited, execution=execution)
    assert_equal_to_solo(trainees, limited)
    assert fingerprint(trainees[0].loss) != fingerprint(solo(0)[0]), "the limit must matter here"


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_frozen_weights_keep_their_bits(execution: Execution) -> None:
    trainees = make_trainees()
    before = [fingerprint(trainee.loss.second) for trainee in trainees]
    train_side_by_side(trainees, CONFIG, execution=execution)
    assert [fingerprint(trainee.loss.second) for trainee in trainees] == before
    assert len(set(before)) == 3


def test_members_of_different_structure_are_not_stacked() -> None:
    trainees = [*make_trainees((0, 1), "a"), *make_trainees((2,), "b")]
    train_side_by_side(trainees, CONFIG, execution="stacked")
    assert_equal_to_solo(trainees)


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("kill_at", [5, 25])
def test_killed_ensemble_ends_as_an_undisturbed_one(tmp_path: Path, execution: Execution, kill_at: int) -> None:
    class KilledError(Exception):
        pass

    def kill(step: int, _: int) -> None:
        if step == kill_at:
            raise KilledError

    expected = make_trainees()
    train_side_by_side(expected, CONFIG, execution=execution)
    killed = make_trainees()
    with pytest.raises(KilledError):
        train_side_by_side(killed, CONFIG, execution=execution, on_step=kill, state_folder=tmp_path)
    resumed = [replace(trainee, sink=before.sink) for trainee, before in zip(make_trainees(), killed, strict=True)]
    steps: list[int] = []
    train_side_by_side(
        resumed, CONFIG, execution=execution, on_step=lambda step, _: steps.append(step), state_folder=tmp_path
    )
    assert steps[0] == kill_at // 10 * 10 + 1
    assert [fingerprint(member.loss) for member in resumed] == [fingerprint(member.loss) for member in expected]
    assert [member.sink.records for member in resumed] == [member.sink.records for member in expected]
    assert not any(tmp_path.iterdir())


def test_state_of_other_members_is_not_continued(tmp_path: Path) -> None:
    train_side_by_side(make_trainees((0, 1)), CONFIG, execution="stacked", state_folder=tmp_path, keep_state=True)
    steps: list[int] = []
    trainees = make_trainees((0, 1, 2))
    train_side_by_side(trainees, CONFIG, on_step=lambda step, _: steps.append(step), state_folder=tmp_path)
    assert steps[0] == 1
    assert_equal_to_solo(trainees)


def test_state_of_another_origin_is_refused_and_one_of_an_earlier_version_is_not(tmp_path: Path) -> None:
    def train_from(origin: str, config: LoopConfig = CONFIG) -> list[Trainee]:
        trainees = [replace(trainee, origin=origin) for trainee in make_trainees()]
        train_side_by_side(trainees, config, state_folder=tmp_path, keep_state=True)
        return trainees

    first = train_from("here")
    for origin, config in (("there", CONFIG), ("here", replace(CONFIG, learning_rate=1e-3))):
        with pytest.raises(ValueError, match="a state of this training in .*; got that of one with other data"):
            train_from(origin, config)
    (path,) = tmp_path.glob("*/state-000000030-*")
    content = save(load(path.read_bytes()))  # without a word about the origin
    path.unlink()
    path.with_name(f"state-000000030-{hashlib.sha256(content).hexdigest()[:16]}.safetensors").write_bytes(content)
    again = train_from("there", replace(CONFIG, log_every=3, checkpoint_every=4))
    assert [fingerprint(member.loss) for member in again] == [fingerprint(member.loss) for member in first]


def test_kept_state_of_a_finished_ensemble_gives_its_weights(tmp_path: Path) -> None:
    first, again = make_trainees(), make_trainees()
    train_side_by_side(first, CONFIG, execution="stacked", state_folder=tmp_path, keep_state=True)
    steps: list[int] = []
    train_side_by_side(
        again,
        CONFIG,
        execution="stacked",
        on_step=lambda step, _: steps.append(step),
        state_folder=tmp_path,
        keep_state=True,
    )
    assert not steps
    assert [fingerprint(member.loss) for member in again] == [fingerprint(member.loss) for member in first]


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_error_names_the_member_and_comes_before_the_update(execution: Execution) -> None:
    trainees = make_trainees()

    def broken(step: int) -> tuple[Tensor, Tensor]:
        inputs, targets = batch(1, step)
        return inputs, targets * (float("nan") if step == 3 else 1.0)

    trainees[1] = replace(trainees[1], batch=broken)
    with pytest.raises(NonFiniteLossError, match=r"a finite loss of seed 1, at step 3; got \{'loss': nan"):
        train_side_by_side(trainees, CONFIG, execution=execution)
    assert all(bool(torch.isfinite(value).all()) for member in trainees for value in member.loss.state_dict().values())


class Rooted(Regression):
    """Its gradient is NaN, and its loss is not, where the first target is 0."""

    def forward(self, inputs: Tensor, targets: Tensor) -> LossTerms:
        terms = super().forward(inputs, targets)
        return LossTerms(terms.total + (self.scale * targets[0]).abs().sqrt(), terms.logged)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_error_names_the_member_whose_gradient_is_not_finite(execution: Execution) -> None:
    def broken(step: int) -> tuple[Tensor, Tensor]:
        inputs, targets = batch(1, step)
        return inputs, torch.cat([targets[:1] * (step != 3), targets[1:]])

    trainees = [replace(trainee, loss=Rooted(seed)) for seed, trainee in enumerate(make_trainees())]
    trainees[1] = replace(trainees[1], batch=broken)
    with pytest.raises(NonFiniteLossError, match=r"a finite gradient of seed 1, at step 3; got \{'loss': \d+\.[^;]*\}"):
        train_side_by_side(trainees, CONFIG, execution=execution)
    assert all(bool(torch.isfinite(value).all()) for member in trainees for value in member.loss.state_dict().values())


def test_auto_stacks_on_a_gpu_only() -> None:
    assert chosen_execution("auto", torch.device("cpu")) == "in_turn"
    assert chosen_execution("auto", torch.device("cuda")) == "stacked"
    assert chosen_execution("auto", torch.device("cuda"), "muon") == "in_turn", "which cannot be stacked"
    assert chosen_execution("unfolded", torch.device("cpu")) == "unfolded"


def test_unknown_execution_and_empty_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="auto, stacked, unfolded, in_turn"):
        chosen_execution("parallel", torch.device("cpu"))
    for execution in EXECUTIONS:
        with pytest.raises(ValueError, match="members_per_group of at least 1; got 0"):
            train_side_by_side(make_trainees(), CONFIG, execution=execution, members_per_group=0)
