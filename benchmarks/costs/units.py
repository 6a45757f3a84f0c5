"""Unit costs of a device, as they were measured; kept as a JSON file with their source beside this module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rmr_gym.documents import read_json
from rmr_gym.errors import explain

FORMAT = "rmr-costs/1"
FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitCosts:
    """Seconds of one core, or of one GPU, unless another unit is named."""

    source: Mapping[str, Any]
    """Command, machine and versions of the measurement."""

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

    fitted_sample: float
    """The share of one frame in such an update, by weight."""

    projected: float
    """Fitting principal components, by frame and feature."""

    begun: float
    """What an experiment takes beside all this: opening the data, scores, files."""


def read_unit_costs(device: str) -> UnitCosts | None:
    """Return the unit costs of a kind of device, None where none have been measured.

    Args:
        device: "cpu" or "cuda".

    Raises:
        ValueError: when the file is damaged.
    """
    path = FOLDER / f"{device}.json"
    if not path.exists():
        return None
    values = dict(read_json(path))
    if values.pop("format", None) != FORMAT:
        fix = "Measure again: python -m benchmarks measure."
        raise ValueError(explain(expected=f"unit costs in format {FORMAT}", got=str(path), fix=fix))
    return UnitCosts(**values)


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
