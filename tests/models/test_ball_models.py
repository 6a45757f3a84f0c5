from inspect import unwrap
from typing import Any

import pytest
import torch

from rmr_gym.models import (
    InteractionModel,
    Precision,
    Processor,
    TrajectoryModel,
    VideoModel,
    fingerprint,
    freeze,
    trainable_parameters,
    trajectory_model,
)
from rmr_gym.models.ball_models import Prediction, window_features
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.decoders import BroadcastDecoderConfig
from rmr_gym.models.encoders import SlotAttentionConfig
from rmr_gym.models.processors import DeepSetsConfig, InteractionNetworkConfig, MpnnConfig


def make_processor(slot_dim: int = 8) -> Processor:
    with initial_weights(0):
        return MpnnConfig(slot_dim=slot_dim, num_passes=2, reduction="sum").build(4, num_actions=0)


def make_state(history: int = 3) -> torch.Tensor:
    return torch.rand(5, history, 4, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1


def make_video(processor: Processor, input_dim: int | None = None, **kwargs: Any) -> VideoModel:
    encoder = SlotAttentionConfig(
        size=(16, 16), num_slots=4, slot_dim=processor.slot_dim, channels=4, slot_size=8, hidden_dim=8
    )
    decoder = BroadcastDecoderConfig(size=(16, 16), channels=4, strides=(2,))
    with initial_weights(0):
        return VideoModel(encoder.build(), processor, decoder.build(input_dim or processor.output_dim), **kwargs)


def make_window(model: VideoModel) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(2)
    pixels = torch.randint(0, 256, (2, 3, 3, 16, 16), dtype=torch.uint8, generator=generator)
    return pixels, model.encoder.noise(2, generator)


def test_features_of_a_ball_are_its_positions_oldest_first() -> None:
    # Coordinate = 100 * frame + 10 * ball + axis.
    state = torch.tensor([[[[100.0 * t + 10 * k + axis for axis in range(2)] for k in range(2)] for t in range(3)]])
    assert window_features(state).tolist() == [[[0, 1, 100, 101, 200, 201], [10, 11, 110, 111, 210, 211]]]


@pytest.mark.parametrize("predicts", ["position", "displacement", "acceleration"])
def test_prediction_starts_from_what_it_is_relative_to(predicts: Prediction) -> None:
    model, state = TrajectoryModel(make_processor(), predicts=predicts), make_state()
    with torch.no_grad():
        model.decoder.weight.zero_()
        model.decoder.bias.copy_(torch.tensor([0.5, -1.0]))
    base = {
        "position": torch.zeros(5, 4, 2),
        "displacement": state[:, 2],
        "acceleration": state[:, 2] + (state[:, 2] - state[:, 1]),
    }
    torch.testing.assert_close(model(state), base[predicts] + torch.tensor([0.5, -1.0]))


def test_units_are_root_mean_squares_of_positions_steps_and_what_is_left_to_predict() -> None:
    model = TrajectoryModel(make_processor(), history=2, predicts="acceleration", standardise=True)
    # One ball of one window goes 1, 2 along x, and comes to 5 where 3 was expected; it stays at 0 along y.
    window = torch.tensor([[[[1.0, 0.0]], [[2.0, 0.0]], [[5.0, 0.0]]]])
    model.measure_units(window)
    units = [float(unit) for unit in (model.position_unit, model.step_unit, model.output_unit)]
    assert units == pytest.approx([(5 / 4) ** 0.5, (1 / 2) ** 0.5, (4 / 2) ** 0.5])
    assert set(dict(model.named_buffers())) == {"position_unit", "step_unit", "output_unit"}, "they are saved"


@pytest.mark.parametrize("predicts", ["position", "displacement", "acceleration"])
def test_standardised_model_sees_the_same_in_a_world_of_another_size(predicts: Prediction) -> None:
    state, model = make_state(4), TrajectoryModel(make_processor(), predicts=predicts, standardise=True)
    model.measure_units(state)
    predicted = model(state[:, :-1])
    model.measure_units(state * 7)
    torch.testing.assert_close(model(state[:, :-1] * 7), predicted * 7)


def test_standardised_features_are_steps_and_the_last_position_in_their_units() -> None:
    model, state = TrajectoryModel(make_processor(), standardise=True), make_state()
    model.position_unit.fill_(0.5)
    model.step_unit.fill_(0.25)
    expected = torch.cat([4 * (state[:, 1] - state[:, 0]), 4 * (state[:, 2] - state[:, 1]), 2 * state[:, 2]], dim=-1)
    expected = model.decoder(model.processor(model.encoder(expected)))
    torch.testing.assert_close(model(state), expected)


def test_units_stay_where_nothing_moves_and_where_there_are_none() -> None:
    still = torch.full((2, 4, 4, 2), 0.5)
    model = TrajectoryModel(make_processor(), predicts="acceleration", standardise=True)
    model.measure_units(still)
    assert [float(unit) for unit in model.buffers()] == [0.5, 1, 1]
    plain = TrajectoryModel(make_processor())
    plain.measure_units(still)
    assert not list(plain.buffers())


def test_trajectory_model_is_encoder_processor_decoder() -> None:
    model, state = TrajectoryModel(make_processor()), make_state()
    slots = state.permute(0, 2, 1, 3).reshape(5, 4, 6) @ model.encoder.weight.T + model.encoder.bias
    expected = model.processor(slots) @ model.decoder.weight.T + model.decoder.bias
    torch.testing.assert_close(model(state), expected)


def test_trajectory_model_is_equivariant_to_permutations_of_the_balls() -> None:
    model, state, order = TrajectoryModel(make_processor()), make_state(), torch.tensor([2, 0, 3, 1])
    torch.testing.assert_close(model(state[:, :, order]), model(state)[:, order])


def test_interaction_model_is_the_processor_on_positions() -> None:
    network = InteractionNetworkConfig(relation_dim=5, effect_dim=3, object_dim=4).build(4)
    model, state = InteractionModel(network), make_state()
    assert model.history == 3
    assert set(model.state_dict()) == {f"processor.{name}" for name in network.state_dict()}
    torch.testing.assert_close(model(state), network(state.permute(0, 2, 1, 3).reshape(5, 4, 6)))


def test_processor_decides_which_pipeline_is_built() -> None:
    assert isinstance(trajectory_model(make_processor(), predicts="displacement"), TrajectoryModel)
    assert isinstance(trajectory_model(InteractionNetworkConfig(history=1).build(4), history=1), InteractionModel)
    with pytest.raises(ValueError, match="windows of 3; got 2"):
        trajectory_model(InteractionNetworkConfig(history=2).build(4))


def test_pipelines_refuse_a_processor_with_actions() -> None:
    processor = DeepSetsConfig(slot_dim=8).build(4)
    for build in (TrajectoryModel, InteractionModel, make_video):
        with pytest.raises(ValueError, match="without actions; got 18"):
            build(processor)


def test_interaction_model_refuses_a_processor_of_latents() -> None:
    with pytest.raises(ValueError, match="from windows of positions to positions; got slots of width 8 to width 8"):
        InteractionModel(make_processor())


@pytest.mark.parametrize(("predicts", "shortest"), [("position", 1), ("displacement", 1), ("acceleration", 2)])
def test_trajectory_model_refuses_a_window_that_is_too_short(predicts: Prediction, shortest: int) -> None:
    model = TrajectoryModel(make_processor(), history=shortest, predicts=predicts)
    assert model(make_state(shortest)).shape == (5, 4, 2)
    with pytest.raises(ValueError, match=f"history >= {shortest} to predict {predicts}"):
        TrajectoryModel(make_processor(), history=shortest - 1, predicts=predicts)


def test_trajectory_model_refuses_an_unknown_prediction() -> None:
    unchecked: Any = unwrap(TrajectoryModel.__init__)  # without the type check that tests switch on
    with pytest.raises(ValueError, match="position, displacement, acceleration"):
        unchecked(TrajectoryModel.__new__(TrajectoryModel), make_processor(), predicts="jerk")


def test_models_refuse_windows_of_another_length() -> None:
    for model in (TrajectoryModel(make_processor()), InteractionModel(InteractionNetworkConfig().build(4))):
        with pytest.raises(ValueError, match="windows of 3 states; got 2"):
            model(make_state(2))


def test_video_model_is_encoder_processor_decoder() -> None:
    model = make_video(make_processor())
    pixels, noise = make_window(model)
    decoded = model(pixels, noise)
    expected = model.decoder(model.processor(model.encoder(pixels, noise)))
    torch.testing.assert_close(decoded.image, expected.image)
    torch.testing.assert_close(decoded.masks, expected.masks)


def test_video_model_hands_out_the_slots_behind_the_picture() -> None:
    model = make_video(make_processor())
    pixels, noise = make_window(model)
    predicted = model.predict(pixels, noise)
    torch.testing.assert_close(predicted.slots, model.processor(model.encoder(pixels, noise)))
    assert torch.equal(predicted.decoded.image, model(pixels, noise).image)
    assert torch.equal(predicted.decoded.image, model.decoder(predicted.slots).image)


def test_picture_does_not_depend_on_the_order_of_the_noise() -> None:
    model = make_video(make_processor())
    pixels, noise = make_window(model)
    torch.testing.assert_close(model(pixels, noise.flip(1)).image, model(pixels, noise).image, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network", [True, False])
def test_gradient_reaches_the_encoder_through_a_frozen_processor(network: bool) -> None:
    with initial_weights(0):
        processor = InteractionNetworkConfig().build(4) if network else make_processor()
    model = make_video(freeze(processor)).train()
    before = fingerprint(processor)
    optimizer = torch.optim.Adam(trainable_parameters(model), lr=0.01)
    model(*make_window(model)).image.square().mean().backward()
    gradients = [parameter.grad for parameter in model.encoder.parameters()]
    assert all(gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients)
    optimizer.step()
    assert fingerprint(processor) == before
    assert all(parameter.grad is None for parameter in processor.parameters())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("network", [True, False])
def test_models_stay_on_the_device(network: bool, precision: Precision) -> None:
    # On the meta device a tensor that was left on the CPU is refused as on any other device.
    processor = InteractionNetworkConfig().build(4) if network else make_processor()
    model = make_video(processor, precision=precision).to("meta")
    decoded = model(*(part.to("meta") for part in make_window(model)))
    decoded.image.sum().backward()
    assert decoded.image.is_meta
    assert trajectory_model(processor).to("meta")(make_state().to("meta")).is_meta


def test_lower_precision_changes_the_picture_a_little() -> None:
    exact, rounded = (make_video(make_processor(), precision=precision) for precision in ("float32", "bfloat16"))
    window = make_window(exact)
    found, expected = rounded(*window), exact(*window)
    assert found.image.dtype == found.masks.dtype == torch.float32
    assert 0 < (found.image - expected.image).abs().max() < 0.03


def test_video_model_refuses_parts_of_different_widths() -> None:
    parts = make_video(make_processor(8))
    with pytest.raises(ValueError, match="slot_dim of the encoder equal to 16, the slot_dim of the processor; got 8"):
        VideoModel(parts.encoder, make_processor(16), parts.decoder)
    with pytest.raises(ValueError, match="input_dim of the decoder equal to 2, the output_dim of the processor; got 6"):
        make_video(InteractionNetworkConfig().build(4), input_dim=6)


def test_video_model_refuses_pictures_of_different_sizes() -> None:
    parts = make_video(make_processor())
    decoder = BroadcastDecoderConfig(size=(8, 8), channels=4, strides=(1,)).build(8)
    with pytest.raises(ValueError, match=r"picture equal to \(16, 16\).*got \(8, 8\)"):
        VideoModel(parts.encoder, parts.processor, decoder)
