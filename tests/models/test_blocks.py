import pytest
import torch
from torch import nn

from rmr_gym.models.blocks import initial_weights, keep_variance, mixed_precision


def trunk(
    layer: type[nn.Conv2d] | type[nn.ConvTranspose2d], strides: tuple[int, ...], width: int = 64
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for stride in strides:
        options = {"output_padding": stride - 1} if layer is nn.ConvTranspose2d else {}
        layers += [layer(width, width, 5, stride, 2, **options), nn.ReLU()]
    return nn.Sequential(*layers)


@pytest.mark.parametrize(
    ("layer", "strides"),
    [
        (nn.Conv2d, (1, 1, 1, 1)),
        (nn.Conv2d, (2, 1, 1)),
        (nn.ConvTranspose2d, (1, 1, 1)),
        (nn.ConvTranspose2d, (2, 2)),
        (nn.ConvTranspose2d, (1, 1, 2)),
    ],
)
def test_keep_variance_keeps_the_signal_of_a_relu_trunk(
    layer: type[nn.Conv2d] | type[nn.ConvTranspose2d], strides: tuple[int, ...]
) -> None:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(1, 64, 32, 32, generator=generator).relu()
    with initial_weights(0):
        fresh, kept = trunk(layer, strides), trunk(layer, strides)
        keep_variance(kept)
    with torch.no_grad():
        before, after, weakened = (maps.square().mean() for maps in (inputs, inner(kept(inputs)), inner(fresh(inputs))))
    assert 0.7 < after / before < 1.4
    assert weakened / before < 0.2  # what PyTorch does by itself


def inner(maps: torch.Tensor) -> torch.Tensor:
    """Cut off the edges, into which zeros have come from outside."""
    edge = maps.shape[-1] // 4
    return maps[..., edge:-edge, edge:-edge]


def test_keep_variance_zeroes_the_biases_and_leaves_other_layers_alone() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Linear(4, 4))
    linear = model[1].weight.detach().clone()
    keep_variance(model)
    assert model[0].bias.tolist() == [0.0] * 3
    assert torch.equal(model[1].weight, linear)


def test_initial_weights_depend_on_the_seed_and_leave_the_global_stream_alone() -> None:
    before = torch.get_rng_state()
    layers = []
    for seed in (5, 5, 6):
        with initial_weights(seed):
            layers.append(nn.Linear(3, 3).weight)
    assert torch.equal(layers[0], layers[1])
    assert not torch.equal(layers[0], layers[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_mixed_precision_can_be_lifted_inside() -> None:
    left, right, device = torch.ones(2, 2), torch.ones(2, 2), torch.device("cpu")
    with mixed_precision(device, enabled=True):
        assert (left @ right).dtype == torch.bfloat16
        with mixed_precision(device, enabled=False):
            assert (left @ right).dtype == torch.float32
    assert (left @ right).dtype == torch.float32
