"""What decides the numbers of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from rmr_gym.envs.games import get_game
from rmr_gym.errors import explain
from rmr_gym.evaluation.metrics import check_entropy_threshold
from rmr_gym.evaluation.probes import LinearProbeConfig, LinearReadoutConfig
from rmr_gym.evaluation.readouts import READOUTS
from rmr_gym.training import ARMS, USUAL_ARMS, AbstractConfig, NaturalConfig

ArmNames = Annotated[tuple[str, ...], tyro.conf.arg(metavar=f"{{{','.join(ARMS)}}} ...")]
ReadoutNames = Annotated[tuple[str, ...], tyro.conf.arg(metavar=f"{{{','.join(READOUTS)}}} ...")]

GRADED = "graded"
"""Source of players that data sets have by default: random ones of graded persistence."""

REFERENCE_ARMS = ("c_swm", "untrained")
"""Arms that every other arm is compared with, if they are part of the run."""


def check_once(what: str, names: Sequence[object]) -> None:
    """Refuse names of which one stands twice.

    Raises:
        ValueError: when one does; the message names it.

    Example:
        >>> check_once("arm", ["rmr", "c_swm"])
    """
    doubles = [str(name) for place, name in enumerate(names) if name in names[:place]]
    if doubles:
        fix = "Leave out the second."
        raise ValueError(explain(expected=f"each {what} once", got=f"{', '.join(doubles)} twice", fix=fix))


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """What is recorded, and how it is split."""

    num_episodes: int = 96
    """Recorded episodes (paper, appendix B: 96 per game)."""

    max_steps: int = 1_500
    """Steps after which an episode is cut off. ours: the paper's are longer; this bounds disk and time."""

    num_players: int = 32
    """Random players of graded skill that take turns. ours: they stand in for the paper's 32 heads of Agent57."""

    frame_skip: int = 4
    """Emulated frames per step. ours: the copy baseline of the paper's table 2 fits 4 best."""

    max_pool: bool = True
    """Whether a picture shows the brighter of the last two emulated frames, as in AtariARI."""

    noop_max: int = 30
    """Most no-ops after a reset. ours: without them all episodes begin alike."""

    validation_fraction: float = 0.5
    """Share of episodes that nothing is trained on (paper, appendix B: 48 of 96)."""

    def __post_init__(self) -> None:
        if min(self.num_episodes, self.max_steps, self.num_players, self.frame_skip) < 1 or self.noop_max < 0:
            raise ValueError(explain(expected="positive numbers of episodes and steps", got=self, fix="Raise them."))
        if self.num_episodes < 2 or not 0 < self.validation_fraction < 1:
            expected = "at least 2 episodes and a validation_fraction between 0 and 1"
            raise ValueError(explain(expected=expected, got=self, fix="Both halves of the split need an episode."))


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbingConfig:
    """How encoders are read out; the same frames and readouts for all of them."""

    num_train_frames: int = 20_000
    """Frames that a probe is fitted on, drawn from the training episodes; memory grows by 16 kB for each."""

    num_validation_frames: int = 10_000
    """Frames that it is scored on, drawn from the validation episodes."""

    readouts: ReadoutNames = tuple(READOUTS)
    """What a probe is given: all features (the paper's), 1,000 labelled frames only, or 64 principal components."""

    entropy_threshold: float = 0.6
    """Bytes of RAM whose values have more entropy than this, in nats, are scored (paper, appendix B)."""

    linear: LinearReadoutConfig = field(default_factory=LinearProbeConfig)
    """How a probe on all of these frames is fitted."""

    linear_on_few: LinearReadoutConfig = field(default_factory=LinearProbeConfig)
    """How a probe on few labelled frames is fitted; large batches would leave it with few updates."""

    def __post_init__(self) -> None:
        if min(self.num_train_frames, self.num_validation_frames) < 2:
            raise ValueError(explain(expected="at least 2 frames for each side", got=self, fix="Raise the numbers."))
        check_entropy_threshold(self.entropy_threshold)
        if not self.readouts:
            raise ValueError(explain(expected="at least one readout", got=self.readouts, fix="Leave the option out."))
        for name in self.readouts:
            _ = READOUTS[name]
        check_once("readout", self.readouts)

    def linear_for(self, readout: str) -> LinearReadoutConfig:
        """Return how the probe of a readout is fitted."""
        return self.linear if READOUTS[readout].num_labelled_frames is None else self.linear_on_few


@dataclass(frozen=True, kw_only=True, slots=True)
class RunConfig:
    """The whole chain, from the console to the table."""

    game: tyro.conf.Positional[str] = "pong"
    """Game to play, by rom id (ms_pacman) or any other of its names."""

    seed: int = 0
    """Seed of the data and the processor, and of the first encoder of each arm; the others count up from it."""

    num_seeds: int = 5
    """Encoders per arm. The tests are paired over them and cannot reach p < 0.05 with fewer than 5."""

    arms: ArmNames = USUAL_ARMS
    """Compared variants; the first is drawn in bits.png."""

    players: tuple[str, ...] = (GRADED,)
    """Who plays for the data: graded (random players), paper (32 players, of which 22 look ahead: better data in more
    time), sb3:FOLDER (checkpoints of `python -m agents.train`), or several, which take turns."""

    recorded: tuple[str, ...] = ()
    """Folders of data sets that are taken as they are, instead of playing: of `rmr-gym collect`, or of
    `rmr_gym.data.collect` with players of your own. They open as one, and `players` and `data` have no say then."""

    data: DataConfig = field(default_factory=DataConfig)
    """What is recorded."""

    abstract: AbstractConfig = field(default_factory=AbstractConfig)
    """How the processor is pre-trained on RAM."""

    natural: NaturalConfig = field(default_factory=NaturalConfig)
    """How encoders are trained on pixels."""

    probe: ProbingConfig = field(default_factory=ProbingConfig)
    """How encoders are read out."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "game", get_game(self.game).rom_id)
        if self.num_seeds < 1 or not self.arms:
            got, fix = f"num_seeds={self.num_seeds} and {len(self.arms)} arms", "Leave them out for the usual ones."
            raise ValueError(explain(expected="at least one seed and one arm", got=got, fix=fix))
        for name in self.arms:
            _ = ARMS[name]
        check_once("arm", self.arms)
        check_once("source of players", self.players)
        check_once("recorded data set", self.recorded)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of the encoders."""
        return tuple(range(self.seed, self.seed + self.num_seeds))
