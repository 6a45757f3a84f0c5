"""What makes the comparison of arms trustworthy: same data, same weights, and a frozen processor that stays frozen."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from rmr_gym.data import TransitionDataset
from rmr_gym.models import NaturalModel, Processor, fingerprint
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.misrouted import Misrouted
from rmr_gym.models.processors import DeepSetsConfig, MlpConfig, MpnnConfig, ProcessorConfig
from rmr_gym.models.processors.deep_sets import DeepSets
from rmr_gym.objectives import InfoNceConfig, LossTerms, NaturalBatch, Objective
from rmr_gym.objectives.anchored import Anchored
from rmr_gym.training import ARMS, LoopConfig, MemorySink, NaturalConfig, build_natural_model, train_encoder
from rmr_gym.training.natural import build_objective
from tests.warm_python import run_python

CONFIG = NaturalConfig(
    encoder=NatureCnnConfig(resolution="84x84", slot_dim=4, maps_per_slot=1),
    objective=InfoNceConfig(),
    loop=LoopConfig(gradient_steps=3, batch_size=8, log_every=1, checkpoint_every=2),
    supervised=LoopConfig(gradient_steps=40, batch_size=16, log_every=39),
)


PAIRED = [arm for arm in ARMS if ARMS[arm].learns_from == "pixels"]


@pytest.fixture(scope="module")
def processor() -> Processor:
    with initial_weights(99):
        return DeepSetsConfig(slot_dim=4).build(128)


def initial(arm: str, processor: Processor, seed: int = 0) -> NaturalModel:
    return build_natural_model(arm, CONFIG, processor, num_slots=128, seed=seed)


def test_arms_of_a_seed_start_with_the_same_encoder_and_decoder(processor: Processor) -> None:
    models = [initial(arm, processor) for arm in ARMS]
    assert len({fingerprint(model.encoder) for model in models}) == 1
    assert len({fingerprint(model.decoder) for model in models}) == 1
    assert fingerprint(initial("rmr", processor, seed=1).encoder) != fingerprint(models[0].encoder)


def test_arms_take_the_processor_that_they_ask_for(processor: Processor) -> None:
    prints = {arm: fingerprint(initial(arm, processor).processor) for arm in ARMS}
    assert prints["rmr"] == prints["fine_tuned"] == prints["anchored"] == fingerprint(processor)
    assert prints["c_swm"] == prints["frozen_random"] != prints["rmr"]
    misrouted = initial("frozen_permuted", processor).processor
    assert isinstance(misrouted, Misrouted)
    assert fingerprint(misrouted.processor) == fingerprint(processor)


@pytest.mark.parametrize("config", [DeepSetsConfig(slot_dim=4), MpnnConfig(slot_dim=4), MlpConfig(slot_dim=4)])
def test_frozen_identity_predicts_that_nothing_changes(config: ProcessorConfig) -> None:
    with initial_weights(3):
        model = build_natural_model("frozen_identity", CONFIG, config.build(128), num_slots=128, seed=0)
    slots = torch.randn(2, 128, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(model.processor(slots, torch.tensor([0, 17])), slots)


def test_frozen_identity_refuses_a_processor_that_cannot_be_silenced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DeepSets, "process", lambda self, inputs: inputs + 1)
    with pytest.raises(ValueError, match="DeepSets, which changes slots with all weights zero"):
        initial("frozen_identity", DeepSetsConfig(slot_dim=4).build(128))


def test_frozen_permuted_gives_each_slot_the_update_of_another(processor: Processor) -> None:
    right, wrong = initial("rmr", processor).processor, initial("frozen_permuted", processor).processor
    assert isinstance(wrong, Misrouted)
    assert (wrong.routes != torch.arange(128)).all(), "no slot keeps its own"
    slots, action = torch.randn(2, 128, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([0, 17])
    given = right.add_action(slots, action)
    assert torch.equal(wrong.add_action(slots, action), given)
    assert torch.equal(wrong(slots, action), right.process(given)[:, wrong.routes] + given)
    again, other = initial("frozen_permuted", processor), initial("frozen_permuted", processor, seed=1)
    assert fingerprint(again.processor) == fingerprint(wrong) != fingerprint(other.processor)


def test_frozen_permuted_routes_as_many_slots_as_the_encoder_has(processor: Processor) -> None:
    narrow = replace(CONFIG, encoder=replace(CONFIG.encoder, num_slots=6))
    model = build_natural_model("frozen_permuted", narrow, processor, num_slots=128, seed=0)
    assert model.processor(torch.zeros(2, 6, 4), torch.tensor([0, 17])).shape == (2, 6, 4)


def test_a_processor_that_its_config_does_not_build_is_refused(processor: Processor) -> None:
    wrong = Misrouted(processor, torch.arange(128).roll(1))
    with pytest.raises(ValueError, match="what its DeepSetsConfig builds; got Misrouted"):
        initial("rmr", wrong)


def test_permuting_in_and_outputs_of_an_equivariant_processor_would_be_no_control() -> None:
    with initial_weights(3):
        processor = MpnnConfig(slot_dim=4).build(6)
    slots = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
    order = torch.tensor([3, 0, 5, 1, 2, 4])
    assert torch.allclose(processor.process(slots[:, order]), processor.process(slots)[:, order], atol=1e-6)
    assert not torch.allclose(Misrouted(processor, order).process(slots), processor.process(slots), atol=1e-3)


def test_anchor_holds_the_processor_nearer_to_its_pre_training(
    pong: TransitionDataset, processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, loop=replace(CONFIG.loop, gradient_steps=12, learning_rate=1e-2, log_every=11))
    moved, sinks = {}, {}
    for weight in (1e-2, 10.0):
        monkeypatch.setitem(ARMS._parts, "anchored", replace(ARMS["anchored"], anchor=weight))
        sinks[weight] = MemorySink()
        moved[weight] = distance(train_encoder("anchored", pong, config, processor, sink=sinks[weight]), processor)
    free = distance(train_encoder("fine_tuned", pong, config, processor), processor)
    assert moved[10.0] < 0.5 * free
    assert moved[10.0] < moved[1e-2]
    assert sinks[10.0].records[0]["anchor_distance"] == 0.0
    assert sinks[10.0].records[-1]["anchor_distance"] > 0.0


def test_anchor_adds_its_weight_times_the_squared_distance() -> None:
    class Nothing(Objective):
        def forward(self, model: NaturalModel, batch: NaturalBatch) -> LossTerms:
            return LossTerms(torch.tensor(2.0), {"part": torch.tensor(1.0)})

    with initial_weights(0):
        model = build_natural_model("anchored", CONFIG, DeepSetsConfig(slot_dim=4).build(128), num_slots=128, seed=0)
    objective = Anchored(Nothing(), model.processor, 0.5)
    first = next(model.processor.parameters())
    with torch.no_grad():
        first.view(-1)[:2] += torch.tensor([1.0, -2.0])
    nothing = torch.zeros(1, dtype=torch.int64)
    terms = objective(model, NaturalBatch(nothing, nothing, nothing, nothing, nothing))
    assert terms.total.item() == pytest.approx(2.0 + 0.5 * 5.0)
    assert terms.logged["anchor_distance"].item() == pytest.approx(5.0**0.5)
    assert set(terms.logged) == {"part", "anchor_distance"}


class Shifted(Objective):
    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.randn(3))

    def forward(self, model: NaturalModel, batch: NaturalBatch) -> LossTerms:
        return LossTerms(model(batch.pixels, batch.action, batch.next_pixels).current.mean() + self.shift.sum())


def test_weights_of_an_objective_are_those_of_the_seed(
    pong: TransitionDataset, processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InfoNceConfig, "build", lambda self: Shifted())
    built = [
        fingerprint(build_objective(arm, pong, CONFIG, initial(arm, processor, seed), seed))
        for arm, seed in (("rmr", 0), ("c_swm", 0), ("rmr", 1))
    ]
    assert built[0] == built[1] != built[2]


def test_config_refuses_batches_without_negatives() -> None:
    with pytest.raises(ValueError, match="a batch_size of at least 2"):
        replace(CONFIG, loop=replace(CONFIG.loop, batch_size=1))


MISSPELT = """
from rmr_gym.models.decoders import LatentDecoder
from rmr_gym.training import NaturalConfig, VideoConfig

for make in (
    lambda: NaturalConfig(precision="bf16"),
    lambda: NaturalConfig(decoder_initialisation="Identity"),
    lambda: VideoConfig(precision="float16"),
    lambda: LatentDecoder(slot_dim=2, initialisation="eye"),
):
    try:
        print("taken", make())
    except ValueError as error:
        print(error)
"""


def test_misspelt_choices_are_refused() -> None:
    # In a process of its own: the checks of types that the tests switch on would refuse them first.
    done = run_python("-c", MISSPELT, folder=Path.cwd())
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    choices = ["float32, bfloat16", "identity, orthogonal", "float32, bfloat16", "identity, orthogonal"]
    for line, got, choice in zip(lines, ("bf16", "Identity", "float16", "eye"), choices, strict=True):
        assert f"got {got}. Choose one of {choice}." in line


def distance(model: NaturalModel, processor: Processor) -> float:
    pairs = zip(model.processor.parameters(), processor.parameters(), strict=True)
    return sum(float((after - before).detach().square().sum()) for after, before in pairs) ** 0.5


@pytest.mark.parametrize(
    "arm", ["rmr", "c_swm", "frozen_random", "frozen_identity", "frozen_permuted", "fine_tuned", "anchored"]
)
def test_processor_changes_in_the_arms_that_train_it_and_nowhere_else(
    arm: str, pong: TransitionDataset, processor: Processor
) -> None:
    before, given = initial(arm, processor), fingerprint(processor)
    after = train_encoder(arm, pong, CONFIG, processor)
    kept = fingerprint(after.processor) == fingerprint(before.processor)
    assert kept == ARMS[arm].frozen
    assert fingerprint(after.encoder) != fingerprint(before.encoder)
    assert fingerprint(after.decoder) != fingerprint(before.decoder)
    assert fingerprint(processor) == given, "the processor that was passed in must not be touched"


def test_untrained_arm_is_the_encoder_at_its_initial_weights(pong: TransitionDataset, processor: Processor) -> None:
    after = train_encoder("untrained", pong, CONFIG, processor)
    assert fingerprint(after.encoder) == fingerprint(initial("untrained", processor).encoder)


def test_arms_read_identical_batches_and_permutations(
    pong: TransitionDataset, processor: Processor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[torch.Tensor]] = {}
    forward = type(CONFIG.objective.build()).forward
    for arm in PAIRED:
        batches = seen.setdefault(arm, [])

        def record(self, model, batch, batches=batches):
            batches.extend(batch)
            return forward(self, model, batch)

        monkeypatch.setattr(type(CONFIG.objective.build()), "forward", record)
        train_encoder(arm, pong, CONFIG, processor)
    assert len(seen["rmr"]) == 5 * CONFIG.loop.gradient_steps
    for arm in PAIRED:
        assert all(torch.equal(first, second) for first, second in zip(seen["rmr"], seen[arm], strict=True)), arm


def test_identical_arms_give_identical_numbers(pong: TransitionDataset, processor: Processor) -> None:
    sinks = [MemorySink(), MemorySink()]
    first, second = (train_encoder("c_swm", pong, CONFIG, processor, sink=sink) for sink in sinks)
    assert fingerprint(first) == fingerprint(second)
    assert sinks[0].records == sinks[1].records


def test_supervised_arm_learns_the_bits_within_seconds(pong: TransitionDataset, processor: Processor) -> None:
    sink = MemorySink()
    train_encoder("supervised", pong, CONFIG, processor, sink=sink)
    assert sink.records[-1]["loss"] < 0.8 * sink.records[0]["loss"]
    assert sink.records[-1]["bit_accuracy"] > sink.records[0]["bit_accuracy"]


def test_interrupted_training_ends_with_the_same_weights(
    pong: TransitionDataset, processor: Processor, tmp_path: Path
) -> None:
    class KilledError(Exception):
        pass

    def kill(step: int, _: int) -> None:
        if step == 3:
            raise KilledError

    with pytest.raises(KilledError):
        train_encoder("fine_tuned", pong, CONFIG, processor, on_step=kill, state_folder=tmp_path)
    resumed = train_encoder("fine_tuned", pong, CONFIG, processor, state_folder=tmp_path)
    assert fingerprint(resumed) == fingerprint(train_encoder("fine_tuned", pong, CONFIG, processor))


def test_training_refuses_frames_of_another_size(pong_folder: Path, processor: Processor) -> None:
    native = TransitionDataset(pong_folder, split="train")
    with pytest.raises(ValueError, match=r"\(1, 84, 84\).*got frames of shape \(1, 210, 160\).*size=\(84, 84\)"):
        train_encoder("rmr", native, CONFIG, processor)


def test_an_unknown_arm_names_the_known_ones(pong: TransitionDataset, processor: Processor) -> None:
    with pytest.raises(
        ValueError, match="rmr, c_swm, frozen_random, frozen_identity, frozen_permuted, fine_tuned, anchored, untrained"
    ):
        train_encoder("rnr", pong, CONFIG, processor)
