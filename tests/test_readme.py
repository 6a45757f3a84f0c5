"""Every snippet of the pages runs, every command parses, every link, path and name leads somewhere."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from jaxtyping import TypeCheckError

import rmr_gym
from tests import markdown
from tests.warm_python import run_python

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
BLOCKS = [(page, block) for page, text in TEXTS.items() for block in markdown.blocks(text)]
SNIPPETS = [pytest.param(block, id=f"{page}:{block.line}") for page, block in BLOCKS if block.language == "python"]
COMMANDS = [
    pytest.param(command, id=f"{page}:{block.line}: {' '.join(command)}")
    for page, block in BLOCKS
    if block.language in markdown.SHELLS
    for command in markdown.commands(block)
]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
RMR_GYM = str(Path(sys.executable).with_name("rmr-gym"))
TAKEN_AS_READ = {"cd", "git", "ls", "nohup", "ray", "rm", "source"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}


def run(command: list[str], folder: Path, *, timeout: float = 200) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `make demo` has been run, with the smallest settings."""
    folder = tmp_path_factory.mktemp("demo")
    command = [RMR_GYM, "run", "pong", "--profile", "smoke", "--arms", "rmr", "c_swm", "--out", "runs/demo"]
    command += ["--natural.encoder.maps-per-slot", "1", "--natural.loop.gradient-steps", "2"]
    command += ["--probe.num-train-frames", "40", "--probe.num-validation-frames", "40", "--probe.readouts", "full"]
    done = run_python(*command, folder=folder, environment=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("block", SNIPPETS)
def test_snippet_runs(block: markdown.Block, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if "runs/demo" in block.code:
        shutil.copytree(request.getfixturevalue("demo"), tmp_path, dirs_exist_ok=True)
    snippet = tmp_path / ("snippet.txt" if ">>> " in block.code else "snippet.py")
    snippet.write_text(block.code, encoding="utf-8")
    doctest = ["-m", "doctest", "-o", "ELLIPSIS", "-o", "NORMALIZE_WHITESPACE"] if ">>> " in block.code else []
    done = run_python(*doctest, str(snippet), folder=tmp_path, environment=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_command_parses(command: list[str]) -> None:
    assert problem_of(command) is None


def problem_of(command: list[str]) -> str | None:
    """Say what is wrong with a command, without running it."""
    program, arguments = Path(command[0]).name, command[1:]
    if program == "make":
        done = run(["make", "--dry-run", *arguments], ROOT)
        return done.stderr or "make failed" if done.returncode else None
    if program == "rmr-gym":
        return problem_of_rmr_gym(arguments)
    if program in {"pip", "python"}:
        extras = set(re.findall(r"[\w-]+", ",".join(re.findall(r"\[([\w,-]+)\]", " ".join(arguments)))))
        missing = [extra for extra in extras if extra not in EXTRAS]
        modules = arguments[1:2] if arguments[:1] == ["-m"] else []
        missing += [module for module in modules if importlib.util.find_spec(module) is None]
        missing += [word for word in arguments if word.endswith(".py") and not (ROOT / word).exists()]
        return f"does not exist: {missing}" if missing else None
    return None if program in TAKEN_AS_READ or (ROOT / command[0]).is_file() else f"unknown program {program}"


def problem_of_rmr_gym(arguments: list[str]) -> str | None:
    """Parse a call without executing it; the few without settings, such as `doctor`, are executed."""
    from rmr_gym.pipeline.commands import COMMANDS, parse
    from rmr_gym.pipeline.commands.balls import parse_balls
    from rmr_gym.pipeline.commands.data import parse_data

    if not arguments or arguments[0] not in (*COMMANDS, "balls", "data"):
        done = run([RMR_GYM, *arguments], ROOT)
        return done.stderr or "rmr-gym failed" if done.returncode else None
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            if arguments[0] == "balls":
                parse_balls(arguments[1:])
            elif arguments[0] == "data":
                parse_data(arguments[1:])
            else:
                parse(arguments[0], arguments[1:])
        except SystemExit as stop:
            return said.getvalue() if stop.code else None
        except FileNotFoundError:  # the command starts from the output of another one
            return None
        except (ValueError, TypeCheckError) as error:  # in the tests the type of a bad choice is checked first
            return str(error)
    return None


@pytest.mark.parametrize("page", TEXTS)
def test_links_lead_somewhere(page: str) -> None:
    for target in markdown.links(TEXTS[page]):
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), target
        assert not anchor or anchor in markdown.anchors(linked.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("page", TEXTS)
def test_paths_exist(page: str) -> None:
    for path, name in markdown.paths(TEXTS[page]):
        assert list(ROOT.glob(path.rstrip("/"))), path
        assert not name or re.search(rf"^ *(?:def|class) {name}\b|^{name}\b", (ROOT / path).read_text("utf-8"), re.M), (
            name
        )


@pytest.mark.parametrize("page", TEXTS)
def test_names_of_the_package_exist(page: str) -> None:
    for name in markdown.names(TEXTS[page]):
        assert resolves(name), name


def resolves(name: str) -> bool:
    """Tell whether a dotted name leads through modules and attributes to something."""
    found: object = rmr_gym
    for end in range(2, len(name.split(".")) + 1):
        *_, attribute = parts = name.split(".")[:end]
        if not hasattr(found, attribute):
            try:
                importlib.import_module(".".join(parts))
            except ModuleNotFoundError:
                return False
        found = getattr(found, attribute)
    return True


def test_readme_and_ci_name_the_same_commands() -> None:
    shown = TEXTS["README.md"]
    assert "make demo" in shown
    assert "make test" in shown
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


PAGE = """
# A page: with a title

See [here](docs/a.md#top), [there](https://example.org), ![picture](b.png) and `rmr_gym/cli.py::main`, `rmr_gym.GAMES`.

1. A list

   ```python
   print(1)
   ```

```console
$ rmr-gym run pong \\
$ make demo && A=1 make test | tail  # both
output
```
"""


def test_blocks_come_without_the_indent_of_their_list() -> None:
    assert [block.language for block in markdown.blocks(PAGE)] == ["python", "console"]
    assert markdown.blocks(PAGE)[0] == markdown.Block(language="python", code="print(1)\n", line=8)


def test_commands_are_split_at_operators() -> None:
    block = markdown.Block(
        language="bash", code='make demo && A=1 pip install "rmr-gym[all]" | tail  # x\nls \\\n -l\n', line=1
    )
    expected = [["make", "demo"], ["pip", "install", "rmr-gym[all]"], ["tail"], ["ls", "-l"]]
    assert markdown.commands(block) == expected


def test_output_in_a_console_block_is_no_command() -> None:
    block = markdown.Block(language="console", code="$ make help\n  make demo\n", line=1)
    assert markdown.commands(block) == [["make", "help"]]


def test_links_paths_and_names_are_found() -> None:
    assert markdown.links(PAGE) == ["docs/a.md#top", "b.png"]
    assert markdown.anchors(PAGE) == {"a-page-with-a-title"}
    assert markdown.paths(PAGE) == [("rmr_gym/cli.py", "main")]
    assert markdown.names(PAGE) == ["rmr_gym.GAMES"]


@pytest.mark.parametrize(
    "command",
    [
        ["make", "no-such-target"],
        ["pip", "install", "rmr-gym[no-such-extra]"],
        ["python", "-m", "no_such_module"],
        ["python", "examples/no_such_script.py"],
        ["no-such-program"],
        ["rmr-gym", "no-such-subcommand"],
        ["rmr-gym", "run", "pong", "--no-such-flag"],
        ["rmr-gym", "run", "pong", "--profile", "no-such-profile"],
    ],
)
def test_wrong_command_is_noticed(command: list[str]) -> None:
    assert problem_of(command) is not None


@pytest.mark.parametrize(
    "command",
    [
        ["make", "demo"],
        ["pip", "install", "-c", "constraints.txt", ".[atari,sb3]"],
        [".venv/bin/python", "-m", "pytest", "-m", "slow"],
        ["rmr-gym", "run", "pong", "--profile", "quick", "--out", "runs/demo"],
        ["rmr-gym", "run", "--help"],
        ["rmr-gym", "--version"],
    ],
)
def test_right_command_is_accepted(command: list[str]) -> None:
    assert problem_of(command) is None


@pytest.mark.parametrize("name", ["rmr_gym.no_such_name", "rmr_gym.envs.games.no_such_name", "rmr_gym.no.such"])
def test_wrong_name_is_noticed(name: str) -> None:
    assert not resolves(name)


@pytest.mark.parametrize("name", ["rmr_gym", "rmr_gym.GAMES", "rmr_gym.envs.games", "rmr_gym.registry.Registry.items"])
def test_right_name_is_accepted(name: str) -> None:
    assert resolves(name)
