"""Plans in a world of which the best one is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from rmr_gym.envs.simulator import Moment, Outcome
from rmr_gym.players.familiarity import Familiarity
from rmr_gym.players.lookahead_config import LookaheadConfig
from rmr_gym.players.planner import Planner
from tests.players.valley import LEFT, RIGHT, STAY, Valley

CONFIG = LookaheadConfig(budget=50, hold=1, commit=1, horizon=10)


def planner(config: LookaheadConfig, world: Valley, seed: int = 0) -> Planner:
    return Planner(config, np.random.default_rng(seed), world.at(0), Familiarity())


def walk(planned: Planner, world: Valley, num_holds: int) -> list[int]:
    """Follow the plan as it is, and return where it leads."""
    places: list[int] = []
    while len(places) < num_holds and (action := planned.best_action()) is not None:
        node, taken = planned.follow(world, action)
        assert taken == 0
        places.append(node.moment.state.x)  # type: ignore[attr-defined]
    return places


@pytest.mark.parametrize("seed", range(3))
def test_planner_finds_a_reward(seed: int) -> None:
    world = Valley({6: 1.0})
    planned = planner(CONFIG, world, seed)
    planned.look_ahead(world, 400)
    assert 6 in walk(planned, world, 8)


@pytest.mark.parametrize("seed", range(3))
def test_planner_leaves_a_reward_that_costs_a_life(seed: int) -> None:
    world = Valley({-1: 10.0, 4: 1.0}, deadly=frozenset({-1}))
    planned = planner(CONFIG, world, seed)
    planned.look_ahead(world, 200)
    assert min(walk(planned, world, 10)) > -1
    planned = planner(dataclasses.replace(CONFIG, caution=0.0), world, seed)
    planned.look_ahead(world, 200)
    assert planned.root.value > 5.0, "the ten is worth a life to the reckless"


def test_planner_stays_where_every_step_costs_a_life() -> None:
    world = Valley({}, deadly=frozenset({-1, 1}))
    planned = planner(CONFIG, world)
    planned.look_ahead(world, 200)
    assert planned.best_action() == STAY


def test_planner_values_are_those_of_the_best_branch() -> None:
    world = Valley({1: 2.0, 2: 4.0})
    config = LookaheadConfig(hold=1, commit=1, horizon=2, discount=0.5, curiosity=0.0)
    planned = planner(config, world)
    planned.look_ahead(world, 200)
    assert planned.root.value == 2.0 + 0.5 * 4.0
    assert planned.root.children[STAY].value == 2.0
    assert planned.root.children[LEFT].value == 0.0


def test_planner_stops_when_all_is_known_or_the_budget_is_spent() -> None:
    world = Valley({1: 1.0})
    small = planner(LookaheadConfig(hold=1, commit=1, horizon=2), world)
    taken = small.look_ahead(world, 1e9)
    assert taken == world.num_simulated == 3 + 9, "three actions, and three after each"
    assert small.look_ahead(world, 1e9) == 0
    large = planner(LookaheadConfig(hold=3, commit=1, horizon=20), world)
    assert 50 <= large.look_ahead(world, 50) < 53


def test_planner_goes_where_memory_is_unfamiliar_when_there_is_nothing_to_win() -> None:
    world, seen = Valley({}), Familiarity()
    for x in range(32):
        for _ in range(8):
            seen.add(world.at(x).ram)
    planned = Planner(CONFIG, np.random.default_rng(0), world.at(0), seen)
    planned.look_ahead(world, 200)
    assert walk(planned, world, 10)[-1] < 0, "at the end of the plan"


def test_planner_keeps_the_part_of_the_tree_that_it_follows() -> None:
    world = Valley({6: 1.0})
    planned = planner(CONFIG, world)
    planned.look_ahead(world, 400)
    child = planned.root.children[RIGHT]
    node, _ = planned.follow(world, RIGHT)
    assert node is child
    assert node is planned.root
    assert node.parent is None
    assert node.children
    planned.restart(world.at(3))
    assert planned.root.children == {}
    node, taken = planned.follow(world, LEFT)
    assert (node.moment.state.x, taken) == (2, 1)  # type: ignore[attr-defined]


def test_planner_looks_once_into_what_several_actions_lead_to() -> None:
    class Deaf(Valley):
        actions = (LEFT, STAY, RIGHT, 17)

        def hold(self, moment: Moment, action: int, num_steps: int) -> Outcome:
            return super().hold(moment, STAY if action == 17 else action, num_steps)

    world = Deaf({1: 1.0})
    planned = planner(LookaheadConfig(hold=1, commit=1, horizon=2), world)
    assert planned.look_ahead(world, 1e9) <= 4 + 3 * 4, "four actions, and four after each of the three outcomes"
    children = planned.root.children
    assert len(children) == 4
    assert children[17] is children[STAY]
    planned.refresh()
    node, taken = planned.follow(world, 17)
    assert (node.moment.state.x, taken) == (0, 0)  # type: ignore[attr-defined]
