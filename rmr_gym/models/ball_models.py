"""The pipelines of bouncing balls: next positions from positions, next picture from pictures."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

import torch
from jaxtyping import Float, Num
from torch import Tensor, nn

from rmr_gym.errors import explain
from rmr_gym.models.blocks import mixed_precision
from rmr_gym.models.decoders import Decoded, VideoDecoder
from rmr_gym.models.interfaces import Processor, VideoEncoder
from rmr_gym.models.processors.interaction_network import InteractionNetwork
from rmr_gym.models.world_model import Precision

Prediction = Literal["position", "displacement", "acceleration"]

COORDINATES = 2
"""Numbers that say where a ball is."""

UNITS = ("position_unit", "step_unit", "output_unit")
"""Buffers of a standardised `TrajectoryModel`."""


def window_features(state: Float[Tensor, "batch history slot 2"]) -> Float[Tensor, "batch slot dim"]:
    """Join the positions of each ball over the window, oldest first: `x, y` of the oldest, ..., of the newest."""
    return state.transpose(1, 2).flatten(2)


class TrajectoryModel(nn.Module):
    """`g(P(f(x)))`: predicts the next position of each ball from its last ones, through wide latents.

    Source: paper, section 4 and appendix A (abstract pipeline).

    Args:
        processor: the latent transition model, trained here and reused on pictures; built without actions.
        history: positions in a window.
        predicts: what the decoder's numbers are. "position" is the next position itself (paper); "displacement" is
            added to the last position, "acceleration" to the position that the last two lead to at constant velocity
            (ours: what is left to learn gets smaller).
        standardise: give the encoder the last position and the steps that led to it instead of positions, and let it
            and the decoder count in units of what is usual, which `measure_units` finds out (ours: a step is a tenth of
            a position, and what a collision adds to it less still).

    Raises:
        ValueError: when the processor wants actions, or the history is too short for what is predicted.
    """

    position_unit: Tensor
    step_unit: Tensor
    output_unit: Tensor

    def __init__(
        self,
        processor: Processor,
        *,
        history: int = 3,
        predicts: Prediction = "position",
        standardise: bool = False,
    ) -> None:
        super().__init__()
        if predicts not in get_args(Prediction):
            fix = f"Choose one of {', '.join(get_args(Prediction))}."
            raise ValueError(explain(expected="a known kind of prediction", got=predicts, fix=fix))
        shortest = 2 if predicts == "acceleration" else 1
        if history < shortest:
            fix = "Widen the window."
            raise ValueError(explain(expected=f"a history >= {shortest} to predict {predicts}", got=history, fix=fix))
        _check_action_free(processor)
        self.history, self.predicts = history, predicts
        self.encoder = nn.Linear(COORDINATES * history, processor.slot_dim)
        self.processor = processor
        self.decoder = nn.Linear(processor.output_dim, COORDINATES)
        self.standardise = standardise
        if standardise:
            for name in UNITS:
                self.register_buffer(name, torch.ones(()))

    def measure_units(self, windows: Float[Tensor, "window time slot 2"]) -> None:
        """Take the root mean squares in some windows as units, if there are units; before training.

        Args:
            windows: of positions in network units, one longer than the history: the last is to be predicted.
        """
        if not self.standardise:
            return
        known = windows[:, :-1]
        found = (known, known.diff(dim=1), windows[:, -1] - self._expected(known))
        for unit, values in zip((self.position_unit, self.step_unit, self.output_unit), found, strict=True):
            if values.numel() and values.any():
                unit.copy_(values.square().mean().sqrt())

    def forward(self, state: Float[Tensor, "batch history slot 2"]) -> Float[Tensor, "batch slot 2"]:
        """Predict the next positions.

        Args:
            state: windows of positions in network units, oldest first.

        Returns:
            Next positions in network units.

        Raises:
            ValueError: when the windows have another length than the model was built for.
        """
        _check_history(state, self.history)
        predicted: Tensor = self.decoder(self.processor(self.encoder(self._features(state))))
        if self.standardise:
            predicted = predicted * self.output_unit
        return self._expected(state) + predicted

    def _features(self, state: Tensor) -> Tensor:
        if not self.standardise:
            return window_features(state)
        steps = state.diff(dim=1) / self.step_unit
        return window_features(torch.cat([steps, state[:, -1:] / self.position_unit], dim=1))

    def _expected(self, state: Tensor) -> Tensor:
        """Return where the balls are expected to be by what the decoder's numbers are added to."""
        if self.predicts == "displacement":
            return state[:, -1]
        if self.predicts == "acceleration":
            return 2 * state[:, -1] - state[:, -2]
        return torch.zeros_like(state[:, -1])


class InteractionModel(nn.Module):
    """Predicts the next positions with a processor whose slots are positions already: no encoder and no decoder.

    Source: paper, appendix C (the Interaction Network as a bottlenecked processor).

    Args:
        processor: takes windows of positions and returns the next ones; built without actions.

    Raises:
        ValueError: when the processor wants actions or does not return positions.
    """

    def __init__(self, processor: Processor) -> None:
        super().__init__()
        _check_action_free(processor)
        if processor.slot_dim % COORDINATES or processor.output_dim != COORDINATES:
            got = f"slots of width {processor.slot_dim} to width {processor.output_dim}"
            fix = "Put it into a TrajectoryModel, which has an encoder and a decoder."
            raise ValueError(explain(expected="a processor from windows of positions to positions", got=got, fix=fix))
        self.history = processor.slot_dim // COORDINATES
        self.processor = processor

    def forward(self, state: Float[Tensor, "batch history slot 2"]) -> Float[Tensor, "batch slot 2"]:
        """Predict the next positions; arguments and errors as in `TrajectoryModel`."""
        _check_history(state, self.history)
        positions: Tensor = self.processor(window_features(state))
        return positions


def trajectory_model(
    processor: Processor, *, history: int = 3, predicts: Prediction = "position", standardise: bool = False
) -> TrajectoryModel | InteractionModel:
    """Build the abstract pipeline that a processor needs.

    Args:
        processor: built without actions.
        history: positions in a window.
        predicts: as in `TrajectoryModel`; an Interaction Network predicts displacements in any case.
        standardise: as in `TrajectoryModel`; an Interaction Network takes and gives positions in any case.

    Returns:
        An `InteractionModel` around an Interaction Network, otherwise a `TrajectoryModel`.

    Raises:
        ValueError: when the processor does not fit.
    """
    if not isinstance(processor, InteractionNetwork):
        return TrajectoryModel(processor, history=history, predicts=predicts, standardise=standardise)
    model = InteractionModel(processor)
    if model.history != history:
        fix = f"Set its history to {history}."
        raise ValueError(explain(expected=f"a processor of windows of {history}", got=model.history, fix=fix))
    return model


class PredictedPicture(NamedTuple):
    """The next picture, and the processor's slots behind it."""

    decoded: Decoded
    slots: Float[Tensor, "batch slot dim"]


class VideoModel(nn.Module):
    """`g~(P(f~(x)))`: predicts the next picture from the last ones.

    Source: paper, section 4 and appendix A (natural pipeline).

    Args:
        encoder: windows of pictures to slots.
        processor: shared with the abstract pipeline, usually frozen; built without actions.
        decoder: predicted slots to a picture.
        precision: of the layers that cost time; attention and the mixing of the picture are computed in float32.

    Raises:
        ValueError: when the parts disagree about the width of a slot or the size of a picture, or the processor wants
            actions.
    """

    def __init__(
        self,
        encoder: VideoEncoder,
        processor: Processor,
        decoder: VideoDecoder,
        *,
        precision: Precision = "float32",
    ) -> None:
        super().__init__()
        _check_action_free(processor)
        _check_equal("slot_dim of the encoder", encoder.slot_dim, "slot_dim of the processor", processor.slot_dim)
        _check_equal("input_dim of the decoder", decoder.input_dim, "output_dim of the processor", processor.output_dim)
        size = encoder.input_shape[2:]
        _check_equal("size of the decoder's picture", decoder.config.size, "size of the encoder's pictures", size)
        self.encoder = encoder
        self.processor = processor
        self.decoder = decoder
        self.precision = precision

    def forward(
        self,
        pixels: Num[Tensor, "batch history channel height width"],
        noise: Float[Tensor, "batch slot noise"],
    ) -> Decoded:
        """Predict the next picture.

        Args:
            pixels: bytes in 0..255 or floats in [0, 1], oldest picture first.
            noise: what `encoder.noise` drew.

        Returns:
            The next picture in [0, 1], not clipped, with its layers, all in float32.
        """
        return self.predict(pixels, noise).decoded

    def predict(
        self,
        pixels: Num[Tensor, "batch history channel height width"],
        noise: Float[Tensor, "batch slot noise"],
    ) -> PredictedPicture:
        """Predict the next picture and return the slots that it was made of, too; arguments as in `forward`."""
        with mixed_precision(pixels.device, enabled=self.precision == "bfloat16"):
            slots = self.encoder(pixels, noise).float()
            predicted = self.processor(slots).float()
            decoded: Decoded = self.decoder(predicted)
        return PredictedPicture(decoded, predicted)


def _check_action_free(processor: Processor) -> None:
    if processor.num_actions:
        fix = "Build it with num_actions=0."
        raise ValueError(explain(expected="a processor without actions", got=f"{processor.num_actions}", fix=fix))


def _check_history(state: Tensor, history: int) -> None:
    if state.shape[1] != history:
        fix = "Cut windows of that length."
        raise ValueError(explain(expected=f"windows of {history} states", got=state.shape[1], fix=fix))


def _check_equal(name: str, value: object, other_name: str, other: object) -> None:
    if value != other:
        fix = "Build both with the same number."
        raise ValueError(explain(expected=f"{name} equal to {other}, the {other_name}", got=value, fix=fix))
