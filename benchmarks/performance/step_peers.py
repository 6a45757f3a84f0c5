"""Training steps in the ways in which people write them today, with the weights of our models."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.performance.message_peers import (
    DenseMessages,
    EdgeListMessages,
    Layout,
    linear_layers,
    message_mlp,
)
from rmr_gym.models import NaturalModel
from rmr_gym.models.encoders.nature_cnn import NatureCnn
from rmr_gym.models.interfaces import NUM_ACTIONS, Processor
from rmr_gym.models.processors.mpnn import Mpnn, MpnnConfig

BuildsMessages = Callable[[nn.Sequential], nn.Module]


class PlainMpnn(Processor):
    """The processor with a message function of another make; everything else is as in ours.

    Args:
        source: our processor; its weights are copied.
        build: makes the message function from its three layers.
    """

    config: MpnnConfig

    def __init__(self, source: Mpnn, build: BuildsMessages) -> None:
        dim = source.slot_dim
        super().__init__(slot_dim=dim, num_actions=source.num_actions)
        self.config = source.config
        self.messages = build(_message_mlp_of(source))
        self.update = nn.Linear(2 * dim, dim)
        with torch.no_grad():
            self.update.weight.copy_(torch.cat([source.update_slot.weight, source.update_message.weight], dim=1))
            self.update.bias.copy_(source.update_slot.bias)
        assert self.action_encoder is not None
        assert source.action_encoder is not None
        self.action_encoder.load_state_dict(source.action_encoder.state_dict())

    def process(self, inputs: Float[Tensor, "batch slot dim"]) -> Float[Tensor, "batch slot dim"]:
        """Run one pass of message passing."""
        update: Tensor = self.update(torch.cat([inputs, self.messages(inputs)], dim=-1))
        return update


def edge_list_mpnn(source: Mpnn, layout: Layout) -> PlainMpnn:
    """Build our processor with messages of torch-geometric."""
    reduction = source.config.reduction
    return PlainMpnn(source, lambda mlp: EdgeListMessages(mlp, reduction, layout))


class StraightforwardModel(nn.Module):
    """The natural pipeline as one would write it first: layers in a row, dense pairs, autograd for everything.

    Args:
        source: our model with a `NatureCnn` and an `Mpnn`; its weights are copied, the processor's are fixed if they
            are fixed there.
    """

    def __init__(self, source: NaturalModel) -> None:
        super().__init__()
        encoder, processor = source.encoder, source.processor
        assert isinstance(encoder, NatureCnn)
        assert isinstance(processor, Mpnn)
        self.num_slots = encoder.num_slots
        layers = (*encoder.trunk, encoder.maps)
        self.trunk = nn.Sequential(
            *(_plain_convolution(layer) if isinstance(layer, nn.Conv2d) else nn.ReLU() for layer in layers)
        )
        self.head = nn.Linear(encoder.head.in_features, encoder.head.out_features)
        self.head.load_state_dict(encoder.head.state_dict())
        reduction = processor.config.reduction
        self.processor = PlainMpnn(processor, lambda mlp: DenseMessages(mlp, reduction))
        self.processor.requires_grad_(any(parameter.requires_grad for parameter in processor.parameters()))
        self.decoder = nn.Linear(encoder.slot_dim, encoder.slot_dim)
        self.decoder.load_state_dict(source.decoder.linear.state_dict())

    def encode(self, pixels: UInt8[Tensor, "batch 1 height width"]) -> Float[Tensor, "batch slot dim"]:
        """Encode gray frames."""
        maps = self.trunk(pixels.float() / 255)
        slots: Tensor = self.head(maps.view(len(maps), self.num_slots, -1))
        return slots

    def forward(
        self,
        pixels: UInt8[Tensor, "batch 1 height width"],
        action: Int[Tensor, " batch"],
        next_pixels: UInt8[Tensor, "batch 1 height width"],
        permutation: Int[Tensor, " batch"],
    ) -> Float[Tensor, ""]:
        """Compute the contrastive hinge loss with sigma 0.5, margin 1 and negatives among the current frames."""
        current, following = self.encode(pixels), self.encode(next_pixels)
        predicted = self.decoder(self.processor(current, action))
        positive = 2 * (predicted - following).pow(2).sum(2).mean(1)
        negative = 2 * (current - current[permutation]).pow(2).sum(2).mean(1)
        total: Tensor = positive.mean() + functional.relu(1 - negative).mean()
        return total


def _message_mlp_of(source: Mpnn) -> nn.Sequential:
    assert source.num_actions == NUM_ACTIONS
    assert not source.further, "three layers, as in the paper"
    mlp = message_mlp(source.slot_dim)
    first, second, third = linear_layers(mlp)
    with torch.no_grad():
        first.weight.copy_(torch.cat([source.receiver.weight, source.sender.weight], dim=1))
        first.bias.copy_(source.receiver.bias)
    second.load_state_dict(source.hidden.state_dict())
    third.load_state_dict(source.message.state_dict())
    return mlp


def _plain_convolution(layer: nn.Conv2d) -> nn.Conv2d:
    width, stride = layer.kernel_size[0], layer.stride[0]
    plain = nn.Conv2d(layer.in_channels, layer.out_channels, width, stride)
    plain.load_state_dict(layer.state_dict())
    return plain
