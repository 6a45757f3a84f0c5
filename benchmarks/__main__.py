"""The benchmark of 24 games: `python -m benchmarks run` makes results, `python -m benchmarks report` tables of them.

The exit status is 1 when an experiment failed, 2 after a mistake in the arguments, and 130 after Ctrl-C, which keeps
what is finished.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rmr_gym.program import exit_on_sigterm, run_program

PROGRAM = "python -m benchmarks"

SUMMARIES = {
    "run": "run the experiments of a table or figure that are not there yet",
    "report": "make tables, figures and a page from results",
    "measure": "measure what experiments cost on this machine, for `run --dry-run`",
    "estimate": "estimate what they would cost on a GPU that is not at hand, for the same",
}
"""One line for each subcommand. They are imported when they are called: workers import this module, too."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments: what follows the name of the module; those of the process by default.

    Returns:
        Exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if arguments is None:
        exit_on_sigterm()

    def work() -> int:  # reading the words is part of it: the reader of --help may leave as well
        return _execute(_parser().parse_args(words[:1]).command, words[1:])

    return run_program(" ".join([PROGRAM, *words[:1]]), work)


def _execute(name: str, arguments: Sequence[str]) -> int:
    if name == "run":
        from benchmarks.commands.run import parse_run

        return parse_run(arguments).run()
    if name == "measure":
        from benchmarks.commands.measure import parse_measure

        return parse_measure(arguments).run()
    if name == "estimate":
        from benchmarks.commands.estimate import parse_estimate

        return parse_estimate(arguments).run()
    from benchmarks.commands.report import parse_report

    return parse_report(arguments).run()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="The benchmark of 24 games. Each command has its own --help.",
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in SUMMARIES.items():
        commands.add_parser(name, help=summary, add_help=False)
    return parser


if __name__ == "__main__":
    sys.exit(main())
