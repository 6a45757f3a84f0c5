import copy
import pickle

import pytest
import torch
from torch import nn

from rmr_gym.models import fingerprint, freeze, trainable_parameters


def test_frozen_batch_norm_keeps_its_statistics_when_the_parent_trains() -> None:
    frozen = freeze(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)))
    parent = nn.Sequential(nn.Linear(3, 3), frozen).train()
    before = fingerprint(frozen)
    parent(torch.randn(8, 3)).sum().backward()
    assert fingerprint(frozen) == before
    assert parent[0].weight.grad is not None


def test_a_copy_of_a_frozen_module_is_frozen_by_itself() -> None:
    frozen = freeze(nn.Sequential(nn.Dropout()))
    twin = copy.deepcopy(frozen)
    assert twin.train() is twin
    assert not twin.training


def test_a_frozen_module_survives_pickling() -> None:
    frozen = freeze(nn.Sequential(nn.Dropout()))
    twin: nn.Module = pickle.loads(pickle.dumps(frozen))
    assert twin.train() is twin
    assert not twin.training


def test_trainable_parameters_leave_out_frozen_ones() -> None:
    model = nn.Sequential(nn.Linear(2, 2), freeze(nn.Linear(2, 2)))
    assert list(trainable_parameters(model)) == list(model[0].parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_fingerprint_sees_a_change_of_the_last_bit(dtype: torch.dtype) -> None:
    layer = nn.Linear(4, 4).to(dtype)
    before = fingerprint(layer)
    with torch.no_grad():
        layer.bias[0] = torch.nextafter(layer.bias[0].float(), torch.tensor(9.0)).to(dtype)
        if dtype == torch.bfloat16:  # one step of float32 is lost in bfloat16
            layer.bias[0] += 0.1
    assert fingerprint(layer) != before
