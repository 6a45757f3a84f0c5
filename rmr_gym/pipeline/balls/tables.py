"""The tables of a run on bouncing balls, from its result alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text

from rmr_gym.evaluation.statistics import MIN_PAIRS
from rmr_gym.pipeline.tables import columns, plain, spread, under

JsonObject = Mapping[str, Any]

PAPER_MSE = {"rmr": "7.94 ± 0.41", "end_to_end": "9.47 ± 0.24"}
"""Mean squared error of the paper's models times 10,000 (section 4), in a world whose other parameters it does not
tell."""


def render(result: JsonObject) -> RenderableType:
    """Lay out the result of a run for a console: both stages, what follows from them, what to keep in mind."""
    parts: list[RenderableType] = [abstract_table(result["abstract"]), "", natural_table(result), ""]
    parts += [Text(sentence) for sentence in findings(result)]
    return Group(*parts)


def as_text(result: JsonObject) -> str:
    """Return the same layout as plain text for a file."""
    return plain(render(result))


def abstract_table(abstract: JsonObject) -> RenderableType:
    """Show how well positions are predicted, with and without a model."""
    horizon = len(next(iter(abstract["scores"].values()))["rollout"]["mse"])
    table = columns("predictor", "MSE", "colliding balls", "other balls", "MSE, m²", f"in place after {horizon}")
    for name, scores in abstract["scores"].items():
        network = scores["one_step"]["network"]
        values = (network["overall"], network["colliding_balls"], network["free_balls"])
        metres, inside = scores["one_step"]["metres"]["overall"], scores["rollout"]["within_radius_fraction"][-1]
        table.add_row(name, *(_scientific(value) for value in (*values, metres)), f"{inside:.0%}")
    title = f"Abstract stage: next positions on held-out trajectories; balls within a radius after {horizon} steps"
    return under(title, table)


def natural_table(result: JsonObject) -> RenderableType:
    """Show how well the next picture is predicted, mean and standard deviation over seeds."""
    natural = result["natural"]
    table = columns("predictor", "MSE, 1e-4", "paper", "foreground MSE", "PSNR", "ARI", "position R²")
    for name, scores in natural["baselines"].items():
        errors = _spread([1e4 * scores["mse"]], 1), _spread([scores["foreground_mse"]], 4)
        table.add_row(name, errors[0], "", errors[1], _spread([scores["psnr"]], 1))
    for arm, by_seed in natural["arms"].items():
        seeds = list(by_seed.values())
        pictures = [seed["pictures"] for seed in seeds]
        table.add_row(
            arm,
            _spread([1e4 * scores["mse"] for scores in pictures], 1),
            PAPER_MSE.get(arm, ""),
            _spread([scores["foreground_mse"] for scores in pictures], 4),
            _spread([scores["psnr"] for scores in pictures], 1),
            _spread([seed["foreground_ari"] for seed in seeds], 2),
            _spread([seed["positions"]["r2"] for seed in seeds], 2),
        )
    found = [seed["positions"]["chance_r2"] for by_seed in natural["arms"].values() for seed in by_seed.values()]
    chances = [chance for chance in found if chance is not None]
    chance = f"{np.mean(chances):.2f}" if chances else "-"
    num_seeds = result["config"]["num_seeds"]
    title = f"Natural stage: next picture on held-out videos (seeds per arm: {num_seeds}); "
    return under(f"{title}matching alone gives a position R² of {chance}", table)


def findings(result: JsonObject) -> list[str]:
    """Say in words how the arms compare with the end-to-end one."""
    sentences = []
    for row in result["comparisons"]:
        difference = f"{row['arm']} minus {row['reference']}: {row['mean_difference']:+.5f} {row['error']}"
        p = f"one-sided Wilcoxon p = {min(row['p_greater'], row['p_less']):.3g}"
        tested = p if row["num_pairs"] >= MIN_PAIRS else f"no test can tell with {row['num_pairs']} seeds"
        sentences.append(f"{difference} ({tested}; lower is better).")
    return sentences


def _scientific(value: float | None) -> str:
    return "-" if value is None else f"{value:.2e}"


def _spread(values: Sequence[float | None], digits: int) -> str:
    """Show mean and standard deviation; a dash where one is missing, as NaN and infinity are in JSON."""
    known = [value for value in values if value is not None]
    return spread(known, digits) if len(known) == len(values) else "-"


def bottleneck_table(result: JsonObject) -> RenderableType:
    """Show the errors of both stages by the width of the latents, means over seeds."""
    table = columns("latents", "positions MSE", "training MSE, 1e-4", "held out, 1e-4", "foreground")
    for name, found in result["variants"].items():
        seeds = list(found["natural"].values())
        table.add_row(
            name,
            _scientific(found["abstract"]["one_step"]["network"]["overall"]),
            _spread([1e4 * seed["training"]["loss"] for seed in seeds], 1),
            _spread([1e4 * seed["scores"]["pictures"]["mse"] for seed in seeds], 1),
            _spread([seed["scores"]["pictures"]["foreground_mse"] for seed in seeds], 3),
        )
    return under("Bottleneck: frozen pre-trained processors with latents of different widths", table)
