"""`python -m benchmarks run`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, TypeVar

import tyro
from rich.console import Console

from benchmarks.costs.forecast import forecast
from benchmarks.costs.prediction import seconds_of
from benchmarks.costs.units import UnitCosts, read_costs_file, read_unit_costs
from benchmarks.executors.choosing import EXECUTORS, Resources
from benchmarks.experiment import Experiment
from benchmarks.session import look, run_session
from benchmarks.storage import local_folder
from benchmarks.suites import BOTTLENECK_WIDTHS, SUITES, Selection, with_processors
from benchmarks.work import Places
from rmr_gym.envs.games import GAMES, get_game
from rmr_gym.errors import explain
from rmr_gym.pipeline.commands import parse_into
from rmr_gym.pipeline.commands.options import (
    PARTS,
    UNPREFIXED,
    EncoderChoice,
    FewLabelsProbeChoice,
    ObjectiveChoice,
    ProbeChoice,
    ProcessorChoice,
    Start,
    config_from_file,
    names_of,
)
from rmr_gym.pipeline.config import GRADED, DataConfig, ProbingConfig, RunConfig, check_once
from rmr_gym.pipeline.profiles import PROFILES
from rmr_gym.program import FAILED
from rmr_gym.training import AbstractConfig, NaturalConfig

if TYPE_CHECKING:
    SuiteName: TypeAlias = str
    ExecutorName: TypeAlias = str
else:  # the choices of the command line are the names in the registries
    SuiteName, ExecutorName = Literal[tuple(SUITES)], Literal[tuple(EXECUTORS)]

T = TypeVar("T")

PROGRAM = "python -m benchmarks run"

_ENSEMBLE = 20  # encoders; a GPU trains so many in little more time than one

USUAL_GAMES = {
    "smoke": ("pong",),
    "quick": ("pong", "space_invaders"),
    "standard": ("pong", "space_invaders", "boxing", "ms_pacman"),
    "paper": GAMES,
}
"""Games of each profile, for who names none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """Run the experiments of a table or figure that are not there yet.

    Results are files: a call that was killed is continued by the same call, what is there is not done again, several
    calls and machines can work for one place, and another suite finds what it shares with this one.
    Example: python -m benchmarks run table1 --games pong,space_invaders --seeds 0..4 --profile quick
    """

    suite: tyro.conf.Positional[SuiteName]
    """table1: RMR against C-SWM. table2: prediction of memory. transfer: processors between games. bottleneck: narrow
    slots. controls: all arms."""

    games: str
    """Names of games with commas between them, or `all` for the 24 of the paper; empty takes those of the profile."""

    seeds: str
    """Of weights, batches and negatives, such as 0..4 or 0,3,7."""

    data_seed: int
    """Of data sets, of the processors that encoders are trained around, and of probes; equal for all of `seeds`, so
    that later ones join earlier ones."""

    arms: str
    """Names of arms with commas between them; empty takes those of the suite."""

    donors: str
    """Transfer: games whose processors are tried; empty takes the games themselves."""

    widths: str
    """Bottleneck: widths of the slots."""

    players: str
    """Who plays for the data sets, as `rmr-gym collect --players`, with commas; {game} stands for the game."""

    out: str
    """Folder of the results, or a URL of fsspec such as s3://bucket/folder; the same on all machines."""

    work: Path | None
    """Folder of this machine for data sets and what is under way; without it OUT.work beside a local OUT."""

    datasets: str | None
    """Folder or URL where machines share data sets; without it each plays its own, which are the same."""

    executor: ExecutorName
    """local: processes of this machine. serial: this process alone, for debuggers. ray: a Ray cluster."""

    address: str | None
    """Ray: the head of the cluster, as host:6379, or auto; without it one of this machine alone."""

    workers: int | None
    """Experiments at a time; without it one per core, or one per GPU."""

    together: int | None
    """Most encoders that are trained as one ensemble; without it 20 on a GPU and 1 on a CPU."""

    attempts: int
    """How often an experiment is tried before it is given up."""

    limit_hours: float | None
    """Time after which an experiment that does not end is ended and has failed, an ensemble after that of all its
    members; without it there is none, and with --executor serial it has no effect."""

    keep_encoders: bool
    """Keep the weights of encoders beside their results."""

    dry_run: bool
    """Say how many experiments, hours and gigabytes it is, and run none."""

    costs: Path | None
    """File of unit costs to predict hours from, as `measure --out` and `estimate --out` write it; without it that of
    the device beside the code."""

    device: Literal["cpu", "cuda"]
    """What the networks run on; CUDA_VISIBLE_DEVICES chooses among GPUs."""

    threads: int
    """Threads of each experiment; several experiments with one thread each are quicker than the reverse."""

    start: Annotated[Start, UNPREFIXED]
    processor: ProcessorChoice
    """Latent transition model; its own options are shown when it is chosen."""

    encoder: EncoderChoice
    """Pictures to slots; its own options are shown when it is chosen."""

    objective: ObjectiveChoice
    """Contrastive loss; its own options are shown when it is chosen."""

    linear: ProbeChoice
    """Probe on all frames: gradient steps, or the optimum with a penalty; its own options are shown when it is
    chosen."""

    linear_on_few: FewLabelsProbeChoice
    """Probe on few labelled frames; regularised is quicker and scores higher there."""

    data: DataConfig
    abstract: AbstractConfig
    natural: NaturalConfig
    probe: ProbingConfig

    @staticmethod
    def defaults(base: RunConfig) -> dict[str, Any]:
        """Return the options that are not required, with their values in a profile.

        Raises:
            ValueError: when the settings are of a run on data that were there, which experiments cannot share.
        """
        if base.recorded:
            got, fix = f"recorded: {', '.join(base.recorded)}", "Leave that out of the file, or use `rmr-gym run`."
            raise ValueError(explain(expected="settings that say what is to be recorded", got=got, fix=fix))
        return {
            "games": "",
            "seeds": f"{base.seeds[0]}..{base.seeds[-1]}",
            "data_seed": 0,
            "arms": "",
            "donors": "",
            "widths": ",".join(map(str, BOTTLENECK_WIDTHS)),
            "players": ",".join(base.players),
            "out": "runs/benchmark",
            "work": None,
            "datasets": None,
            "executor": "local",
            "address": None,
            "workers": None,
            "together": None,
            "attempts": 2,
            "limit_hours": None,
            "keep_encoders": False,
            "dry_run": False,
            "costs": None,
            "device": "cpu",
            "threads": 1,
            "data": base.data,
            "abstract": base.abstract,
            "natural": base.natural,
            "probe": base.probe,
            **names_of(base, *PARTS),
        }

    def run(self, console: Console | None = None) -> int:
        """Run and return the exit status: 1 when an experiment failed."""
        console = console or Console()

        def say(line: str) -> None:
            console.print(line, markup=False, highlight=False, soft_wrap=True)

        limit = None if self.limit_hours is None else 3_600 * self.limit_hours
        if limit is not None and limit <= 0:
            raise ValueError(explain(expected="--limit-hours above 0", got=self.limit_hours, fix="Leave it out."))
        resources = Resources(device=self.device, workers=self.workers, threads=self.threads, address=self.address)
        places, together = self.places(), self.together or (_ENSEMBLE if self.device == "cuda" else 1)
        costs = read_unit_costs(self.device) if self.costs is None else _costs_of(self.costs, self.device)
        # Without costs of this device those of a CPU still say which experiments are the longer ones.
        known = costs or read_unit_costs("cpu")
        left = look(
            self.experiments(),
            places,
            together=together,
            seconds=lambda one: 1.0 if known is None else seconds_of(one, known),
        )
        if self.dry_run:
            for line in forecast(
                left,
                costs,
                device=self.device,
                num_slots=lambda: self._num_slots(resources),
                sizes=known,
                keep_encoders=self.keep_encoders,
            ):
                say(line)
            return 0
        say(f"{len(left.done)} of {len(left.experiments)} experiments have a result in {self.out}")
        if not left.jobs:
            return 0
        executor = EXECUTORS[self.executor](resources)
        tally = run_session(left, places, executor, attempts=self.attempts, limit=limit, say=say)
        return FAILED if tally.failed else 0

    def _num_slots(self, resources: Resources) -> int:
        if self.executor == "local" and self.workers is not None:
            return self.workers  # as they will be on the machine that has the device
        with EXECUTORS[self.executor](resources) as executor:
            return executor.num_slots

    def experiments(self) -> list[Experiment]:
        """List what is wanted, with the processors that it takes.

        Raises:
            ValueError: when a game, a seed, an arm or a width makes no sense.
        """
        base = PROFILES[self.start.profile]()
        origin = self.start.profile if self.start.config_file is None else self.start.config_file.stem
        settings = dataclasses.replace(
            base,
            seed=self.data_seed,
            data=self.data,
            abstract=self.abstract,
            natural=self.natural,
            probe=self.probe,
        )
        selection = Selection(
            settings=settings,
            profile=origin,
            games=_games(self.games) if self.games else self._usual_games(),
            seeds=_seeds(self.seeds),
            arms=_each_once("arm", _words(self.arms)) or None,
            donors=_games(self.donors) if self.donors else None,
            players=tuple(_words(self.players)) or (GRADED,),
            widths=_each_once("width", [_number(word, "a width such as 16") for word in _words(self.widths)]),
        )
        return with_processors(SUITES[self.suite](selection))

    def _usual_games(self) -> tuple[str, ...]:
        path = self.start.config_file
        return USUAL_GAMES[self.start.profile] if path is None else (config_from_file(RunConfig, path, None).game,)

    def places(self) -> Places:
        """Return where everything lies.

        Raises:
            ValueError: when results go to a URL and nothing says where the work lies.
        """
        folder = local_folder(_absolute(self.out))
        if self.work is None and folder is None:
            fix = "Pass --work DIR, a folder of this machine for data sets and what is under way."
            raise ValueError(explain(expected="--work beside a URL", got=self.out, fix=fix))
        work = self.work if self.work is not None or folder is None else folder.with_name(f"{folder.name}.work")
        assert work is not None
        return Places(
            results=_absolute(self.out),
            work=work.absolute(),
            datasets=None if self.datasets is None else _absolute(self.datasets),
            device=self.device,
            keep_encoders=self.keep_encoders,
        )


def parse_run(arguments: Sequence[str]) -> Run:
    """Turn the arguments of the subcommand into its dataclass; errors as of `parse_into`."""
    command: Run = parse_into(Run, arguments, program=PROGRAM)
    return command


def _costs_of(path: Path, device: str) -> UnitCosts:
    """Read the unit costs in a file.

    Raises:
        ValueError: when they are those of another kind of device.
    """
    costs = read_costs_file(path)
    if costs.device != device:
        fix = f"Pass --device {costs.device}, or another file."
        raise ValueError(explain(expected=f"unit costs of {device}", got=f"{path} of {costs.device}", fix=fix))
    return costs


def _absolute(url: str) -> str:
    """Name a folder so that processes which work elsewhere find it; leave other URLs as they are."""
    folder = local_folder(url)
    return url if folder is None else str(folder.expanduser().absolute())


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _each_once(what: str, names: Sequence[T]) -> tuple[T, ...]:
    check_once(what, names)
    return tuple(names)


def _games(text: str) -> tuple[str, ...]:
    if text.strip() == "all":
        return GAMES
    found = _each_once("game", [get_game(word).rom_id for word in _words(text)])
    if not found:
        raise ValueError(explain(expected="names of games, or all", got=text, fix="Write --games pong,boxing."))
    return found


def _seeds(text: str) -> tuple[int, ...]:
    """Read seeds.

    Example:
        >>> _seeds("0..2,7")
        (0, 1, 2, 7)
    """
    expected = "seeds such as 0..4 or 0,3,7"
    found: list[int] = []
    for word in _words(text):
        first, dots, last = word.partition("..")
        start = _number(first, expected)
        end = _number(last, expected) if dots else start
        if end < start:
            raise ValueError(explain(expected=expected, got=word, fix=f"Write --seeds {end}..{start}."))
        found += range(start, end + 1)
    if not found:
        raise ValueError(explain(expected=expected, got=text, fix="Write --seeds 0..4."))
    return tuple(dict.fromkeys(found))


def _number(word: str, expected: str) -> int:
    if not word.strip().isdecimal():
        raise ValueError(explain(expected=expected, got=word, fix="Write whole numbers with commas between them."))
    return int(word)
