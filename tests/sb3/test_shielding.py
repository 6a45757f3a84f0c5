from __future__ import annotations

import copy

import torch
from torch import nn

from rmr_gym.models import fingerprint
from rmr_gym.sb3.shielding import hold_parameters, release_parameters
from tests.sb3.tiny_worlds import NormEncoder


def test_held_parameters_are_gone_but_state_and_fingerprint_stay() -> None:
    module = NormEncoder()
    before, names = fingerprint(module), set(module.state_dict())
    held = hold_parameters(module)
    assert list(module.parameters()) == []
    assert set(module.state_dict()) == names
    assert fingerprint(module) == before
    assert [item.name for item in held].count("weight") == 3  # the shared one under both of its names


def test_shared_weights_stay_shared_when_held_copied_and_released() -> None:
    module = NormEncoder()
    held = hold_parameters(module)
    assert module.first.weight is module.second.weight
    module = copy.deepcopy(module)
    assert module.first.weight.data_ptr() == module.second.weight.data_ptr()
    release_parameters(module, held)
    assert isinstance(module.first.weight, nn.Parameter)
    assert module.first.weight is module.second.weight


def test_released_parameters_have_the_order_that_they_had() -> None:
    module, untouched = NormEncoder(), NormEncoder()
    assert release_parameters(module, hold_parameters(module)) == ()
    assert [name for name, _ in module.named_parameters()] == [name for name, _ in untouched.named_parameters()]
    assert fingerprint(module) == fingerprint(untouched)


def test_parameters_that_were_not_to_be_trained_stay_held() -> None:
    module = NormEncoder()
    module.norm.requires_grad_(requires_grad=False)
    held = hold_parameters(module, trainable=False)
    assert {f"{item.path}.{item.name}" for item in held} == {"norm.weight", "norm.bias"}
    assert release_parameters(module, held) == held
    assert "norm.weight" not in dict(module.named_parameters())


def test_recurrent_layers_compute_with_what_was_loaded() -> None:
    inputs, source, target = torch.ones(1, 2, 3), nn.LSTM(3, 4), nn.LSTM(3, 4)
    held = hold_parameters(target)
    target.load_state_dict(source.state_dict())
    assert torch.equal(target(inputs)[0], source(inputs)[0])
    release_parameters(target, held)
    target(inputs)[0].sum().backward()
    assert all(value.grad is not None for value in target.parameters())
