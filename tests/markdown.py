"""What the pages of the repository promise: code blocks, shell commands, links, paths and names."""

from __future__ import annotations

import re
import shlex
import textwrap
from dataclasses import dataclass

SHELLS = frozenset({"bash", "console", "sh", "shell"})
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=indent)```\s*$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"""\]\(<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)|(?:src|href)=["']([^"']+)["']""", re.MULTILINE)
_PATH = re.compile(r"`((?:rmr_gym|agents|benchmarks|docs|examples|tests|\.ci)/[\w./*-]*)(?:::(\w+))?`")
_NAME = re.compile(r"`(rmr_gym(?:\.\w+)+)(?:\([^`]*\))?`")


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block of code: its language, its text without the indent of the fence, and the line of its fence."""

    language: str
    code: str
    line: int


def blocks(text: str) -> list[Block]:
    """List the fenced blocks of a page."""
    return [
        Block(
            language=match["language"],
            code=textwrap.dedent(match["code"]),
            line=text.count("\n", 0, match.start()) + 1,
        )
        for match in _FENCE.finditer(text)
    ]


def prose(text: str) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", text)


def links(text: str) -> list[str]:
    """List the targets of links and pictures that lie in the repository."""
    targets = (next(group for group in match.groups() if group) for match in _LINK.finditer(prose(text)))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings of a page, made the way GitHub makes them."""
    headings = re.findall(r"^#+ +(.+?) *$", prose(text), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def paths(text: str) -> list[tuple[str, str]]:
    """List the paths in backticks, each with the name behind `::` or an empty string."""
    return _PATH.findall(prose(text))


def names(text: str) -> list[str]:
    """List the dotted names of the package in backticks; a call counts as the name that it calls."""
    return _NAME.findall(prose(text))


def commands(block: Block) -> list[list[str]]:
    """Split a shell block into commands; in a `console` block only the lines behind `$ ` are commands."""
    text = block.code.replace("\\\n", " ")
    if block.language == "console":
        text = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
    found: list[list[str]] = []
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        command: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set(";&|"):
                found.append(command)
                command = []
            elif command or not re.match(r"[A-Z_]+=", word):
                command.append(word)
    return [command for command in found if command]
