"""The tables of a run on bouncing balls, from its result alone."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.text import Text

from rmr_gym.evaluation.statistics import MIN_PAIRS
from rmr_gym.pipeline.tables import FILE_WIDTH, columns, under

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
    file = io.StringIO()
    Console(file=file, width=FILE_WIDTH, color_system=None).print(render(result))
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


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
        table.add_row(
            name, f"{1e4 * scores['mse']:.1f}", "", f"{scores['foreground_mse']:.4f}", f"{scores['psnr']:.1f}"
        )
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
    chances = [seed["positions"]["chance_r2"] for by_seed in natural["arms"].values() for seed in by_seed.values()]
    num_seeds = result["config"]["num_seeds"]
    title = f"Natural stage: next picture on held-out videos (seeds per arm: {num_seeds}); "
    return under(f"{title}matching alone gives a position R² of {np.mean(chances):.2f}", table)


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


def _spread(values: Sequence[float], digits: int) -> str:
    mean = f"{np.mean(values):.{digits}f}"
    return f"{mean} ± {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else mean


def bottleneck_table(result: JsonObject) -> RenderableType:
    """Show the errors of both stages by the width of the latents, means over seeds."""
    table = columns("latents", "positions MSE", "training MSE, 1e-4", "held out, 1e-4", "foreground MSE")
    for name, found in result["variants"].items():
        seeds = list(found["natural"].values())
        table.add_row(
            name,
            _scientific(found["abstract"]["one_step"]["network"]["overall"]),
            _spread([1e4 * seed["training"]["loss"] for seed in seeds], 1),
            _spread([1e4 * seed["scores"]["pictures"]["mse"] for seed in seeds], 1),
            _spread([seed["scores"]["pictures"]["foreground_mse"] for seed in seeds], 4),
        )
    return under("Bottleneck: frozen pre-trained processors with latents of different widths", table)
