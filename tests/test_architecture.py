"""The source keeps the rules of docs/architecture.md, and the rules bite."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from jaxtyping import TypeCheckError

from rmr_gym.errors import explain
from tests import architecture_rules as rules

ROOT = Path(__file__).parents[1]
TABLE = rules.read_table((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))


def layers(root: Path) -> list[str]:
    return rules.layers(root, TABLE)


RULES = [layers, rules.outside, rules.siblings, rules.torch_free, rules.optional, rules.sizes, rules.names]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_source_keeps_the_rule(rule: Callable[[Path], list[str]]) -> None:
    assert rule(ROOT) == []


def test_table_names_every_part_of_the_package() -> None:
    parts = {rules.part_of(ROOT, path) for path in rules.modules(ROOT)}
    assert parts
    assert parts <= TABLE.keys()


def test_table_closes_over_what_stands_below() -> None:
    assert TABLE["errors"] == set()
    assert TABLE["data"] == {"atomic", "counts", "errors", "registry", "seeding", "envs", "wrappers", "players"}
    assert TABLE["objectives"] == {"atomic", "errors", "registry", "seeding", "ops", "models"}
    assert not {"evaluation", "pipeline"} & TABLE["training"]
    assert not {"objectives", "training"} & TABLE["evaluation"]
    assert {"training", "evaluation"} < TABLE["pipeline"] < TABLE["cli"]


def test_registries_are_found_in_the_source() -> None:
    found = rules.registries(ROOT)
    assert {"rmr_gym.models.processors", "rmr_gym.players"} <= found.keys()
    assert len(found["rmr_gym.models.processors"]) >= 3


GUARDED = """
try:
    from ale_py.env import AtariEnv
except ImportError as error:
    raise missing_extra("ale_py", "atari") from error

def show():
    import matplotlib
    try:
        import cv2
    except ImportError as error:
        raise missing_extra("cv2", "atari") from error
"""

GOOD_TREE = {
    "rmr_gym/__init__.py": "from rmr_gym.envs.games import GAMES\n",
    "rmr_gym/errors.py": "import hashlib\n",
    "rmr_gym/envs/games.py": "from rmr_gym.errors import explain\n",
    "rmr_gym/envs/atari.py": GUARDED,
    "rmr_gym/models/processors/__init__.py": """
from rmr_gym.models.processors.mlp import MLP
from rmr_gym.models.processors.mpnn import MPNN
from rmr_gym.registry import Registry
PROCESSORS = Registry("processor", ("mlp", MLP), ("mpnn", MPNN))
""",
    "rmr_gym/models/processors/mlp.py": "from rmr_gym.models.blocks import perceptron\nimport torch\n",
    "rmr_gym/models/processors/mpnn.py": "from rmr_gym.ops import all_pairs\n",
    "benchmarks/arms.py": "from benchmarks import suites\nfrom rmr_gym.pipeline import run\n",
}

BAD_FILES = [
    (layers, "rmr_gym/envs/atari.py", "import rmr_gym.data.store\n", "envs imports data"),
    (layers, "rmr_gym/envs/atari.py", "def f():\n    from rmr_gym import players\n", "envs imports players"),
    (layers, "rmr_gym/ops/pairs.py", "from rmr_gym.envs.games import GAMES\n", "ops imports envs"),
    (layers, "rmr_gym/training/loop.py", "from rmr_gym.evaluation import metrics\n", "training imports evaluation"),
    (
        layers,
        "rmr_gym/models/mpnn.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rmr_gym.training.loop import Loop\n",
        "models imports training",
    ),
    (layers, "rmr_gym/data/store.py", "import importlib\nimportlib.import_module('rmr_gym.cli')\n", "data imports cli"),
    (layers, "rmr_gym/data/store.py", "from rmr_gym import GAMES\n", "no part of the table"),
    (layers, "rmr_gym/data/store.py", "from benchmarks import arms\n", "the package imports benchmarks"),
    (layers, "rmr_gym/extras/new.py", "", "extras is not in the table"),
    (rules.outside, "agents/ppo.py", "import benchmarks.arms\n", "agents imports benchmarks"),
    (
        rules.siblings,
        "rmr_gym/models/processors/mpnn.py",
        "from rmr_gym.models.processors.mlp import MLP\n",
        "imports its sibling rmr_gym.models.processors.mlp",
    ),
    (rules.torch_free, "rmr_gym/data/store.py", "def f():\n    import torch.nn\n", "data imports torch"),
    (rules.optional, "rmr_gym/envs/atari.py", "try:\n    import cv2\nexcept ImportError:\n    cv2 = None\n", "cv2"),
    (rules.optional, "rmr_gym/envs/atari.py", GUARDED.replace('"cv2", "atari"', '"cv2", "bench"'), "imports cv2"),
    (rules.optional, "rmr_gym/ops/sparse.py", "def f():\n    import torch_scatter\n", '"scatter"'),
    (rules.optional, "rmr_gym/pipeline/figures.py", "from matplotlib import pyplot\n", "matplotlib"),
    (rules.optional, "rmr_gym/__init__.py", "import ale_py\n", "ale_py"),
    (rules.sizes, "tests/test_long.py", "x = 1\n" * 401, "401 lines"),
    (rules.sizes, "rmr_gym/envs/long.py", 'def f():\n    """Doc."""\n' + "    x = 1\n" * 61, "f has 61 lines"),
    (rules.names, "rmr_gym/envs/utils.py", "", "utils"),
    (rules.names, "benchmarks/common/table.py", "", "common"),
]


@pytest.fixture
def good_tree(tmp_path: Path) -> Path:
    for name, text in GOOD_TREE.items():
        write(tmp_path / name, text)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_is_silent_on_a_good_tree(good_tree: Path, rule: Callable[[Path], list[str]]) -> None:
    assert rule(good_tree) == []


@pytest.mark.parametrize(
    ("rule", "name", "text", "expected"), BAD_FILES, ids=[f"{r.__name__}-{e}" for r, _, _, e in BAD_FILES]
)
def test_rule_bites_on_one_bad_file(
    good_tree: Path, rule: Callable[[Path], list[str]], name: str, text: str, expected: str
) -> None:
    write(good_tree / name, text)
    violations = rule(good_tree)
    assert len(violations) == 1
    assert name in violations[0]
    assert expected in violations[0]


def test_function_of_sixty_lines_is_allowed(good_tree: Path) -> None:
    write(good_tree / "rmr_gym/envs/long.py", 'def f():\n    """Doc."""\n' + "    x = 1\n" * 60)
    assert rules.sizes(good_tree) == []


@pytest.mark.parametrize("part", ["rmr_gym", *(f"rmr_gym.{part}" for part in sorted(rules.WITHOUT_TORCH))])
def test_import_loads_neither_torch_nor_an_optional_package(part: str) -> None:
    code = f"import sys, {part}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"torch", *rules.OPTIONAL, *rules.HEAVY} & set(done.stdout.split())


def test_import_works_where_nothing_optional_is_installed() -> None:
    blocked = ["torch", *rules.OPTIONAL, *rules.HEAVY]
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked})); import rmr_gym; print(len(rmr_gym.GAMES))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "24"


def test_types_and_shapes_are_checked_while_the_tests_run() -> None:
    with pytest.raises(TypeCheckError):
        explain(expected=1, got=2, fix=3)  # type: ignore[arg-type]
