import numpy as np
import torch

from rmr_gym.objectives.energy import all_energies, collapse_monitors, pair_energy, standardise_slots


def test_pair_energy_averages_slots_and_sums_features() -> None:
    first = torch.tensor([[[0.0, 0.0], [1.0, 1.0]]])
    second = torch.tensor([[[3.0, 4.0], [1.0, 2.0]]])
    # Squared distances 25 and 1; mean 13; sigma .5 doubles it.
    assert pair_energy(first, second, sigma=0.5).tolist() == [26.0]
    assert pair_energy(first, second, sigma=1.0).tolist() == [6.5]


def test_all_energies_equal_the_pairwise_ones() -> None:
    first, second = torch.randn(2, 4, 3, 5, dtype=torch.float64)
    table = all_energies(first, second, sigma=0.7)
    for i in range(4):
        for j in range(4):
            expected = pair_energy(first[i : i + 1], second[j : j + 1], sigma=0.7)
            torch.testing.assert_close(table[i, j : j + 1], expected)


def test_all_energies_are_never_negative_when_frames_repeat() -> None:
    slots = torch.randn(1, 128, 64).expand(6, -1, -1) * 100
    assert (all_energies(slots, slots, sigma=0.5) >= 0).all()


def test_standardised_slots_have_mean_zero_and_deviation_one() -> None:
    frames = torch.randn(20, 3, 2, dtype=torch.float64) * 5 + 7
    standard, other = standardise_slots(frames, frames[:2], over=frames)
    torch.testing.assert_close(standard.mean(0), torch.zeros(3, 2, dtype=torch.float64))
    torch.testing.assert_close(standard.std(0), torch.ones(3, 2, dtype=torch.float64))
    torch.testing.assert_close(other, standard[:2] - standard[:2].mean(0))


def test_a_constant_feature_standardises_to_zero() -> None:
    frames = torch.full((4, 2, 3), 1000.0)
    assert standardise_slots(frames, over=frames)[0].abs().max() == 0


def test_effective_rank_counts_equal_directions() -> None:
    # Four samples at the corners of a square: two equal singular values after centring.
    slots = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).view(4, 1, 2)
    np.testing.assert_allclose(collapse_monitors(slots)["effective_rank"], 2.0, rtol=1e-5)


def test_monitors_show_a_collapse() -> None:
    slots = torch.randn(16, 4, 8)
    slots[:, 2:] = 1.0  # two slots say the same of every frame
    monitors = collapse_monitors(slots)
    assert monitors["dead_slots"] == 0.5
    constant = collapse_monitors(torch.ones(16, 4, 8))
    assert constant["slot_std"] == 0
    assert constant["dead_slots"] == 1
    assert all(torch.isfinite(value) for value in constant.values())
