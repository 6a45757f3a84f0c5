"""`python -m benchmarks run` from words to experiments, and what it says to mistakes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.commands.run import USUAL_GAMES, parse_run
from rmr_gym.envs.games import GAMES
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.profiles import PROFILES
from tests import markdown
from tests.benchmarks.settings import TINY

ROOT = Path(__file__).parents[2]


def test_example_of_the_help_is_what_it_says() -> None:
    command = parse_run(["table1", "--games", "pong,SpaceInvaders", "--seeds", "0..4", "--profile", "quick"])
    experiments = command.experiments()
    natural = [one for one in experiments if one.kind == "natural"]
    assert {(one.game, one.seed) for one in natural} == {
        (game, seed) for game in ("pong", "space_invaders") for seed in range(5)
    }
    assert {one.profile for one in experiments} == {"quick"}
    assert len(experiments) == 2 * (1 + 5 * 4)


def test_calls_in_the_documentation_name_experiments() -> None:
    found = []
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        blocks = [block for block in markdown.blocks(page.read_text()) if block.language in markdown.SHELLS]
        calls = [words for block in blocks for words in markdown.commands(block)]
        found += [words[4:] for words in calls if words[1:4] == ["-m", "benchmarks", "run"]]
    assert found
    for words in found:
        command = parse_run(words)
        assert command.places().work
        assert dataclasses.replace(command, seeds="0", games=command.games and "pong", donors="").experiments()


@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_bring_their_games_and_seeds(profile: str) -> None:
    command = parse_run(["table2", "--profile", profile])
    experiments = command.experiments()
    assert tuple(dict.fromkeys(one.game for one in experiments)) == USUAL_GAMES[profile]
    assert {one.seed for one in experiments} == set(range(PROFILES[profile]().num_seeds))
    assert set(USUAL_GAMES["paper"]) == set(GAMES)


def test_settings_of_the_profile_can_be_changed_one_by_one() -> None:
    words = ["table1", "--profile", "smoke", "--arms", "rmr", "--abstract.loop.gradient-steps", "77"]
    words += ["--abstract.processor", "deep_sets", "--natural.objective", "hinge", "--data.max-steps", "50"]
    processor, encoder = parse_run(words).experiments()
    assert processor.id == "abstract/pong/deep_sets/seed-0"
    assert processor.config["abstract"]["loop"]["gradient_steps"] == 77
    assert encoder.config["processor"] == processor.config
    assert encoder.config["natural"]["objective"]["type"] == "hinge"
    assert encoder.config["data"]["config"]["max_steps"] == 50


def test_config_of_an_earlier_run_brings_its_game_and_seeds(tmp_path: Path) -> None:
    config = dataclasses.replace(TINY, game="boxing", seed=3, num_seeds=2)
    (tmp_path / "mine.json").write_text(json.dumps(to_json(config)))
    words = ["table1", "--config", str(tmp_path / "mine.json"), "--arms", "rmr", "--data-seed", "3"]
    experiments = parse_run(words).experiments()
    assert [one.id for one in experiments if one.kind == "natural"] == [
        f"natural/boxing/rmr/width-4/seed-{seed}" for seed in (3, 4)
    ]
    assert {(one.profile, one.config["data"]["seed"]) for one in experiments} == {("mine", 3)}


def test_config_of_a_run_on_recorded_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text(json.dumps(to_json(dataclasses.replace(TINY, recorded=("data/mine",)))))
    with pytest.raises(ValueError, match="what is to be recorded; got recorded: data/mine"):
        parse_run(["table1", "--config", str(tmp_path / "mine.json")])


def test_later_seeds_share_data_and_processor_with_earlier_ones() -> None:
    first, later = (parse_run(["table1", "--profile", "smoke", "--seeds", seeds]) for seeds in ("0", "5..6"))
    shared = {one.folder for one in first.experiments()} & {one.folder for one in later.experiments()}
    assert [name.rpartition("-")[0] for name in shared] == ["abstract/pong/mpnn/seed-0"]


def test_places_follow_from_out(tmp_path: Path) -> None:
    local = parse_run(["table1", "--out", f"{tmp_path}/a"]).places()
    assert (local.results, local.work) == (f"{tmp_path}/a", tmp_path / "a.work")
    far = parse_run(["table1", "--out", "s3://bucket/a", "--work", str(tmp_path)]).places()
    assert (far.results, far.work) == ("s3://bucket/a", tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["table1", "--games", "ponk"], "pong"),
        (["table1", "--games", ","], "names of games"),
        (["table1", "--games", "pong,boxing,Pong"], "each game once; got pong twice"),
        (["transfer", "--donors", "pong,pong"], "each game once; got pong twice"),
        (["table1", "--seeds", "0-4"], "0..4"),
        (["table1", "--seeds", ""], "0..4"),
        (["table1", "--seeds", "0..4,9..7"], "got 9..7. Write --seeds 7..9"),
        (["table1", "--arms", "rnr"], "rmr, c_swm"),
        (["table1", "--arms", "rmr,c_swm,rmr"], "each arm once; got rmr twice"),
        (["bottleneck", "--widths", "8,8"], "each width once; got 8 twice"),
        (["bottleneck", "--widths", "wide"], "width such as 16"),
        (["table1", "--out", "s3://bucket/a"], "--work DIR"),
        (["table1", "--workers", "0"], "at least 1 worker"),
        (["table1", "--limit-hours", "0"], "--limit-hours above 0"),
        (["table1", "--profile", "smoke", "--config", "a.json"], "not both"),
    ],
)
def test_mistakes_are_explained_before_anything_begins(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["run", *words]) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_help_of_the_program_names_its_subcommands(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown for name in ("run", "report", "measure"))
