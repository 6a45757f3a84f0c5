"""Looking ahead: which actions are tried out, from where, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np

from rmr_gym.envs.simulator import Moment, Outcome
from rmr_gym.players.familiarity import Familiarity
from rmr_gym.players.lookahead_config import LookaheadConfig
from rmr_gym.players.plan_tree import Node, Worth

T = TypeVar("T")

_PERSISTENCES = (0.0, 0.5, 0.8, 1.0)
"""How persistently a try holds its actions; drawn anew for each, as nobody knows the pace of a game (ours)."""

_LENGTHS = (2, 4, 8, 16)
"""How many holds of its own a try has; drawn anew for each (ours)."""

_SWEEPING = 0.06
"""Share of tries that hold one action from the present to the horizon: roads are often straight (ours)."""

_EXTENDED, _BRANCHED = 0.4, 0.8
"""Share of tries that go on where the best plan ends, as long as it ends before the horizon; share of the others that
branch off it, the rest starting anywhere in the tree (ours)."""

_MENDED = 0.6
"""Share of the branches that return to the plan, with one action replaced, inserted or left out (ours)."""

_FRUITLESS = 64
"""Tries in a row without anything new after which a look ahead ends: all of a small tree is known."""


@runtime_checkable
class World(Protocol):
    """Where actions can be tried out; `rmr_gym.envs.Simulator` is one."""

    @property
    def actions(self) -> Sequence[int]:
        """ALE values of the actions that make a difference."""
        ...

    def hold(self, moment: Moment, action: int, num_steps: int) -> Outcome:
        """Hold an action from a moment on."""
        ...


@dataclass(frozen=True, slots=True)
class _Try:
    """Something to be tried out."""

    start: Node
    """Where it starts."""

    actions: list[int]
    """What is done first, one for each hold."""

    num_more: int
    """How many holds with random actions follow, at most."""


class Planner:
    """A plan that gets better the longer one looks ahead, and the tree of what was tried out for it.

    A try goes on where the best plan so far ends, or branches off it with another action, after which it returns to the
    plan or does anything, or starts anywhere in the tree. Tries are short: a plan that has not yet met anything bad is
    the best and is gone on with, so that what is far ahead is looked at only for plans that may be played. As the world
    is deterministic, a plan that was found stays as good as it is, and the part of the tree below what is played, too.

    Source: ours; best-first search of plans, with the mutations of rolling horizon evolution (Perez et al. 2013,
    "Rolling horizon evolution versus tree search for navigation in single-player real-time games").

    Args:
        config: how far and how carefully.
        generator: of all that is random.
        start: where the episode begins.
        familiarity: of the memory in this episode.
    """

    def __init__(
        self, config: LookaheadConfig, generator: np.random.Generator, start: Moment, familiarity: Familiarity
    ) -> None:
        self._config, self._generator, self._familiarity = config, generator, familiarity
        self._worth = Worth(
            discount=config.discount,
            caution=config.caution,
            curiosity=config.curiosity,
            novelty=lambda moment: familiarity.novelty(moment.ram),
        )
        self.root = Node(start, depth=0)

    def restart(self, moment: Moment) -> None:
        """Forget what was tried out, and go on from a moment; what rewards are like is kept."""
        self.root = Node(moment, self.root.depth)

    def look_ahead(self, world: World, num_steps: float | int) -> int:
        """Try out actions.

        Args:
            world: where.
            num_steps: steps to be tried out, at most.

        Returns:
            Steps that were tried out.
        """
        taken = fruitless = 0
        while taken < num_steps and fruitless < _FRUITLESS:
            steps = self._carry_out(world, self._think_of_a_try(world.actions), num_steps - taken)
            fruitless = 0 if steps else fruitless + 1
            taken += steps
        return taken

    def best_action(self) -> int | None:
        """Return with which action the best plan begins, None where nothing was tried out."""
        best = self._worth.best_child(self.root)
        return None if best is None else best.action

    def follow(self, world: World, action: int) -> tuple[Node, int]:
        """Let a hold become the past.

        Returns:
            The new root, and the steps that had to be tried out for it, 0 where they were already.
        """
        child, taken = self._go(world, self.root, action)
        child.parent = None
        self.root = child
        return child, taken

    def refresh(self) -> None:
        """Make all values anew, after the familiarity of memory has changed."""
        self._worth.update_below(self.root)

    def _think_of_a_try(self, actions: Sequence[int]) -> _Try:
        """Choose what to try out next."""
        random = self._generator.random
        if random() < _SWEEPING:
            return _Try(self.root, [self._draw(actions)] * self._config.horizon, 0)
        path = self._worth.best_path(self.root)
        if self._is_open(path[-1]) and random() < _EXTENDED:
            return _Try(path[-1], [], self._draw(_LENGTHS))
        if len(path) > 1 and random() < _BRANCHED:
            at = int(self._generator.integers(len(path) - 1))
            planned = [node.action for node in path[at + 1 :]]
            other = self._draw([action for action in actions if action != planned[0]] or actions)
            replaced, inserted, omitted = [other, *planned[1:]], [other, *planned], planned[1:]
            mended = self._draw((replaced, inserted, omitted)) if random() < _MENDED else [other]
            return _Try(path[at], mended, self._draw(_LENGTHS))
        node = self.root
        while node.children and random() >= 1 / (1 + len(node.children)):
            node = self._draw([*node.children.values()])
        return _Try(node, [], self._draw(_LENGTHS))

    def _is_open(self, node: Node) -> bool:
        """Say whether anything can be tried out from here."""
        return not node.ends and node.depth < self.root.depth + self._config.horizon * self._config.hold

    def _carry_out(self, world: World, what: _Try, num_steps: float | int) -> int:
        """Try something out; return the steps that took, 0 where all of it was known."""
        node, taken, more = what.start, 0, what.num_more
        waiting, persistence = what.actions[::-1], self._draw(_PERSISTENCES)
        action = node.action
        while self._is_open(node) and taken < num_steps and (waiting or more):
            if waiting:
                action = waiting.pop()
            else:
                more -= 1
                if self._generator.random() >= persistence:
                    action = self._draw(world.actions)
            node, steps = self._go(world, node, action)
            taken += steps
        if taken:
            self._worth.update_above(node)
            if self._familiarity.places is not None and not node.ends:
                self._familiarity.places.connect([one.moment.ram for one in node.path()])
        return taken

    def _go(self, world: World, node: Node, action: int) -> tuple[Node, int]:
        """Return where a hold leads, and the steps that had to be tried out for it: 0 where that was known."""
        if action in node.children:
            return node.children[action], 0
        outcome = world.hold(node.moment, action, self._config.hold)
        self._worth.meet(outcome.reward)
        other = next(iter(node.children.values()), None)
        if other is not None and other.depth == node.depth + outcome.num_steps:
            self._familiarity.compare(outcome.moment.ram, other.moment.ram)
        return node.grow(action, outcome), outcome.num_steps

    def _draw(self, choices: Sequence[T]) -> T:
        return choices[int(self._generator.integers(len(choices)))]
