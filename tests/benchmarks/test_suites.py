"""Which experiments a suite is, and what identifies an experiment."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable

import pytest

from benchmarks.arms import ENCODER_ARMS, PROCESSOR_ARMS, abstract_experiment, natural_experiment, with_width
from benchmarks.experiment import Experiment, key_of
from benchmarks.suites import SUITES, Selection, with_processors
from rmr_gym.envs.games import GAMES
from rmr_gym.objectives import HingeConfig
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.players import pinned
from rmr_gym.pipeline.profiles import PROFILES
from rmr_gym.training import ARMS
from tests.benchmarks.settings import TINY

Changed = Callable[[RunConfig], RunConfig]


def select(name: str, *, games: tuple[str, ...] = ("pong", "boxing"), seeds: tuple[int, ...] = (0, 1)) -> Selection:
    return Selection(settings=PROFILES[name](), profile=name, games=games, seeds=seeds)


def folders(experiments: list[Experiment]) -> set[str]:
    return {experiment.folder for experiment in experiments}


def test_paper_has_as_many_experiments_as_its_tables_and_figures() -> None:
    chosen = select("paper", games=GAMES, seeds=tuple(range(3)))
    counts = {
        name: Counter((one.kind, one.arm) for one in with_processors(suite(chosen))) for name, suite in SUITES.items()
    }
    assert counts["table2"] == {("abstract", arm): 24 * 3 for arm in ("mpnn", "deep_sets", "mlp")}
    assert counts["transfer"] == {
        ("abstract", "mpnn"): 24,
        ("natural", "rmr"): 24 * 24 * 3,
        ("natural", "c_swm"): 24 * 3,
    }
    per_arm = {("natural", arm): 24 * 3 for arm in ("rmr", "c_swm", "untrained", "supervised")}
    assert counts["table1"] == {("abstract", "mpnn"): 24} | per_arm
    assert counts["bottleneck"] == {
        ("abstract", "mpnn"): 24 * 6,
        ("natural", "rmr"): 24 * 6 * 3,
        ("natural", "c_swm"): 24 * 6 * 3,
    }
    assert counts["controls"] == {("abstract", "mpnn"): 24} | {("natural", arm): 24 * 3 for arm in ARMS}


def test_experiments_name_their_players_so_that_other_ones_give_other_results() -> None:
    tiny = {"arm": "mpnn", "seed": 0, "settings": TINY, "profile": "tiny"}
    blind, paper = (abstract_experiment("venture", players=(name,), **tiny) for name in ("graded", "paper"))
    assert blind.settings.data.players == ("graded",)
    assert paper.settings.data.players == (pinned("paper", "venture"),)
    assert paper.settings.data.players != ("paper",)
    assert len({blind.key, paper.key, blind.settings.data.name, paper.settings.data.name}) == 4


def test_suites_share_what_they_have_in_common() -> None:
    chosen = select("standard")
    table_1, transfer, bottleneck, controls, table_2 = (
        folders(with_processors(SUITES[name](chosen)))
        for name in ("table1", "transfer", "bottleneck", "controls", "table2")
    )
    paper = {one for one in table_1 if "/untrained/" not in one and "/supervised/" not in one}
    assert (
        paper == {one for one in transfer if "/from-" not in one} == {one for one in bottleneck if "/width" not in one}
    )
    assert table_1 < controls
    assert {one for one in table_1 if one.startswith("abstract")} < table_2


def test_seeds_come_one_after_the_other_and_processors_before_what_needs_them() -> None:
    experiments = with_processors(SUITES["controls"](select("standard", seeds=(0, 1, 2))))
    seeds = [one.seed for one in experiments if one.kind == "natural"]
    assert seeds == sorted(seeds)
    names = [one.folder for one in experiments]
    assert len(set(names)) == len(names)
    for one in experiments:
        assert one.needs is None or names.index(one.needs.folder) < names.index(one.folder)


def test_donors_and_widths_stand_in_the_id_when_they_are_unusual() -> None:
    settings = PROFILES["standard"]()
    usual = natural_experiment("pong", "rmr", 3, settings, "standard")
    assert usual.id == "natural/pong/rmr/seed-3"
    assert usual.folder == f"natural/pong/rmr/seed-3-{usual.key}"
    far = natural_experiment("pong", "rmr", 3, with_width(settings, 8), "standard", donor="boxing")
    assert far.id == "natural/pong/rmr/from-boxing/width-8/seed-3"
    assert far.needs is not None
    assert far.needs.id == "abstract/boxing/mpnn/width-8/seed-0"
    own = natural_experiment("pong", "c_swm", 3, settings, "standard", donor="boxing")
    assert own.id == "natural/pong/c_swm/seed-3", "nothing of a donor goes in"
    assert own.needs is None
    assert abstract_experiment("pong", "mlp", 1, settings, "standard").id == "abstract/pong/mlp/seed-1"


def test_key_is_the_hash_of_the_config_in_the_result() -> None:
    one = natural_experiment("pong", "rmr", 0, TINY, "tiny")
    assert one.key == key_of(one.config)
    assert one.config["data"]["game"] == "pong"
    assert one.config["processor"]["abstract"]["processor"] == {"type": "deep_sets", "slot_dim": 4}
    one.config.clear()
    assert one.key == key_of(one.config), "what is handed out is a copy"


USED: list[tuple[str, Changed]] = [
    ("data", lambda base: dataclasses.replace(base, data=dataclasses.replace(base.data, max_steps=7))),
    ("seed of the data", lambda base: dataclasses.replace(base, seed=1)),
    ("probe", lambda base: dataclasses.replace(base, probe=dataclasses.replace(base.probe, num_train_frames=7))),
    (
        "objective",
        lambda base: dataclasses.replace(base, natural=dataclasses.replace(base.natural, objective=HingeConfig())),
    ),
    (
        "processor",
        lambda base: dataclasses.replace(
            base,
            abstract=dataclasses.replace(
                base.abstract, loop=dataclasses.replace(base.abstract.loop, learning_rate=0.1)
            ),
        ),
    ),
]


@pytest.mark.parametrize(("name", "change"), USED, ids=[name for name, _ in USED])
def test_key_changes_with_every_setting_that_is_used(name: str, change: Changed) -> None:
    keys = {natural_experiment("pong", "rmr", 0, settings, "tiny").key for settings in (TINY, change(TINY))}
    assert len(keys) == 2, name


def test_key_stays_when_nothing_that_is_used_changes() -> None:
    longer = dataclasses.replace(TINY.natural.supervised, gradient_steps=99)
    other = dataclasses.replace(
        TINY, num_seeds=9, arms=("c_swm",), natural=dataclasses.replace(TINY.natural, supervised=longer)
    )
    for arm in ARMS:
        keys = {
            natural_experiment("pong", arm, 0, settings, name).key for settings, name in ((TINY, "a"), (other, "b"))
        }
        assert len(keys) == (2 if arm == "supervised" else 1), arm
    pretrained_longer = dict(USED)["processor"](TINY)
    for arm in ENCODER_ARMS:
        keys = {natural_experiment("pong", arm, 0, settings, "a").key for settings in (TINY, pretrained_longer)}
        assert len(keys) == (2 if ARMS[arm].processor == "pretrained" else 1), arm


def test_name_of_the_profile_is_no_part_of_the_key() -> None:
    one, other = (natural_experiment("pong", "rmr", 0, TINY, name) for name in ("quick", "mine"))
    assert one.folder == other.folder


def test_processors_of_other_classes_take_the_width_of_the_profile() -> None:
    for name, make in PROCESSOR_ARMS.items():
        processor = make(with_width(PROFILES["quick"](), 16)).processor
        assert (name, processor.slot_dim) == (name, 16)


def test_unknown_arms_and_suites_are_named() -> None:
    with pytest.raises(ValueError, match="rmr, c_swm"):
        natural_experiment("pong", "rnr", 0, TINY, "tiny")
    with pytest.raises(ValueError, match="table1, table2, transfer, bottleneck, controls"):
        _ = SUITES["table3"]
