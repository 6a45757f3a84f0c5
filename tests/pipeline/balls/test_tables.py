from __future__ import annotations

import copy
import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from rmr_gym.pipeline.balls.tables import abstract_table, as_text, bottleneck_table, findings, natural_table
from rmr_gym.pipeline.stage import JsonObject


def text(shown: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=140, color_system=None).print(shown)
    return file.getvalue()


def row(shown: str, name: str) -> list[str]:
    line = next(line for line in shown.splitlines() if line.startswith(name))
    return re.split(r" {2,}", line.strip())


@pytest.fixture
def result(finished_balls: tuple[Path, JsonObject]) -> JsonObject:
    """The result as if two seeds had been run, with errors that can be followed by hand."""
    result = copy.deepcopy(finished_balls[1])
    result["config"]["num_seeds"] = 2
    for seeds in result["natural"]["arms"].values():
        seeds["4"] = copy.deepcopy(seeds["3"])
        for seed, error in (("3", 0.001), ("4", 0.002)):
            seeds[seed]["pictures"] = {"mse": error, "foreground_mse": 10 * error, "psnr": 30.0}
            seeds[seed]["foreground_ari"] = 0.5
            seeds[seed]["positions"] = {"r2": 0.75, "chance_r2": 0.25}
    return result


def test_natural_table_shows_mean_and_spread_beside_the_paper(result: JsonObject) -> None:
    shown = text(natural_table(result))
    assert row(shown, "rmr") == [
        "rmr",
        "15.0 ± 7.1",
        "7.94 ± 0.41",
        "0.0150 ± 0.0071",
        "30.0 ± 0.0",
        "0.50 ± 0.00",
        "0.75 ± 0.00",
    ]
    assert row(shown, "end_to_end")[2] == "9.47 ± 0.24"
    assert row(shown, "frozen_random")[2] == "0.0150 ± 0.0071"  # the paper has no such arm
    assert "(seeds per arm: 2)" in shown
    assert "matching alone gives a position R² of 0.25" in shown
    assert {"copy_last", "black"} <= {line.split(" ")[0] for line in shown.splitlines()}


def test_abstract_table_shows_every_predictor(result: JsonObject) -> None:
    scores = result["abstract"]["scores"]["processor"]
    scores["one_step"]["network"] |= {"overall": 0.00123, "colliding_balls": 0.5, "free_balls": None}
    scores["one_step"]["metres"]["overall"] = 0.0025
    scores["rollout"]["within_radius_fraction"] = [1.0, 1.0, 1.0, 0.256]
    shown = text(abstract_table(result["abstract"]))
    assert row(shown, "processor") == ["processor", "1.23e-03", "5.00e-01", "-", "2.50e-03", "26%"]
    assert row(shown, "constant_velocity")[-1].endswith("%")
    assert "in place after 4" in shown


def comparison(**fields: Any) -> JsonObject:
    shared = {"error": "mse", "arm": "rmr", "reference": "end_to_end", "mean_difference": -0.00012}
    return shared | {"num_pairs": 5, "p_greater": 1.0, "p_less": 0.03125} | fields


def test_findings_say_what_the_seeds_can_tell(result: JsonObject) -> None:
    result["comparisons"] = [comparison(), comparison(num_pairs=3, mean_difference=0.0002)]
    assert findings(result) == [
        "rmr minus end_to_end: -0.00012 mse (one-sided Wilcoxon p = 0.0312; lower is better).",
        "rmr minus end_to_end: +0.00020 mse (no test can tell with 3 seeds; lower is better).",
    ]


def test_text_holds_both_tables_without_colours(result: JsonObject) -> None:
    shown = as_text(result)
    assert "Abstract stage" in shown
    assert "Natural stage" in shown
    assert "rmr minus end_to_end" in shown
    assert "\x1b" not in shown
    assert not any(line.endswith(" ") for line in shown.splitlines())


def test_tables_show_a_dash_for_what_could_not_be_measured(result: JsonObject) -> None:
    # Balls at rest: the last picture is the next one, its ratio infinite, and positions that do not vary have no R².
    result["natural"]["baselines"]["copy_last"] = {"mse": 0.0, "foreground_mse": None, "psnr": None}
    for seed in result["natural"]["arms"]["rmr"].values():
        seed["pictures"]["psnr"] = seed["positions"]["r2"] = seed["positions"]["chance_r2"] = None
    shown = text(natural_table(result))
    assert row(shown, "copy_last") == ["copy_last", "0.0", "-", "-"]
    assert row(shown, "rmr")[4:] == ["-", "0.50 ± 0.00", "-"]
    assert "matching alone gives a position R² of 0.25" in shown
    for seeds in result["natural"]["arms"].values():
        for seed in seeds.values():
            seed["positions"]["chance_r2"] = None
    assert "matching alone gives a position R² of -" in text(natural_table(result))


def test_bottleneck_table_shows_both_stages_by_width() -> None:
    def seed(error: float) -> JsonObject:
        return {"training": {"loss": error / 2}, "scores": {"pictures": {"mse": error, "foreground_mse": 0.5}}}

    abstract = {"one_step": {"network": {"overall": 0.00456}}}
    variants = {
        "width-2": {"abstract": abstract, "natural": {"0": seed(0.001), "1": seed(0.002)}},
        "interaction_network": {"abstract": abstract, "natural": {"0": seed(0.004)}},
    }
    shown = text(bottleneck_table({"variants": variants}))
    assert row(shown, "width-2") == ["width-2", "4.56e-03", "7.5 ± 3.5", "15.0 ± 7.1", "0.500 ± 0.000"]
    assert row(shown, "interaction_network") == ["interaction_network", "4.56e-03", "20.0", "40.0", "0.500"]
