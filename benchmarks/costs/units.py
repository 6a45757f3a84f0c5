"""Unit costs of a device, measured or estimated; kept as a JSON file with their source beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from rmr_gym.documents import read_json
from rmr_gym.errors import explain

FORMAT = "rmr-costs/1"
FOLDER = Path(__file__).parent
LEAST = "at_the_limits"
"""Name of the other estimate in the file of one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitCosts:
    """Seconds of one core, or of one GPU, unless another unit is named."""

    source: Mapping[str, Any]
    """Command, machine and versions of the measurement; `counted_for` where the device was not at hand."""

    step: Mapping[str, float]
    """Playing and storing one recorded step of a game, with those that are played before the recording, by players."""

    bytes_per_frame: float
    """Size of a stored frame with its memory, in bytes."""

    pretrained: Mapping[str, Mapping[str, float]]
    """Training a processor on one transition of memory, by processor and width of the slots."""

    predicted: Mapping[str, float]
    """Predicting one transition of memory, by processor, at the usual width."""

    encoded_in_training: Mapping[str, Mapping[str, float]]
    """Training an encoder around a frozen message passing network on one transition, by resolution and width."""

    processor_trained_too: float
    """What is added to it where the processor is trained as well, at the usual width."""

    supervised: Mapping[str, float]
    """Training an encoder on the bits of one frame, by resolution, at the usual width."""

    encoded: Mapping[str, float]
    """Reading and encoding one frame, by resolution, at the usual width."""

    fitted_update: float
    """One update of a linear probe, by weight."""

    fitted_step: float = 0.0
    """What an update takes however few weights there are, which older files hold as a part of the other."""

    fitted_sample: float
    """The share of one frame in such an update, by weight."""

    projected: float
    """Fitting principal components, by frame and feature."""

    begun: float
    """What an experiment takes beside all this: opening the data, scores, files."""

    @property
    def device(self) -> str:
        """Kind of the device: "cpu" or "cuda"."""
        return "cuda" if "counted_for" in self.source else str(self.source["machine"]["device"])


def read_unit_costs(device: str) -> UnitCosts | None:
    """Return the unit costs of a kind of device, None where none are known.

    Args:
        device: "cpu" or "cuda".

    Raises:
        ValueError: when the file is damaged.
    """
    path = FOLDER / f"{device}.json"
    return read_costs_file(path) if path.exists() else None


def read_costs_file(path: Path) -> UnitCosts:
    """Return the unit costs of a file that `measure` or `estimate` wrote.

    Raises:
        ValueError: when it holds something else, or cannot be read.
    """
    return _from_json(read_json(path), path)


def read_least_costs(path: Path) -> UnitCosts:
    """Return what an estimate in a file would be at the limits of the device; errors as of `read_costs_file`."""
    values = read_json(path)
    return _from_json(values.get(LEAST) if isinstance(values, dict) else None, path)


def _from_json(values: Any, path: Path) -> UnitCosts:
    names = {field.name for field in fields(UnitCosts)}
    needed = {field.name for field in fields(UnitCosts) if field.default is MISSING}
    found = values.get("format") if isinstance(values, dict) else None
    missing = sorted(needed - values.keys()) if found == FORMAT else []
    if found == FORMAT and not missing and "device" not in _section(_section(values, "source"), "machine"):
        missing = ["source.machine.device"]
    if found != FORMAT or missing:
        got = f"{path} without {', '.join(missing)}" if missing else f"{path} in format {found}"
        fix = "Pass a file that `python -m benchmarks measure` or `estimate` wrote with --out, or measure again."
        raise ValueError(explain(expected=f"unit costs in format {FORMAT}", got=got, fix=fix))
    return UnitCosts(**{name: value for name, value in values.items() if name in names})


def _section(values: Any, name: str) -> Mapping[str, Any]:
    found = values.get(name)
    return found if isinstance(found, Mapping) else {}


def at_width(costs: Mapping[str, float], width: int) -> float:
    """Return a cost at any width out of those at a few: a straight line between them, and through the last two beyond.

    Example:
        >>> at_width({"8": 1.0, "64": 2.0}, 36), at_width({"64": 2.0}, 16)
        (1.5, 2.0)
    """
    points = sorted((int(name), cost) for name, cost in costs.items())
    if len(points) == 1:
        return points[0][1]
    upper = next((place for place, (at, _) in enumerate(points) if at >= width), len(points) - 1)
    (x_0, y_0), (x_1, y_1) = points[max(0, upper - 1)], points[max(1, upper)]
    return max(0.0, y_0 + (y_1 - y_0) * (width - x_0) / (x_1 - x_0))
