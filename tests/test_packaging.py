"""The wheel, the metadata, the extras and the pins fit together."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import rmr_gym
from tests.architecture_rules import OPTIONAL, imports_of

ROOT = Path(__file__).parents[1]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=120)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.fixture(scope="module")
def metadata(wheel: zipfile.ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode())


def installed(requirements: list[str], extra: str = "") -> Iterator[Requirement]:
    """Yield the requirements that hold on this machine."""
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def test_wheel_holds_the_package_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert tops == {"rmr_gym", f"rmr_gym-{rmr_gym.__version__}.dist-info"}


def test_wheel_holds_every_file_that_git_tracks_in_the_package(wheel: zipfile.ZipFile) -> None:
    command = ["git", "ls-files", "rmr_gym"]
    tracked = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.split()
    assert "rmr_gym/py.typed" in tracked
    assert set(tracked) <= set(wheel.namelist())


def test_version_is_the_same_wherever_it_is_told(metadata: Message) -> None:
    version = rmr_gym.__version__
    assert metadata["Version"] == version
    assert importlib.metadata.version("rmr-gym") == version
    assert re.search(rf"^version: {re.escape(version)}$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_metadata_says_licence_and_python(metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra", [])) == set(EXTRAS)


def test_console_script_points_at_a_function() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="rmr-gym")
    assert script.value == "rmr_gym.cli:main"
    assert callable(script.load())


def test_installed_packages_satisfy_each_other() -> None:
    done = subprocess.run([sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_all_holds_every_extra_that_installs_with_a_plain_command() -> None:
    (every,) = map(Requirement, EXTRAS["all"])
    assert every.extras == set(EXTRAS) - {"all", "dev", "scatter"}


def test_own_extras_that_an_extra_names_exist() -> None:
    named = {extra: requirement for extra in EXTRAS for requirement in map(Requirement, EXTRAS[extra])}
    own = [requirement for requirement in named.values() if canonicalize_name(requirement.name) == "rmr-gym"]
    assert own
    assert all(requirement.extras <= EXTRAS.keys() for requirement in own)


def test_every_requirement_has_a_pin_in_its_range() -> None:
    direct = [*PYPROJECT["project"]["dependencies"], *(line for lines in EXTRAS.values() for line in lines)]
    for requirement in map(Requirement, [*direct, *PYPROJECT["build-system"]["requires"]]):
        if canonicalize_name(requirement.name) != "rmr-gym":
            assert requirement.specifier.contains(PINS[canonicalize_name(requirement.name)]), requirement


def test_every_package_below_a_requirement_has_a_pin() -> None:
    seen: set[str] = set()
    queue = list(installed(importlib.metadata.requires("rmr-gym") or [], extra="dev"))
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        pinned_by_parent = any(specifier.operator == "==" for specifier in requirement.specifier)
        if pinned_by_parent and name not in PINS:  # CUDA builds of torch name the exact CUDA packages
            continue
        assert name == "rmr-gym" or name in PINS, name
        key = f"{name}{sorted(requirement.extras)}"
        if key not in seen:
            seen.add(key)
            for extra in requirement.extras or {""}:
                queue.extend(installed(importlib.metadata.requires(name) or [], extra=extra))
    assert len(seen) > len(PYPROJECT["project"]["dependencies"])


def test_pins_are_plain_versions_in_order() -> None:
    assert list(PINS) == sorted(PINS)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in PINS)
    assert all(re.fullmatch(r"[0-9.]+(\.post[0-9]+)?", version) for version in PINS.values())
    assert PINS["torch"] == "2.13.0"


def test_optional_packages_are_brought_by_the_extra_that_their_error_names() -> None:
    distributions = {"cv2": "opencv-python-headless", "sklearn": "scikit-learn"}
    for package, extra in OPTIONAL.items():
        brought = {canonicalize_name(Requirement(line).name) for line in EXTRAS[extra]}
        assert distributions.get(package, canonicalize_name(package)) in brought


def test_package_imports_nothing_that_is_not_declared() -> None:
    modules = {"pillow": "PIL"}
    names = [Requirement(line).name for line in PYPROJECT["project"]["dependencies"]]
    # CUDA builds of torch bring Triton; elsewhere nobody asks for it.
    declared = {modules.get(name, name) for name in names} | {"triton"}
    imported = {
        item.module.partition(".")[0]
        for path in (ROOT / "rmr_gym").rglob("*.py")
        for item in imports_of(path)
        if item.when != "typing"
    }
    third_party = imported - set(sys.stdlib_module_names) - {"rmr_gym"}
    assert "numpy" in third_party
    assert third_party - set(OPTIONAL) <= declared
