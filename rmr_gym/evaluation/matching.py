"""Reading positions off exchangeable slots: which slot is which ball, and a linear map fitted without knowing it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64, Int64
from scipy.optimize import linear_sum_assignment

from rmr_gym.errors import explain


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadoutScore:
    """How well positions are read off slots, over all balls of a set.

    Matching helps even a read-out that knows nothing: spread out over the box, some slot is near every ball. Fitted on
    noise, ten slots explain half the variance of ten balls. The two `chance` numbers are what the same read-out scores
    on the positions of other pictures; read the others beside them.
    """

    r2: float
    """Share of the variance of the positions that is explained, both coordinates together; at most 1. NaN when the
    positions do not vary."""

    mean_distance: float
    """Mean distance between read and true positions, metres."""

    chance_r2: float
    """`r2` when the pictures are paired wrongly."""

    chance_mean_distance: float
    """`mean_distance` when the pictures are paired wrongly."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PositionReadout:
    """One affine map from a slot to the position of its ball, the same for every slot."""

    weight: Float64[np.ndarray, "dim 2"]
    """Metres per unit of each feature."""

    bias: Float64[np.ndarray, " 2"]
    """Metres."""

    def predict(self, features: Float[np.ndarray, "batch slot dim"]) -> Float64[np.ndarray, "batch slot 2"]:
        """Return the position in metres that each slot stands for."""
        read: Float64[np.ndarray, "batch slot 2"] = features.astype(np.float64) @ self.weight + self.bias
        return read

    def score(
        self, features: Float[np.ndarray, "batch slot dim"], positions: Float[np.ndarray, "_ ball 2"]
    ) -> ReadoutScore:
        """Match the slots of each picture with its balls and compare.

        Args:
            features: slots of held-out pictures.
            positions: metres, in the same pictures.

        Returns:
            The score, and the chance level of matching.

        Raises:
            ValueError: when there are fewer than two pictures, and as `match_slots`.
        """
        if len(positions) < 2:
            fix = "Score on more pictures; the chance level pairs different ones."
            raise ValueError(explain(expected="at least two pictures", got=len(positions), fix=fix))
        read = self.predict(features)
        r2, distance = _compare(read, positions)
        # By half the set, since neighbouring pictures of one sequence show almost the same.
        chance_r2, chance_distance = _compare(read, np.roll(positions, len(positions) // 2, axis=0))
        return ReadoutScore(r2=r2, mean_distance=distance, chance_r2=chance_r2, chance_mean_distance=chance_distance)


def match_slots(
    predicted: Float[np.ndarray, "batch slot 2"], true: Float[np.ndarray, "_ ball 2"]
) -> Int64[np.ndarray, "batch ball"]:
    """Give every ball a slot of its own so that the sum of squared distances is smallest, picture by picture.

    Args:
        predicted: position that each slot stands for.
        true: position of each ball, in the same unit.

    Returns:
        Index of the slot of each ball. Where there are more slots than balls, some are nobody's.

    Raises:
        ValueError: when there are fewer slots than balls, the pictures differ in number, or a number is not finite.
    """
    if len(predicted) != len(true) or predicted.shape[1] < true.shape[1]:
        raise ValueError(
            explain(
                expected="the same pictures, and at least as many slots as balls",
                got=f"{predicted.shape} and {true.shape}",
                fix="Use a model with one slot per ball or more.",
            )
        )
    if not (np.isfinite(predicted).all() and np.isfinite(true).all()):
        fix = "Check the model; it diverged if its features are not finite."
        raise ValueError(explain(expected="finite positions", got="NaN or infinity", fix=fix))
    apart = true.astype(np.float64)[:, :, None] - predicted[:, None]
    costs = np.square(apart).sum(axis=-1)
    # The rows come back in order because every ball gets a slot.
    assignment = [linear_sum_assignment(cost)[1] for cost in costs]
    return np.array(assignment, np.int64).reshape(true.shape[:2])


def fit_position_readout(
    features: Float[np.ndarray, "batch slot dim"],
    centroids: Float[np.ndarray, "_ _ 2"],
    positions: Float[np.ndarray, "_ ball 2"],
    *,
    ridge: float = 1e-4,
    max_rematches: int = 10,
) -> PositionReadout:
    """Fit the map from slots to positions without labels that say which slot is which ball.

    A first guess of each slot's place decides the first matching; then fitting and matching alternate until no ball
    changes its slot. Both steps lower the same squared error, up to the ridge.

    Args:
        features: slots of the training pictures.
        centroids: a guess of each slot's place in metres, `mask_centroids` for one.
        positions: true positions in metres.
        ridge: penalty on the squared weights of standardised features, relative to their variance of 1; above 0.
            ours: 1e-4, enough for features that repeat each other.
        max_rematches: how often to match again at most; 0 trusts the first guess.

    Returns:
        The read-out.

    Raises:
        ValueError: when an option is out of range, there is no picture, the shapes do not fit, or a number is not
            finite.
    """
    _check_training(features, centroids, ridge, max_rematches)
    assignment = match_slots(centroids, positions)
    for _ in range(max_rematches):
        readout = _fit_matched(_select(features, assignment), positions, ridge)
        again = match_slots(readout.predict(features), positions)
        if np.array_equal(again, assignment):
            return readout
        assignment = again
    return _fit_matched(_select(features, assignment), positions, ridge)


def _check_training(
    features: Float[np.ndarray, "batch slot dim"],
    centroids: Float[np.ndarray, "_ _ 2"],
    ridge: float,
    max_rematches: int,
) -> None:
    if not (0 < ridge < math.inf and max_rematches >= 0):
        got = f"ridge={ridge}, max_rematches={max_rematches}"
        raise ValueError(explain(expected="ridge > 0 and max_rematches >= 0", got=got, fix="Use 1e-4 and 10."))
    if features.size == 0 or features.shape[:2] != centroids.shape[:2]:
        got = f"{features.shape} and {centroids.shape}"
        raise ValueError(explain(expected="features and centroids of the same slots", got=got, fix="Encode both."))
    if not np.isfinite(features).all():
        fix = "Encode in float32; if they still occur, the encoder diverged."
        raise ValueError(explain(expected="finite features", got="NaN or infinity", fix=fix))


def _select(
    slots: Float[np.ndarray, "batch slot dim"], assignment: Int64[np.ndarray, "batch ball"]
) -> Float64[np.ndarray, "batch ball dim"]:
    return np.take_along_axis(slots, assignment[..., None], axis=1).astype(np.float64)


def _fit_matched(
    matched: Float64[np.ndarray, "batch ball dim"], positions: Float[np.ndarray, "batch ball 2"], ridge: float
) -> PositionReadout:
    """Ridge regression in closed form; features that do not vary get no weight."""
    inputs, outputs = matched.reshape(-1, matched.shape[2]), positions.reshape(-1, 2).astype(np.float64)
    mean, out_mean, std = inputs.mean(axis=0), outputs.mean(axis=0), inputs.std(axis=0)
    # A standard deviation this small beside the mean is rounding, not variation.
    precision = np.divide(1.0, std, out=np.zeros_like(std), where=std > 1e-6 * np.abs(mean))
    standard = (inputs - mean) * precision
    gram = standard.T @ standard / len(standard) + ridge * np.eye(len(mean))
    weight = np.linalg.solve(gram, standard.T @ (outputs - out_mean) / len(standard)) * precision[:, None]
    return PositionReadout(weight=weight, bias=out_mean - mean @ weight)


def _compare(
    read: Float64[np.ndarray, "batch slot 2"], positions: Float[np.ndarray, "batch ball 2"]
) -> tuple[float, float]:
    """Return R^2 and mean distance after matching."""
    missed = _select(read, match_slots(read, positions)) - positions
    total = float(np.square(positions - positions.mean(axis=(0, 1), dtype=np.float64)).sum())
    r2 = 1 - float(np.square(missed).sum()) / total if total > 0 else math.nan
    return r2, float(np.linalg.norm(missed, axis=-1).mean())
