"""What an experiment leaves behind: one self-describing result, or the failure that ended it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from rmr_gym.documents import without_nan
from rmr_gym.errors import explain

JsonObject = dict[str, Any]

Kind = Literal["abstract", "natural"]
"""Stage of the method: a processor on RAM, or an encoder on pixels."""

FORMAT = "rmr-benchmark/1"
"""Version of the layout of both documents."""

RESULT_FILE, FAILURE_FILE = "result.json", "failure.json"
"""Names of the two in the folder of an experiment."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """Everything that tables and figures need to know of a finished experiment.

    Example:
        >>> small = Result(
        ...     id="abstract/pong/mpnn/seed-0", key="0123456789ab", kind="abstract", profile="smoke", game="pong",
        ...     donor="pong", arm="mpnn", slot_dim=64, seed=0, config={}, scores={"slot_accuracy": 0.5}, collapse=None,
        ...     curve=[{"step": 0, "loss": 1.0}], seconds={"wall": 1.5}, machine={}, versions={}, inputs={},
        ... )
        >>> read_result(to_text(small)) == small
        True
    """

    id: str
    """Name, such as `natural/pong/rmr/seed-3`."""

    key: str
    """First 12 hexadecimal digits of the hash of `config`."""

    kind: Kind
    """Stage of the method."""

    profile: str
    """Profile that the settings started from."""

    game: str
    """Rom id of the game that was learned and scored on."""

    donor: str
    """Rom id of the game whose processor was used; `game` itself where nothing was transferred."""

    arm: str
    """Variant: a processor in the abstract stage, an arm of the natural one."""

    slot_dim: int
    """Width of the latent of a slot."""

    seed: int
    """Seed of weights, batches and permutations."""

    config: JsonObject
    """The complete settings on which the numbers depend."""

    scores: JsonObject
    """Abstract: scores of the processor, those of `copy`, and `num_kept_slots`. Natural: `readouts` by name, and
    `majority`."""

    collapse: JsonObject | None
    """Rank and variances of the features, `active_margins` of the objective (None where it has none); None in the
    abstract stage."""

    curve: list[JsonObject]
    """Records of the training: `step`, `loss` and its terms."""

    seconds: dict[str, float]
    """What it took: by the `wall` clock, and of the `processor`; of a training that was resumed, its last session."""

    machine: JsonObject
    """Where it ran."""

    versions: dict[str, str]
    """Python and the packages that can move the numbers."""

    inputs: JsonObject
    """Fingerprints of the data and the processor that went in."""

    def __post_init__(self) -> None:
        _require_kind(self.kind)


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why an experiment has no result yet."""

    id: str
    """Name of the experiment."""

    key: str
    """First 12 hexadecimal digits of the hash of its config."""

    error: str
    """Kind and message of the last error in one line."""

    traceback: str
    """Where it happened; empty for a process that died."""

    attempts: int
    """How often it was tried."""


Document = TypeVar("Document", Result, Failure)


def to_text(document: Result | Failure) -> str:
    """Return a result or a failure as strict JSON; what is not finite becomes null."""
    values = {"format": FORMAT, **dataclasses.asdict(document)}
    return json.dumps(without_nan(values), indent=1, allow_nan=False) + "\n"


def read_result(text: str | bytes, *, where: str = "the result") -> Result:
    """Read a result out of JSON.

    Args:
        text: what `to_text` returned.
        where: name of the document, for messages.

    Raises:
        ValueError: when it is no result, or one of another format.
    """
    return _read(Result, text, where)


def read_failure(text: str | bytes, *, where: str = "the failure") -> Failure:
    """Read a failure out of JSON; arguments and errors as of `read_result`."""
    return _read(Failure, text, where)


def without_circumstances(result: Result) -> JsonObject:
    """Return all that two runs of one experiment must agree on, which leaves out times, machine and versions."""
    loose = ("seconds", "machine", "versions")
    return {name: value for name, value in dataclasses.asdict(result).items() if name not in loose}


def _read(kind: type[Document], text: str | bytes, where: str) -> Document:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        fix = "Remove the file and run the experiment again."
        raise ValueError(explain(expected=f"JSON in {where}", got=str(error), fix=fix)) from error
    if not isinstance(values, Mapping) or values.get("format") != FORMAT:
        got = values.get("format") if isinstance(values, Mapping) else values
        fix = "Read it with the version of the benchmark that wrote it."
        raise ValueError(explain(expected=f"{where} in format {FORMAT}", got=got, fix=fix))
    names = {field.name for field in dataclasses.fields(kind)}
    if set(values) - {"format"} != names:
        wrong = sorted(names ^ (set(values) - {"format"}))
        fix = "Remove the file and run the experiment again."
        raise ValueError(explain(expected=f"the fields of a {kind.__name__} in {where}", got=wrong, fix=fix))
    return kind(**{name: values[name] for name in names})


def _require_kind(kind: str) -> None:
    if kind not in get_args(Kind):
        fix = f"Name one of {', '.join(get_args(Kind))}."
        raise ValueError(explain(expected="a known kind of experiment", got=kind, fix=fix))
