import inspect

import pytest
import torch

from rmr_gym.models import Processor
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.processors import BALL_PROCESSORS, PROCESSORS, DeepSetsConfig, MlpConfig, MpnnConfig


@pytest.mark.parametrize(("num_passes", "message_layers"), [(1, 3), (2, 3), (2, 5)])
def test_mpnn_equals_the_written_out_equations(num_passes: int, message_layers: int) -> None:
    config = MpnnConfig(slot_dim=3, num_passes=num_passes, message_layers=message_layers, reduction="max")
    with initial_weights(0):
        processor = config.build(4).double()
    assert len(processor.further) == message_layers - 3
    slots, action = torch.randn(2, 4, 3, dtype=torch.float64), torch.tensor([5, 17])
    alpha = processor.action_encoder.weight[:, action].T + processor.action_encoder.bias
    inputs = slots + alpha[:, None]
    current = inputs
    for index in range(num_passes):
        current = torch.relu(current) if index else current
        messages = torch.empty_like(current)
        for sample in range(2):
            for i in range(4):
                edges = []
                for j in range(4):
                    edge = processor.receiver(current[sample, i]) + processor.sender(current[sample, j])
                    for layer in (processor.hidden, *processor.further, processor.message):
                        edge = layer(torch.relu(edge))
                    edges.append(edge)
                messages[sample, i] = torch.stack(edges).amax(0)
        current = processor.update_slot(current) + processor.update_message(messages)
    torch.testing.assert_close(processor(slots, action), current + inputs)


def test_deep_sets_slots_do_not_see_each_other() -> None:
    with initial_weights(0):
        processor = DeepSetsConfig(slot_dim=4).build(3)
    slots, action = torch.randn(1, 3, 4), torch.tensor([2])
    changed = slots.clone()
    changed[0, 1] += 1
    same = processor(slots, action)[0] == processor(changed, action)[0]
    assert same[[0, 2]].all()
    assert not same[1].any()


def test_mpnn_slots_see_each_other() -> None:
    with initial_weights(0):
        processor = MpnnConfig(slot_dim=16).build(3)
        slots, action = torch.randn(1, 3, 16), torch.tensor([2])
    changed = slots.clone()
    changed[0, 1] += 1
    assert not torch.equal(processor(slots, action)[0, 0], processor(changed, action)[0, 0])


def test_mlp_refuses_another_number_of_slots() -> None:
    processor = MlpConfig(slot_dim=4, hidden_dim=8).build(3)
    with pytest.raises(ValueError, match="3 slots for this MLP; got 5"):
        processor(torch.zeros(1, 5, 4), torch.tensor([0]))


@pytest.mark.parametrize("name", PROCESSORS)
@pytest.mark.parametrize("shape", [(2, 1), (1,), ()])
def test_processor_refuses_actions_that_are_not_one_per_sample(name: str, shape: tuple[int, ...]) -> None:
    processor = PROCESSORS[name](slot_dim=4).build(3)
    with pytest.raises(ValueError, match="one action per sample"):
        inspect.unwrap(Processor.add_action)(processor, torch.zeros(2, 3, 4), torch.zeros(shape, dtype=torch.int64))


@pytest.mark.parametrize("name", PROCESSORS)
def test_config_refuses_a_width_below_one(name: str) -> None:
    with pytest.raises(ValueError, match="slot_dim >= 1"):
        PROCESSORS[name](slot_dim=0)


def test_config_refuses_an_unknown_reduction() -> None:
    config = MpnnConfig()
    object.__setattr__(config, "reduction", "median")  # past the type check that tests switch on
    with pytest.raises(ValueError, match="mean, sum, max"):
        config.__post_init__()


def test_registry_names_the_nearest_when_a_processor_is_unknown() -> None:
    with pytest.raises(ValueError, match="Did you mean 'mpnn'"):
        PROCESSORS["mpn"]


def test_initial_weights_leave_the_global_stream_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with initial_weights(0):
        torch.nn.Linear(4, 4)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("name", ["mpnn", "deep_sets", "mlp"])
def test_processor_without_actions_adds_its_update_to_the_slots(name: str) -> None:
    with initial_weights(0):
        processor = PROCESSORS[name](slot_dim=4).build(3, num_actions=0)
    slots = torch.randn(2, 3, 4)
    assert torch.equal(processor(slots), processor.process(slots) + slots)
    assert not [key for key in processor.state_dict() if key.startswith("action")]
    assert processor.num_actions == 0


@pytest.mark.parametrize("name", BALL_PROCESSORS)
def test_processor_without_actions_refuses_an_action(name: str) -> None:
    processor = BALL_PROCESSORS[name]().build(3, num_actions=0)
    with pytest.raises(ValueError, match="None as the action, as num_actions is 0; got one"):
        processor(torch.zeros(1, 3, processor.slot_dim), torch.tensor([0]))


def test_processor_with_actions_refuses_to_go_without() -> None:
    processor = DeepSetsConfig(slot_dim=4).build(3)
    with pytest.raises(ValueError, match="an action, as num_actions is 18; got None"):
        processor(torch.zeros(1, 3, 4))


def test_processor_encodes_as_many_actions_as_it_was_built_for() -> None:
    processor = MpnnConfig(slot_dim=4).build(3, num_actions=5)
    assert processor.action_encoder is not None
    assert processor.action_encoder.weight.shape == (4, 5)


def test_parameters_keep_the_names_that_checkpoints_know() -> None:
    names = {name.rpartition(".")[0] for name in MpnnConfig(slot_dim=4).build(3).state_dict()}
    layers = {"receiver", "sender", "hidden", "message", "update_slot", "update_message"}
    assert names == {"action_encoder", *layers}


def test_summed_messages_of_ten_slots_start_at_the_scale_of_the_slots() -> None:
    with initial_weights(0):
        processor = MpnnConfig(slot_dim=128, num_passes=2, reduction="sum").build(10, num_actions=0)
        slots = torch.randn(64, 10, 128)
    assert 0.1 < processor.process(slots).std().item() < 2.0


def test_registries_agree_on_what_a_name_means() -> None:
    shared = set(PROCESSORS) & set(BALL_PROCESSORS)
    assert shared
    assert all(PROCESSORS[name] is BALL_PROCESSORS[name] for name in shared)
