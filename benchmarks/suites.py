"""Which experiments belong to a table or figure. A suite only chooses: what two of them share is run once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.arms import (
    ENCODER_ARMS,
    PROCESSOR_ARMS,
    abstract_experiment,
    natural_experiment,
    takes_processor,
    with_width,
)
from benchmarks.experiment import Experiment
from rmr_gym.pipeline.config import GRADED, RunConfig
from rmr_gym.registry import Registry

TABLE_1_ARMS = ("rmr", "c_swm", "untrained", "supervised")
"""The paper's two, and the anchors that scores are normalised by."""

TRANSFER_ARMS = ("rmr", "c_swm")
BOTTLENECK_WIDTHS = (2, 4, 8, 16, 32, 64)
"""Of the paper's figure 5."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """What a suite chooses from."""

    settings: RunConfig
    """Settings of the profile, with what the user changed."""

    profile: str
    """Its name."""

    games: tuple[str, ...]
    """Rom ids."""

    seeds: tuple[int, ...]
    """Of weights, batches and negatives."""

    arms: tuple[str, ...] | None = None
    """Names of arms; None takes those of the suite."""

    donors: tuple[str, ...] | None = None
    """Games whose processors are transferred; None takes `games`."""

    widths: tuple[int, ...] = BOTTLENECK_WIDTHS
    """Of the slots, for the bottleneck."""

    players: tuple[str, ...] = (GRADED,)
    """Who plays for the data sets."""

    def abstract(self, game: str, arm: str, seed: int) -> Experiment:
        """Build an experiment of the abstract stage."""
        return abstract_experiment(game, arm, seed, self.settings, self.profile, players=self.players)

    def natural(
        self, game: str, arm: str, seed: int, *, donor: str | None = None, width: int | None = None
    ) -> Experiment:
        """Build an experiment of the natural stage, with the donor and width of the settings unless told otherwise."""
        settings = self.settings if width is None else with_width(self.settings, width)
        return natural_experiment(game, arm, seed, settings, self.profile, donor=donor, players=self.players)


def table1(selection: Selection) -> list[Experiment]:
    """Linear readout of encoders (the paper's table 1): RMR against C-SWM, between untrained and supervised."""
    return _natural(selection, selection.arms or TABLE_1_ARMS)


def table2(selection: Selection) -> list[Experiment]:
    """Prediction of the memory (the paper's table 2): MLP, Deep Sets and message passing against copying."""
    arms = selection.arms or tuple(PROCESSOR_ARMS)
    return [selection.abstract(game, arm, seed) for seed in selection.seeds for game in selection.games for arm in arms]


def transfer(selection: Selection) -> list[Experiment]:
    """Processors of one game in encoders of another (the paper's figure 4).

    C-SWM has no donor and is shared by a whole column; the diagonal is that of table 1.
    """
    arms, donors = selection.arms or TRANSFER_ARMS, selection.donors or selection.games
    return [
        selection.natural(game, arm, seed, donor=donor)
        for seed in selection.seeds
        for game in selection.games
        for arm in arms
        for donor in (donors if takes_processor(arm, selection.settings) else (game,))
    ]


def bottleneck(selection: Selection) -> list[Experiment]:
    """Narrower slots in both stages (the paper's figure 5), with C-SWM at every width, too."""
    arms = selection.arms or TRANSFER_ARMS
    return [
        selection.natural(game, arm, seed, width=width)
        for seed in selection.seeds
        for game in selection.games
        for width in selection.widths
        for arm in arms
    ]


def controls(selection: Selection) -> list[Experiment]:
    """All arms: what freezing alone does, what other processors do, and the two ends of the scale."""
    return _natural(selection, selection.arms or tuple(ENCODER_ARMS))


SUITES: Registry[Callable[[Selection], list[Experiment]]] = Registry(
    "suite",
    ("table1", table1),
    ("table2", table2),
    ("transfer", transfer),
    ("bottleneck", bottleneck),
    ("controls", controls),
)
"""Functions from a selection to experiments, seed by seed, so that all arms have as many seeds whenever it ends."""


def with_processors(experiments: Iterable[Experiment]) -> list[Experiment]:
    """Put before each experiment the one that makes its processor, and name every experiment once."""
    found = []
    for experiment in experiments:
        needed = experiment.needs
        found += [experiment] if needed is None else [needed, experiment]
    return _once(found)


def _natural(selection: Selection, arms: tuple[str, ...]) -> list[Experiment]:
    return [selection.natural(game, arm, seed) for seed in selection.seeds for game in selection.games for arm in arms]


def _once(experiments: Iterable[Experiment]) -> list[Experiment]:
    return list({experiment.folder: experiment for experiment in experiments}.values())
