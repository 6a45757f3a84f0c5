import torch

from rmr_gym.models.position import PositionEmbedding


def test_embedding_reads_the_four_coordinates_of_a_cell() -> None:
    embedding = PositionEmbedding(channels=4, size=(3, 5))
    with torch.no_grad():
        embedding.linear.weight.copy_(torch.eye(4))
        embedding.linear.bias.zero_()
    maps = torch.full((2, 4, 3, 5), 10.0)
    cells = embedding(maps)[1] - 10
    expected = {(0, 0): [0, 0, 1, 1], (0, 4): [1, 0, 0, 1], (2, 0): [0, 1, 1, 0], (1, 1): [0.25, 0.5, 0.75, 0.5]}
    for (row, column), values in expected.items():
        torch.testing.assert_close(cells[:, row, column], torch.tensor(values, dtype=torch.float32))


def test_grid_is_no_part_of_the_state() -> None:
    assert set(PositionEmbedding(channels=2, size=(3, 3)).state_dict()) == {"linear.weight", "linear.bias"}
