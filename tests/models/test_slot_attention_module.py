import numpy as np
import pytest
import torch

from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.encoders.slot_attention_module import SlotAttention


def make_module(iterations: int = 1, epsilon: float = 1e-8) -> SlotAttention:
    with initial_weights(0):
        module = SlotAttention(input_dim=3, slot_size=4, hidden_dim=5, iterations=iterations, epsilon=epsilon)
        for norm in (module.norm_inputs, module.norm_slots, module.norm_update):
            torch.nn.init.normal_(norm.weight)
            torch.nn.init.normal_(norm.bias)
    return module.double()


def make_inputs() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(2, 7, 3, dtype=torch.float64, generator=generator)
    return inputs, torch.randn(2, 3, 4, dtype=torch.float64, generator=generator)


def attend_by_hand(
    module: SlotAttention, inputs: np.ndarray, slots: np.ndarray, iterations: int, epsilon: float
) -> tuple[np.ndarray, np.ndarray]:
    """Algorithm 1 of Locatello et al. 2020 for one picture, slot by slot and cell by cell."""
    w = {name: value.numpy() for name, value in module.state_dict().items()}

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    cells = [norm("norm_inputs", cell) for cell in inputs]
    shares = np.empty((len(slots), len(cells)))
    for _ in range(iterations):
        for c, cell in enumerate(cells):
            logits = [
                np.dot(w["query.weight"] @ norm("norm_slots", slot), w["key.weight"] @ cell) / np.sqrt(4)
                for slot in slots
            ]
            shares[:, c] = np.exp(logits) / np.exp(logits).sum()
        following = []
        for k, slot in enumerate(slots):
            weights = (shares[k] + epsilon) / (shares[k] + epsilon).sum()
            mean = sum(weight * (w["value.weight"] @ cell) for weight, cell in zip(weights, cells, strict=True))
            from_input = np.split(w["gru.weight_ih"] @ mean + w["gru.bias_ih"], 3)
            from_state = np.split(w["gru.weight_hh"] @ slot + w["gru.bias_hh"], 3)
            reset, update = (sigmoid(from_input[gate] + from_state[gate]) for gate in (0, 1))
            new = np.tanh(from_input[2] + reset * from_state[2])
            state = (1 - update) * new + update * slot
            hidden = np.maximum(w["update.0.weight"] @ norm("norm_update", state) + w["update.0.bias"], 0)
            following.append(state + w["update.2.weight"] @ hidden + w["update.2.bias"])
        slots = np.stack(following)
    return slots, shares


@pytest.mark.parametrize(("iterations", "epsilon"), [(1, 1e-8), (3, 1e-8), (2, 0.5)])
def test_attention_equals_the_written_out_algorithm(iterations: int, epsilon: float) -> None:
    module, (inputs, slots) = make_module(iterations, epsilon), make_inputs()
    found = module(inputs, slots)
    for picture in range(2):
        expected, shares = attend_by_hand(module, inputs[picture].numpy(), slots[picture].numpy(), iterations, epsilon)
        np.testing.assert_allclose(found.slots[picture].detach().numpy(), expected, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(found.attention[picture].detach().numpy(), shares, rtol=1e-10, atol=1e-12)


def test_attention_is_shared_out_over_the_slots() -> None:
    attention = make_module(3)(*make_inputs()).attention
    torch.testing.assert_close(attention.sum(1), torch.ones(2, 7, dtype=torch.float64))
    assert (attention.sum(2) - 1).abs().min() > 1e-3  # and not over the cells


def test_slots_do_not_depend_on_the_order_of_the_cells() -> None:
    module, (inputs, slots) = make_module(2), make_inputs()
    torch.testing.assert_close(module(inputs.flip(1), slots).slots, module(inputs, slots).slots)


def test_equal_slots_stay_equal() -> None:
    module, (inputs, slots) = make_module(3), make_inputs()
    found = module(inputs, slots[:, :1].expand(-1, 3, -1)).slots
    torch.testing.assert_close(found, found[:, :1].expand(-1, 3, -1))


def test_queries_keys_and_values_have_no_bias() -> None:
    module = make_module()
    assert module.query.bias is module.key.bias is module.value.bias is None
