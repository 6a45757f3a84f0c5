"""What a player has tried out: a tree of moments, and what its branches are worth."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from rmr_gym.envs.simulator import Moment, Outcome


class Node:
    """A moment that was tried out, and where it led.

    Args:
        moment: the moment.
        depth: steps from the start of the episode.
    """

    __slots__ = ("action", "children", "depth", "life_lost", "moment", "novelty", "parent", "reward", "value")

    def __init__(self, moment: Moment, depth: int) -> None:
        self.moment = moment
        self.depth = depth
        self.parent: Node | None = None
        self.action = 0
        self.reward = 0.0
        self.life_lost = False
        self.value = self.novelty = 0.0
        self.children: dict[int, Node] = {}

    @property
    def ends(self) -> bool:
        """Whether nothing is tried out from here: the game is over, or a life was lost on the way here."""
        return self.moment.over or (self.life_lost and self.parent is not None)

    def grow(self, action: int, outcome: Outcome) -> Node:
        """Add what an action led to, or find that another action led to the same.

        Many actions make no difference most of the time: FIRE while a shot is in the air, all while the game waits.
        They share one branch, so that it is looked into once.
        """
        for other in self.children.values():
            if other.like(outcome):
                self.children[action] = other
                return other
        child = Node(outcome.moment, self.depth + outcome.num_steps)
        child.parent, child.action = self, action
        child.reward, child.life_lost = outcome.reward, outcome.life_lost
        self.children[action] = child
        return child

    def path(self) -> list[Node]:
        """Return the nodes from the root to this one."""
        nodes = [self]
        while (parent := nodes[-1].parent) is not None:
            nodes.append(parent)
        return nodes[::-1]

    def like(self, outcome: Outcome) -> bool:
        """Say whether an outcome is that of the action that led here, as far as memory shows."""
        equal: bool = self.reward == outcome.reward and self.moment.lives == outcome.moment.lives
        return equal and self.moment.ram.tobytes() == outcome.moment.ram.tobytes()


class Worth:
    """What branches of a tree are worth: discounted rewards, losses of lives, and unfamiliar memory at their ends.

    Rewards of all games have scales of their own, and nobody tells them to the player. So it goes by those that it has
    met: a lost life weighs `caution` times the largest one, novelty `curiosity` times the smallest.

    Args:
        discount: what a reward is worth one step later.
        caution: see `LookaheadConfig`.
        curiosity: see `LookaheadConfig`.
        novelty: of a moment, 0..1.
    """

    def __init__(
        self, *, discount: float, caution: float, curiosity: float, novelty: Callable[[Moment], float]
    ) -> None:
        self._discount, self._caution, self._curiosity, self._novelty = discount, caution, curiosity, novelty
        self._largest = self._smallest = 0.0

    def meet(self, reward: float) -> None:
        """Take the size of a reward into account."""
        if reward:
            self._largest = max(self._largest, abs(reward))
            self._smallest = min(self._smallest or abs(reward), abs(reward))

    def of_step(self, child: Node) -> float:
        """Return what the step to a node and all that may follow is worth, but for the curiosity."""
        assert child.parent is not None, "the root has no step to it"
        loss = self._caution * (self._largest or 1.0) if child.life_lost else 0.0
        steps: int = child.depth - child.parent.depth
        later: float = self._discount**steps * child.value
        return child.reward - loss + later

    def best_child(self, node: Node) -> Node | None:
        """Return where the best branch goes on, None at its end. Of equal ones the first tried."""
        # Novelty is not discounted: else what ends early would be the more interesting.
        weight = self._curiosity * (self._smallest or 1.0)
        return max(node.children.values(), key=lambda c: self.of_step(c) + weight * c.novelty, default=None)

    def best_path(self, root: Node) -> list[Node]:
        """Return the nodes of the best branch, the root first."""
        path = [root]
        while (best := self.best_child(path[-1])) is not None:
            path.append(best)
        return path

    def update_above(self, node: Node) -> None:
        """Make the values from a node up to the root agree with what was tried out."""
        above: Node | None = node
        while above is not None:
            self._update(above)
            above = above.parent

    def update_below(self, root: Node) -> None:
        """Make all values of a tree anew: what is unfamiliar has changed."""
        for node in reversed(list(_nodes(root))):
            self._update(node)

    def _update(self, node: Node) -> None:
        best = self.best_child(node)
        if best is not None:
            node.value, node.novelty = self.of_step(best), best.novelty
        else:
            node.value, node.novelty = 0.0, 0.0 if node.moment.over else self._novelty(node.moment)


def _nodes(root: Node) -> Iterator[Node]:
    """Go through a tree, parents before children, once to those to which several actions lead."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [child for action, child in node.children.items() if child.action == action]
