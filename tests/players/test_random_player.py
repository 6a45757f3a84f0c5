"""How a random player presses."""

from __future__ import annotations

import itertools

import pytest

from rmr_gym.players import RandomPlayer, RandomPlayerConfig

ALL, SKIING = range(18), (0, 2, 3, 4, 5, 6, 7, 8, 9)


def presses(
    config: RandomPlayerConfig, num: int = 2000, seed: int = 0, legal: tuple[int, ...] = tuple(ALL)
) -> list[int]:
    player = RandomPlayer(config)
    player.start_episode(legal, seed)
    return [player.act({}) for _ in range(num)]


def share_held(actions: list[int]) -> float:
    return sum(a == b for a, b in itertools.pairwise(actions)) / (len(actions) - 1)


@pytest.mark.parametrize("persistence", [0.0, 0.5, 0.9])
def test_player_holds_an_action_with_the_probability_it_is_told(persistence: float) -> None:
    actions = presses(RandomPlayerConfig(persistence=persistence, fire_burst=0.0), num=6000)
    expected = persistence + (1 - persistence) / 18  # a new draw may give the same action
    assert share_held(actions) == pytest.approx(expected, abs=0.02)
    assert set(actions) == set(ALL)


def test_player_draws_favourites_only_when_fully_biased() -> None:
    config = RandomPlayerConfig(bias=1.0, num_favorites=3, fire_burst=0.0)
    episodes = [frozenset(presses(config, seed=seed)) for seed in range(8)]
    assert {len(favorites) for favorites in episodes} == {3}
    assert len(set(episodes)) > 4


def test_player_taps_fire_and_lets_go_in_a_burst() -> None:
    config = RandomPlayerConfig(persistence=0.0, fire_burst=1.0, burst_steps=4)
    assert presses(config, num=9) == [1, 0, 1, 0, 1, 0, 1, 0, 1]


def test_player_draws_anew_after_a_burst() -> None:
    actions = presses(RandomPlayerConfig(persistence=0.95, fire_burst=0.5, burst_steps=3), num=4000)
    assert share_held(actions) < 0.95
    after = [actions[i + 3] for i in range(len(actions) - 3) if actions[i : i + 3] == [1, 0, 1]]
    assert len(set(after)) == 18


def test_player_does_not_fire_where_the_game_cannot() -> None:
    actions = presses(RandomPlayerConfig(fire_burst=1.0), legal=SKIING)
    assert set(actions) == set(SKIING)


def test_player_takes_fewer_favourites_where_there_are_fewer_actions() -> None:
    assert set(presses(RandomPlayerConfig(num_favorites=18, bias=1.0), legal=(0, 3, 4))) == {0, 3, 4}


def test_player_needs_a_legal_action() -> None:
    with pytest.raises(ValueError, match="at least one legal action"):
        RandomPlayer(RandomPlayerConfig()).start_episode((), seed=0)


def test_players_of_different_config_have_different_names() -> None:
    configs = [
        RandomPlayerConfig(),
        RandomPlayerConfig(persistence=0.51),
        RandomPlayerConfig(num_favorites=5),
        RandomPlayerConfig(bias=0.1),
        RandomPlayerConfig(fire_burst=0.06),
        RandomPlayerConfig(burst_steps=5),
    ]
    assert len({RandomPlayer(config).name for config in configs}) == len(configs)
    assert RandomPlayer(configs[0], name="mine", skill=0.25).name == "mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"persistence": 1.0}, "persistence in 0..1, below 1; got 1.0"),
        ({"bias": 1.1}, "bias in 0..1"),
        ({"fire_burst": -0.1}, "fire_burst in 0..1"),
        ({"num_favorites": 0}, "num_favorites as an integer of at least 1"),
        ({"burst_steps": True}, "burst_steps as an integer of at least 1"),
    ],
)
def test_config_refuses_numbers_out_of_range(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RandomPlayerConfig(**options)  # type: ignore[arg-type]


def test_player_refuses_a_skill_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"a skill in 0\.\.1"):
        RandomPlayer(RandomPlayerConfig(), skill=2.0)
