"""`rmr-gym data`: what is done with data sets that are there, with actions of its own."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import tyro

from rmr_gym.pipeline.commands.data_annotate import Annotate
from rmr_gym.pipeline.commands.data_describe import Describe
from rmr_gym.pipeline.commands.data_exchange import Export, Import
from rmr_gym.registry import Registry

DataAction = Describe | Annotate | Export | Import

DATA_ACTIONS: Registry[type[DataAction]] = Registry(
    "action of rmr-gym data",
    ("describe", Describe),
    ("annotate", Annotate),
    ("export", Export),
    ("import", Import),
)
"""What follows `rmr-gym data`, by name."""

SUMMARIES = {
    "describe": "say and draw what is inside data sets",
    "annotate": "help to find out what the bytes of a game's RAM mean",
    "export": "write a data set in a format of others, without loss",
    "import": "take over a data set of others",
}
"""One line for each action."""


def parse_data(arguments: Sequence[str]) -> DataAction:
    """Turn what follows `rmr-gym data` into the dataclass of its action.

    Args:
        arguments: name of the action and its options.

    Raises:
        ValueError: when a setting is out of range.
        SystemExit: after `--help` (status 0) and on actions or options that do not exist (status 2).
    """
    parser = argparse.ArgumentParser(prog="rmr-gym data", description="Data sets of recorded play.")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name in DATA_ACTIONS:
        actions.add_parser(name, help=SUMMARIES[name], add_help=False)
    chosen = parser.parse_args(list(arguments[:1])).action
    return tyro.cli(
        DATA_ACTIONS[chosen],
        args=list(arguments[1:]),
        prog=f"rmr-gym data {chosen}",
        config=(tyro.conf.AvoidSubcommands,),
    )
