"""Let trained agents play: `python -m agents.evaluate --help` tells the rest."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from rmr_gym.errors import explain
from rmr_gym.program import run_program
from rmr_gym.sb3.training import checkpoints, evaluate_agent, read_config
from rmr_gym.sb3.training.run_folder import find_checkpoint


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluate:
    """Let trained agents play whole episodes, and print what they got.

    Returns are points of whole games, not clipped, or the sum of rewards of an episode of balls. Episodes of games are
    cut off as in the evaluations of the training.

    Example: python -m agents.evaluate runs/agents/pong-ppo-encoder-seed-0 --episodes 20
    """

    folders: tyro.conf.Positional[tuple[Path, ...]]
    """Folders of `python -m agents.train`."""

    episodes: int = 20
    """Episodes to play with each agent."""

    all_checkpoints: bool = False
    """Every checkpoint, not the last alone."""

    deterministic: bool | None = None
    """Take the likeliest action; without it as in the evaluations of the training."""

    seed: int = 0
    """Seed of the episodes; none of them occurred in training."""

    json: Path | None = None
    """File for all returns and lengths; its folder is made."""

    device: str = "cpu"
    """cpu, cuda or cuda:<index>."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script and return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    options: Evaluate = tyro.cli(Evaluate, args=list(words), prog="python -m agents.evaluate")
    return run_program("agents.evaluate", lambda: _work(options, Console()))


def _work(options: Evaluate, console: Console) -> None:
    if not options.folders or options.episodes < 1:
        fix = "Pass the folder that `python -m agents.train` printed."
        raise ValueError(explain(expected="folders of agents, and episodes", got=options.folders, fix=fix))
    agents = _agents(options)
    if options.json is not None:
        _make_room(options.json)
    table = Table("agent", "task", "steps", "mean return", "std", "median", "mean length", box=None)
    records: list[dict[str, Any]] = []
    for folder, task, steps in agents:
        played = evaluate_agent(
            folder,
            num_episodes=options.episodes,
            env_steps=steps,
            seed=options.seed,
            deterministic=options.deterministic,
            device=options.device,
        )
        records.append({"folder": str(folder), "task": task, **played})
        returns = np.array(played["returns"])
        table.add_row(
            folder.name,
            task,
            f"{steps:,}",
            f"{returns.mean():.2f}",
            f"{returns.std():.2f}",
            f"{np.median(returns):.2f}",
            f"{np.mean(played['lengths']):.0f}",
        )
    console.print(table)
    if options.json is not None:
        options.json.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")


def _agents(options: Evaluate) -> list[tuple[Path, str, int]]:
    """List folder, task and environment steps of the checkpoints that are to play; each folder has at least one."""
    found = []
    for folder in options.folders:
        task, (last, _) = read_config(folder).task, find_checkpoint(folder)
        found += [(folder, task, steps) for steps in (checkpoints(folder) if options.all_checkpoints else [last])]
    return found


def _make_room(file: Path) -> None:
    """Make the folder of a file that is written at the end, or refuse its name, before anything is played."""
    if file.is_dir():
        raise ValueError(explain(expected="a file for --json", got=f"the folder {file}", fix="Name a file in it."))
    file.parent.mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    sys.exit(main())
