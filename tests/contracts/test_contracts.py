"""Every part in a registry keeps the contract of its kind, without a test of its own."""

import importlib
import inspect
import itertools
import re
from dataclasses import dataclass
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from rmr_gym.models import Encoder, Processor
from rmr_gym.models.documents import KINDS
from rmr_gym.models.encoders import ENCODERS, VIDEO_ENCODERS
from rmr_gym.models.encoders.slot_attention import SlotAttentionEncoder
from rmr_gym.models.interfaces import NUM_ACTIONS
from rmr_gym.models.processors import BALL_PROCESSORS, PROCESSORS, InteractionNetworkConfig
from rmr_gym.testing import check_encoder, check_processor, check_video_encoder


@pytest.mark.parametrize("name", PROCESSORS)
def test_processor_keeps_its_contract(name: str) -> None:
    check_processor(PROCESSORS[name](slot_dim=8), equivariant=name != "mlp")


@pytest.mark.parametrize("name", BALL_PROCESSORS)
def test_processor_of_bouncing_balls_keeps_its_contract(name: str) -> None:
    config_class = BALL_PROCESSORS[name]
    config = config_class() if config_class is InteractionNetworkConfig else config_class(slot_dim=8)
    check_processor(config, with_actions=False)


@pytest.mark.parametrize("name", ENCODERS)
def test_encoder_keeps_its_contract(name: str) -> None:
    check_encoder(ENCODERS[name](slot_dim=8))


_VIDEO_ENCODERS: list[tuple[str, dict[str, Any], bool]] = [
    ("slot_attention", {"slot_size": 8, "hidden_dim": 8, "initialisation": "shared_noise"}, True),
    ("slot_attention", {"slot_size": 8, "hidden_dim": 8, "initialisation": "learned"}, False),
    ("keypoints", {}, False),
]


@pytest.mark.parametrize(("name", "fields", "exchangeable"), _VIDEO_ENCODERS)
def test_video_encoder_keeps_its_contract(name: str, fields: dict[str, Any], exchangeable: bool) -> None:
    config = VIDEO_ENCODERS[name](num_slots=4, slot_dim=8, channels=4, downsample=4, **fields)
    check_video_encoder(config, exchangeable=exchangeable)


def test_no_video_encoder_is_left_out() -> None:
    assert {name for name, _, _ in _VIDEO_ENCODERS} == set(VIDEO_ENCODERS)


class _IgnoresTheAction(Processor):
    def __init__(self) -> None:
        super().__init__(slot_dim=4)
        nn.init.zeros_(self.action_encoder.weight)

    def process(self, inputs: Tensor) -> Tensor:
        return torch.zeros_like(inputs)


@dataclass(frozen=True)
class _IgnoresTheActionConfig:
    slot_dim: int = 4

    def build(self, num_slots: int, *, num_actions: int = NUM_ACTIONS) -> Processor:
        return _IgnoresTheAction()


def test_check_processor_bites_when_the_action_is_ignored() -> None:
    with pytest.raises(AssertionError, match="the action must matter"):
        check_processor(_IgnoresTheActionConfig())


class _DropsOut(Processor):
    def __init__(self) -> None:
        super().__init__(slot_dim=4)
        self.update = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))

    def process(self, inputs: Tensor) -> Tensor:
        return self.update(inputs)


@dataclass(frozen=True)
class _DropsOutConfig:
    slot_dim: int = 4

    def build(self, num_slots: int, *, num_actions: int = NUM_ACTIONS) -> Processor:
        return _DropsOut()


def test_processor_with_dropout_keeps_the_contract() -> None:
    check_processor(_DropsOutConfig())


class _ForgetsItsScale(Processor):
    """Scales its updates by what is neither in its config nor in its weights."""

    scales = iter(range(1, 100))

    def __init__(self, config: "_ForgetsItsScaleConfig") -> None:
        super().__init__(slot_dim=4)
        self.config = config
        self.update = nn.Linear(4, 4)
        self.scale = next(self.scales)

    def process(self, inputs: Tensor) -> Tensor:
        return self.scale * self.update(inputs)


@dataclass(frozen=True)
class _ForgetsItsScaleConfig:
    slot_dim: int = 4

    def build(self, num_slots: int, *, num_actions: int = NUM_ACTIONS) -> Processor:
        return _ForgetsItsScale(self)


def test_check_processor_bites_when_a_checkpoint_predicts_something_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (PROCESSORS, KINDS["processor"]):
        monkeypatch.setitem(registry._parts, "own", _ForgetsItsScaleConfig)
    with pytest.raises(AssertionError, match="a checkpoint must give the same slots"):
        check_processor(_ForgetsItsScaleConfig())
    monkeypatch.setattr(_ForgetsItsScale, "scales", itertools.repeat(2))
    check_processor(_ForgetsItsScaleConfig())


def test_check_processor_bites_when_slots_are_not_equivariant() -> None:
    with pytest.raises(AssertionError):
        check_processor(PROCESSORS["mlp"](slot_dim=8), equivariant=True)


def test_check_processor_bites_when_balls_are_not_equivariant() -> None:
    with pytest.raises(AssertionError):
        check_processor(PROCESSORS["mlp"](slot_dim=8), with_actions=False)


def test_check_video_encoder_bites_when_slots_do_not_follow_the_noise() -> None:
    with pytest.raises(AssertionError):
        check_video_encoder(VIDEO_ENCODERS["slot_attention"](channels=4, downsample=4, initialisation="learned"))


def test_check_video_encoder_bites_when_the_noise_has_a_source_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def noise(self: SlotAttentionEncoder, batch_size: int, generator: torch.Generator) -> Tensor:
        return torch.randn(batch_size, self.num_slots, self.config.slot_size)

    monkeypatch.setattr(SlotAttentionEncoder, "noise", noise)
    with pytest.raises(AssertionError, match="from the generator alone"):
        check_video_encoder(VIDEO_ENCODERS["slot_attention"](channels=4, downsample=4))


@dataclass(frozen=True)
class _ForgetfulConfig:
    slot_dim: int = 2

    def build(self) -> Encoder:
        return _Forgetful(self)


class _Forgetful(Encoder):
    """Adds an offset that is neither in its config nor in its weights."""

    offsets = iter(range(100))

    def __init__(self, config: _ForgetfulConfig) -> None:
        super().__init__()
        self.config, self.num_slots, self.slot_dim, self.input_shape = config, 3, 2, (1, 4, 5)
        self.layer = nn.Linear(20, 6)
        self.offset = next(self.offsets)

    def forward(self, pixels: Tensor) -> Tensor:
        scaled = pixels if pixels.is_floating_point() else pixels / 255
        return self.layer(scaled.flatten(1)).view(-1, 3, 2) + self.offset


def test_check_encoder_bites_when_a_registered_config_has_no_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Forgetful, "offsets", itertools.repeat(0))
    check_encoder(_ForgetfulConfig())
    monkeypatch.setitem(ENCODERS._parts, "own", _ForgetfulConfig)
    with pytest.raises(AssertionError, match="must have the size"):
        check_encoder(_ForgetfulConfig())


def test_check_encoder_bites_when_config_and_weights_are_not_all_there_is() -> None:
    with pytest.raises(AssertionError, match="config and weights must be all there is"):
        check_encoder(_ForgetfulConfig())


@pytest.mark.parametrize(
    ("module", "registry", "union"),
    [
        ("rmr_gym.models.processors", "PROCESSORS", "ProcessorConfig"),
        ("rmr_gym.models.processors", "BALL_PROCESSORS", "BallProcessorConfig"),
        ("rmr_gym.models.encoders", "ENCODERS", "EncoderConfig"),
        ("rmr_gym.models.encoders", "VIDEO_ENCODERS", "VideoEncoderConfig"),
        ("rmr_gym.models.decoders", "VIDEO_DECODERS", "VideoDecoderConfig"),
        ("rmr_gym.objectives", "OBJECTIVES", "NaturalObjectiveConfig"),
        ("rmr_gym.evaluation.probes", "PROBES", "LinearReadoutConfig"),
        ("rmr_gym.sb3.training.algorithms", "ALGORITHMS", "AnyAlgorithmConfig"),
        ("rmr_gym.sb3.training.features", "FEATURES", "AnyFeatures"),
    ],
)
def test_a_line_in_the_registry_is_all_that_a_new_part_needs(module: str, registry: str, union: str) -> None:
    source = inspect.getsource(importlib.import_module(module))
    added = re.sub(rf'({registry}: [^\n]*= Registry\(\s*"[^"]+",)', r'\1 ("own", _DropsOutConfig),', source)
    namespace: dict[str, Any] = {"__name__": module, "_DropsOutConfig": _DropsOutConfig}
    exec(added, namespace)  # the module as it would be with the line
    assert namespace[registry]["own"] is _DropsOutConfig
    assert _DropsOutConfig in get_args(namespace[union])
