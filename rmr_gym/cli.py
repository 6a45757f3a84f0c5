"""`rmr-gym`: every subcommand is one call of a public function in `rmr_gym.pipeline`."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from rmr_gym.pipeline.doctor import can_run, examine
from rmr_gym.program import FAILED, run_program

SUMMARIES = {
    "run": "the whole chain: collect, pre-train, train and probe all arms, compare them",
    "collect": "play a game and record pixels and RAM as pairs",
    "pretrain": "pre-train a processor on the RAM of a data set",
    "train": "train the encoder of one arm on the pixels of a data set",
    "probe": "read the RAM off a frozen encoder",
    "balls": "bouncing balls: positions and pictures, from the simulator to a comparison",
    "data": "data sets that are there: what is inside them",
    "doctor": "say what works on this machine, and how to mend what does not",
}
"""One line for each subcommand. Kept apart from the subcommands, whose import takes a working PyTorch."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `rmr-gym`.

    Args:
        arguments: what follows the name of the program; those of the process by default.

    Returns:
        Exit status: 0, 1 when the doctor finds that `run` cannot work or a reader of the output left, 2 after a mistake
        of the user (both also by way of `SystemExit`), 130 after Ctrl-C.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)

    def work() -> int:  # reading the words is part of it: the reader of --help may leave as well
        return _execute(_parser().parse_args(words[:1]).command, words[1:])

    return run_program(" ".join(["rmr-gym", *words[:1]]), work)


def _execute(name: str, arguments: Sequence[str]) -> int:
    console = Console()
    if name == "doctor":
        return _doctor(arguments, console)
    if name == "balls":
        from rmr_gym.pipeline.commands.balls import parse_balls

        parse_balls(arguments).execute(console)
        return 0
    if name == "data":
        from rmr_gym.pipeline.commands.data import parse_data

        parse_data(arguments).execute(console)
        return 0
    from rmr_gym.pipeline.commands import parse  # the doctor must work where this does not

    parse(name, arguments).execute(console)
    return 0


def _doctor(arguments: Sequence[str], console: Console) -> int:
    parser = argparse.ArgumentParser(prog="rmr-gym doctor", description=SUMMARIES["doctor"])
    parser.add_argument("--out", type=Path, default=Path(), help="folder for runs, whose disk is looked at")
    checks = examine(parser.parse_args(arguments).out)
    for check in checks:
        mark, style = ("ok", "green") if check.works else ("no", "red" if check.required else "yellow")
        console.print(Text.assemble((mark, style), f"  {check.name}: {check.detail}"), soft_wrap=True)
        if not check.works:
            console.print(Text(f"    to mend it: {check.mend}"), soft_wrap=True)
    ready = can_run(checks)
    console.print("`rmr-gym run` can work here." if ready else "`rmr-gym run` cannot work here yet.", highlight=False)
    return 0 if ready else FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rmr-gym",
        description="Paired pixel and RAM observations, and encoders pre-trained around a frozen processor.",
        epilog="Start with `rmr-gym doctor`, then `rmr-gym run pong --profile quick`. Each command has its own --help.",
    )
    parser.add_argument("--version", action="version", version=f"rmr-gym {importlib.metadata.version('rmr-gym')}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in SUMMARIES.items():
        commands.add_parser(name, help=summary, add_help=False)
    return parser


if __name__ == "__main__":
    sys.exit(main())
