import numpy as np
import pytest
import torch
from torch import nn

from rmr_gym.models import fingerprint, freeze
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.processors import InteractionNetworkConfig
from rmr_gym.models.processors.interaction_network import InteractionNetwork

SMALL = InteractionNetworkConfig(relation_dim=7, num_relation_layers=2, effect_dim=4, object_dim=5)


def make_network(config: InteractionNetworkConfig = SMALL) -> InteractionNetwork:
    with initial_weights(0):
        return config.build(5).double()


def make_slots(num_slots: int = 5) -> torch.Tensor:
    return torch.rand(3, num_slots, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * 2 - 1


def apply_layers(layers: nn.Sequential, value: np.ndarray) -> np.ndarray:
    for layer in layers:
        if isinstance(layer, nn.Linear):
            value = layer.weight.detach().numpy() @ value + layer.bias.detach().numpy()
        else:
            value = np.maximum(value, 0)
    return value


def test_network_equals_a_plain_loop_over_pairs() -> None:
    network, slots = make_network(), make_slots()
    arrays = slots.numpy()
    expected = np.empty((3, 5, 2))
    for sample, scene in enumerate(arrays):
        for i in range(5):
            effect = np.zeros(4)
            for j in range(5):
                if i != j:
                    effect += apply_layers(network.relation, np.concatenate([scene[i], scene[j]]))
            expected[sample, i] = scene[i, 4:] + apply_layers(network.object, np.concatenate([scene[i], effect]))
    np.testing.assert_allclose(network(slots).detach().numpy(), expected, rtol=1e-12, atol=1e-14)


def test_network_is_equivariant_to_permutations_of_the_balls() -> None:
    network, slots = make_network(), make_slots()
    order = torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(network(slots[:, order]), network(slots)[:, order])


def test_network_feels_no_effect_when_a_ball_is_alone() -> None:
    network, slots = make_network(), make_slots(1)
    features = torch.cat([slots, torch.zeros(3, 1, 4, dtype=torch.float64)], dim=-1)
    torch.testing.assert_close(network(slots), slots[..., 4:] + network.object(features))


def test_network_adds_the_displacement_to_the_newest_position() -> None:
    network, slots = make_network(), make_slots()
    last = network.object[-1]
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(torch.tensor([0.25, -0.5]))
    torch.testing.assert_close(network(slots), slots[..., 4:] + torch.tensor([0.25, -0.5], dtype=torch.float64))


def test_network_knows_where_the_walls_are() -> None:
    network, slots = make_network(), make_slots()
    assert not torch.allclose(network(slots + 0.3), network(slots) + 0.3)


def test_defaults_have_the_published_sizes() -> None:
    network = InteractionNetworkConfig().build(10)
    shapes = [tuple(layer.weight.shape) for layer in network.relation if isinstance(layer, nn.Linear)]
    assert shapes == [(150, 12), (150, 150), (150, 150), (150, 150), (50, 150)]
    assert [tuple(layer.weight.shape) for layer in network.object if isinstance(layer, nn.Linear)] == [
        (100, 56),
        (2, 100),
    ]
    assert (network.slot_dim, network.output_dim, network.num_actions) == (6, 2, 0)


def test_frozen_network_passes_the_gradient_and_keeps_its_weights() -> None:
    network, slots = freeze(make_network()), make_slots().requires_grad_()
    before = fingerprint(network)
    network(slots).square().sum().backward()
    assert slots.grad is not None
    assert (slots.grad.abs().sum((0, 1)) > 0).all()
    assert fingerprint(network) == before
    assert all(parameter.grad is None for parameter in network.parameters())


def test_network_refuses_actions() -> None:
    with pytest.raises(ValueError, match="no actions for an interaction network; got 18"):
        InteractionNetworkConfig().build(10, num_actions=18)


@pytest.mark.parametrize("field", ["history", "relation_dim", "num_relation_layers", "effect_dim", "object_dim"])
def test_config_refuses_sizes_below_one(field: str) -> None:
    with pytest.raises(ValueError, match="widths >= 1"):
        InteractionNetworkConfig(**{field: 0})
