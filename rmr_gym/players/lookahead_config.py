"""How far and how carefully a player looks ahead."""

from __future__ import annotations

from dataclasses import dataclass

from rmr_gym.counts import as_count
from rmr_gym.errors import explain
from rmr_gym.players.places import PlaceBytes


@dataclass(frozen=True, kw_only=True, slots=True)
class LookaheadConfig:
    """How far and how carefully a player looks ahead. All steps are agent steps, of the frame skip of the game."""

    budget: float | int = 20.0
    """Steps tried out in the mind for each step that is played, on average; at least 1. The skill (ours)."""

    epsilon: float = 0.0
    """Probability in 0..1 that a hold is a random action and not the planned one (ours)."""

    persistence: float = 0.5
    """Probability in 0..1 (exclusive) that after a random action another hold is random, with that action (ours)."""

    hold: int = 3
    """Steps for which an action is held, in the mind and in the game; at least 1 (ours, measured)."""

    commit: int = 3
    """Holds that are played before the next look ahead, at least 1: the console is deterministic (ours, measured)."""

    horizon: int = 20
    """Holds that a look ahead reaches, more than `commit` (ours, measured)."""

    discount: float = 0.99
    """What a reward is worth one step later, in 0..1 (ours)."""

    caution: float | int = 100.0
    """What losing a life costs, in units of the largest reward seen in the episode; at least 0 (ours)."""

    curiosity: float | int = 0.01
    """What reaching unfamiliar memory is worth, in units of the smallest reward seen; at least 0 (ours)."""

    opening: int = 0
    """Random actions at the start of an episode, each for one step. Without them players that see the same start and
    find nothing to win hold the same action, and episodes of a data set begin alike. What is not tried out in them is
    tried out in the first plan (ours, measured)."""

    place: PlaceBytes | None = None
    """Bytes that say where the player is. With them it is curious about places that it has not been to, and much else
    counts for little; `rmr_gym.players.place_bytes` knows them for five games (ours, measured)."""

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for name in ("epsilon", "persistence", "discount"):
            value = getattr(self, name)
            if not 0.0 <= value <= 1.0 or (name == "persistence" and value == 1.0):
                expected = f"{name} in 0..1{', below 1' if name == 'persistence' else ''}"
                raise ValueError(explain(expected=expected, got=value, fix=f"Pass {name}=0.5."))
        for name in ("hold", "commit", "horizon"):
            object.__setattr__(self, name, as_count(name, getattr(self, name)))
        object.__setattr__(self, "opening", as_count("opening", self.opening, least=0))
        for name, least in (("budget", 1), ("caution", 0), ("curiosity", 0)):
            value = getattr(self, name)
            if not least <= value < float("inf"):
                raise ValueError(explain(expected=f"{name} of at least {least}", got=value, fix=f"Pass {name}=10."))
        if self.horizon <= self.commit:
            fix = "Look further than you play."
            raise ValueError(explain(expected=f"a horizon over commit={self.commit}", got=self.horizon, fix=fix))

    @property
    def label(self) -> str:
        """Name of a player of this config: different for different configs."""
        look = f"b{self.budget:g}-{self.hold}x{self.commit}of{self.horizon}"
        worth = f"d{self.discount:g}-l{self.caution:g}-c{self.curiosity:g}"
        opening = f"-o{self.opening}" if self.opening else ""
        place = f"-r{self.place.label}" if self.place else ""
        return f"{look}-e{self.epsilon:g}p{self.persistence:g}-{worth}{opening}{place}"
