"""Rules of docs/architecture.md that can be read off the source; each function returns one line per violation.

The functions take a root, so that the tests can show on a small made-up tree that every rule bites.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

PACKAGE = "rmr_gym"
OUTSIDE = ("agents", "benchmarks", "examples", "tests")
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
FORBIDDEN_NAMES = frozenset({"common", "helper", "helpers", "manager", "misc", "util", "utils"})
WITHOUT_TORCH = frozenset({"data", "envs", "players", "wrappers"})

OPTIONAL = {
    "ale_py": "atari",
    "cv2": "atari",
    "huggingface_hub": "hub",
    "imageio_ffmpeg": "video",
    "minari": "data",
    "mujoco": "mujoco",
    "ray": "ray",
    "sb3_contrib": "sb3",
    "sklearn": "bench",
    "stable_baselines3": "sb3",
    "torch_scatter": "scatter",
}
"""Import name of every optional package and the extra that brings it."""

HEAVY = frozenset({"matplotlib"})
"""Packages that are installed always, but so slow to import that only a function may do it."""

When = Literal["top", "call", "typing"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Import:
    """One imported module: a dotted name, the line, when it is imported, and the extras that a missing one names."""

    module: str
    line: int
    when: When
    guards: frozenset[tuple[str, str]] = frozenset()


def read_table(markdown: str) -> dict[str, frozenset[str]]:
    """Read the table "Who may import whom": for each part the parts below it, directly or through others."""
    direct: dict[str, set[str]] = {}
    for parts, below in re.findall(r"^\|([^|]*`[^|]*)\|[^|]*\|([^|]*)\|\s*$", markdown, flags=re.MULTILINE):
        for part in re.findall(r"`(\w+)`", parts):
            direct[part] = set(re.findall(r"`(\w+)`", below))

    def closure(part: str) -> set[str]:
        return direct[part].union(*(closure(below) for below in direct[part]))

    return {part: frozenset(closure(part)) for part in direct}


def imports_of(path: Path) -> list[Import]:
    """List the imports of a module, `importlib.import_module` with a literal name included."""
    return list(_walk(ast.parse(path.read_text(encoding="utf-8")).body, "top"))


def _walk(nodes: Iterable[ast.AST], when: When, guards: frozenset[tuple[str, str]] = frozenset()) -> Iterator[Import]:
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from _walk(node.body, "typing")
            yield from _walk(node.orelse, when, guards)
        elif isinstance(node, ast.Try):
            yield from _walk(node.body, when, guards | _guards(node))
            yield from _walk([*node.handlers, *node.orelse, *node.finalbody], when, guards)
        else:
            yield from (Import(module=name, line=line, when=when, guards=guards) for name, line in _imported(node))
            inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from _walk(ast.iter_child_nodes(node), "call" if inner else when, guards)


def _imported(node: ast.AST) -> list[tuple[str, int]]:
    if isinstance(node, ast.Import):
        return [(alias.name, node.lineno) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
        return [(str(name.value), node.lineno) for name in node.args if isinstance(name, ast.Constant)]
    return []


def _guards(node: ast.Try) -> frozenset[tuple[str, str]]:
    """Read the (package, extra) pairs of `except ImportError: raise missing_extra(package, extra)`."""
    return frozenset(
        (ast.literal_eval(call.args[0]), ast.literal_eval(call.args[1]))
        for handler in node.handlers
        for call in ast.walk(handler)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("missing_extra") and len(call.args) == 2
    )


def modules(root: Path) -> list[Path]:
    """List the modules of the package, without the flat public list in its `__init__.py`."""
    return sorted(path for path in (root / PACKAGE).rglob("*.py") if path != root / PACKAGE / "__init__.py")


def part_of(root: Path, path: Path) -> str:
    """Name the part of the architecture that a module belongs to: the first name below the package."""
    return path.relative_to(root / PACKAGE).with_suffix("").parts[0]


def layers(root: Path, table: Mapping[str, frozenset[str]]) -> list[str]:
    """Find imports that do not point downwards in the table, and parts that it lacks."""
    found = []
    for path in modules(root):
        part = part_of(root, path)
        if part not in table:
            found.append(f"{path.relative_to(root)}: {part} is not in the table")
            continue
        for item in imports_of(path):
            top, _, rest = item.module.partition(".")
            target = rest.partition(".")[0]
            where = f"{path.relative_to(root)}:{item.line}"
            if top in OUTSIDE:
                found.append(f"{where}: the package imports {top}")
            elif top == PACKAGE and target not in table:
                found.append(f"{where}: {part} imports {item.module}, which is no part of the table")
            elif top == PACKAGE and target != part and target not in table[part]:
                found.append(f"{where}: {part} imports {target}")
    return found


def outside(root: Path) -> list[str]:
    """Find imports between agents, benchmarks and examples, which nothing may import."""
    found = []
    for folder in ("agents", "benchmarks", "examples"):
        for path in sorted((root / folder).rglob("*.py")):
            for item in imports_of(path):
                top = item.module.partition(".")[0]
                if top in OUTSIDE and top != folder:
                    found.append(f"{path.relative_to(root)}:{item.line}: {folder} imports {top}")
    return found


def registries(root: Path) -> dict[str, dict[str, Path]]:
    """Find the folders whose `__init__.py` fills a `Registry`, and in each the modules that it takes entries from."""
    found = {}
    for init in sorted((root / PACKAGE).rglob("__init__.py")):
        tree = ast.parse(init.read_text(encoding="utf-8"))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and "Registry" in ast.unparse(node.func)]
        used = {node.id for call in calls for node in ast.walk(call) if isinstance(node, ast.Name)}
        dotted = ".".join(init.parent.relative_to(root).parts)
        entries = {
            node.module: init.parent / f"{node.module.removeprefix(dotted + '.')}.py"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            and node.module
            and node.module.startswith(dotted + ".")
            and any((alias.asname or alias.name) in used for alias in node.names)
        }
        if entries:
            found[dotted] = entries
    return found


def siblings(root: Path) -> list[str]:
    """Find entries of a registry that import another entry; what two of them share has a module of its own."""
    return [
        f"{path.relative_to(root)}:{item.line}: imports its sibling {other}"
        for entries in registries(root).values()
        for module, path in entries.items()
        for item in imports_of(path)
        for other in entries
        if other != module and f"{item.module}.".startswith(f"{other}.")
    ]


def torch_free(root: Path) -> list[str]:
    """Find imports of torch in the parts that must work without it."""
    return [
        f"{path.relative_to(root)}:{item.line}: {part_of(root, path)} imports torch"
        for path in modules(root)
        if part_of(root, path) in WITHOUT_TORCH
        for item in imports_of(path)
        if item.module.partition(".")[0] == "torch"
    ]


def optional(root: Path) -> list[str]:
    """Find optional packages whose absence would not name the extra to install, and heavy imports at the top."""
    found = []
    for path in [*modules(root), root / PACKAGE / "__init__.py"]:
        for item in imports_of(path):
            package = item.module.partition(".")[0]
            where = f"{path.relative_to(root)}:{item.line}"
            if package in OPTIONAL and item.when != "typing" and (package, OPTIONAL[package]) not in item.guards:
                found.append(f'{where}: imports {package} without missing_extra("{package}", "{OPTIONAL[package]}")')
            if package in HEAVY and item.when == "top":
                found.append(f"{where}: imports {package} when it is imported itself")
    return found


def sizes(root: Path) -> list[str]:
    """Find modules and function bodies (docstring aside) that are too long to read in one go."""
    found = []
    for path in _all_modules(root):
        text = path.read_text(encoding="utf-8")
        lines = len(text.splitlines())
        if lines > MAX_MODULE_LINES:
            found.append(f"{path.relative_to(root)}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                length = node.end_lineno - body[0].lineno + 1 if body and node.end_lineno else 0
                if length > MAX_FUNCTION_LINES:
                    found.append(f"{path.relative_to(root)}:{node.lineno}: {node.name} has {length} lines")
    return found


def names(root: Path) -> list[str]:
    """Find modules and folders whose name says nothing."""
    return [
        str(path.relative_to(root))
        for path in _all_modules(root)
        if FORBIDDEN_NAMES & {part.lower() for part in path.relative_to(root).with_suffix("").parts}
    ]


def _all_modules(root: Path) -> list[Path]:
    return sorted(path for folder in (PACKAGE, *OUTSIDE) for path in (root / folder).rglob("*.py"))
