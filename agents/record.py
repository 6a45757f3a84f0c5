"""Film an agent: `python -m agents.record --help` tells the rest."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro
from jaxtyping import UInt8
from rich.console import Console as Terminal

from agents.balls_panel import film_balls
from agents.film import check_name, write_film
from agents.ram_panel import RamPanel
from agents.ram_reading import RamReading, fit_reading
from rmr_gym.envs.console import Console, ConsoleConfig
from rmr_gym.errors import explain
from rmr_gym.program import run_program
from rmr_gym.sb3 import AgentPlayer
from rmr_gym.sb3.training import read_config
from rmr_gym.sb3.training.run_folder import MODEL_FILE, find_checkpoint
from rmr_gym.seeding import derive

_CONSOLE_RATE = 60
"""Emulated frames per second of play."""

Frame = UInt8[np.ndarray, "height width 3"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """Film an agent as it plays, with the memory of the console beside the picture.

    With a data set of the game a probe is fitted on it, and the video also shows what it reads off the pictures through
    the encoder of the agent, or through the agent itself where it has none.

    Example: python -m agents.record runs/agents/pong-ppo-encoder-seed-0 --data runs/demo/data --out pong.mp4
    """

    folder: tyro.conf.Positional[Path]
    """Folder of `python -m agents.train`."""

    out: Path
    """The video, .mp4 or, without further packages, .gif."""

    data: Path | None = None
    """Data set of a game to fit the probe on, as `rmr-gym collect` and `rmr-gym run` (its folder data) write it."""

    seconds: float = 20.0
    """Longest time of play in the video."""

    checkpoint: int | None = None
    """Environment steps of the checkpoint; without it the last."""

    epsilon: float = 0.01
    """Probability of a random action in games, some of which wait for FIRE after a lost life."""

    speed: float = 1.0
    """1 is the speed at which the console plays; balls move at ten frames per second."""

    seed: int = 0
    """Seed of the episode."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script and return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    options: Record = tyro.cli(Record, args=list(words), prog="python -m agents.record")
    return run_program("agents.record", lambda: _work(options, Terminal()))


def _work(options: Record, terminal: Terminal) -> None:
    config = read_config(options.folder)
    steps, checkpoint = find_checkpoint(options.folder, options.checkpoint)
    if options.seconds <= 0 or options.speed <= 0:
        got = f"--seconds {options.seconds} --speed {options.speed}"
        raise ValueError(explain(expected="positive seconds and speed", got=got, fix="Leave them out."))
    check_name(options.out)
    if not config.where.is_game:
        if options.data is not None:
            got, fix = f"{options.data} for {config.task}", "Leave it out: positions are drawn as they are."
            raise ValueError(explain(expected="--data for a game", got=got, fix=fix))
        rate = 1 / config.world.frame_seconds
        num_steps = max(1, round(options.seconds * rate))
        frames = film_balls(options.folder, steps, num_steps=num_steps, seed=options.seed)
        write_film(options.out, frames, frames_per_second=rate * options.speed)
        terminal.print(f"Wrote {options.out}", highlight=False, soft_wrap=True)
        return
    rate = _CONSOLE_RATE / config.game.frame_skip
    reading = None
    if options.data is not None:
        reading = fit_reading(options.folder, options.data, seed=options.seed, checkpoint=checkpoint)
    player = AgentPlayer(checkpoint / MODEL_FILE, config, folder=options.folder, epsilon=options.epsilon)
    episode = play(player, num_steps=round(options.seconds * rate), seed=options.seed)
    write_film(options.out, draw(episode, reading), frames_per_second=rate * options.speed)
    if config.game.sticky:
        remark = f"The agent was trained with sticky actions ({config.game.sticky:g}); the film has none."
        terminal.print(remark, highlight=False, soft_wrap=True)
    points = f"{episode.points[-1]:g} points in {len(episode.frames)} steps"
    terminal.print(f"Wrote {options.out}: {points}", highlight=False, soft_wrap=True)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Episode:
    """What was played: a row for each step, the first being the start."""

    frames: list[Frame]
    """Pictures of the console."""

    ram: list[UInt8[np.ndarray, " slot"]]
    """The memory behind them."""

    points: list[float]
    """Points so far."""


def play(player: AgentPlayer, *, num_steps: int, seed: int) -> Episode:
    """Let an agent play at the console, as for a data set, until the game is over or the steps are done."""
    game = player.config.game
    console = Console(ConsoleConfig(game=player.config.task, frame_skip=game.frame_skip, max_pool=game.max_pool))
    player.start_episode(console.legal_actions, derive(seed, "player"))
    pair = console.reset(derive(seed, "episode"))
    episode = Episode(frames=[console.palette[pair.screen]], ram=[pair.ram], points=[0.0])
    for _ in range(num_steps):
        action = player.act({"pixels": episode.frames[-1], "ram": pair.ram})
        pair, reward, ended = console.step(action)
        episode.frames.append(console.palette[pair.screen])
        episode.ram.append(pair.ram)
        episode.points.append(episode.points[-1] + reward)
        if ended:
            break
    return episode


def draw(episode: Episode, reading: RamReading | None) -> Iterator[Frame]:
    """Draw the frames of the video."""
    panel = RamPanel() if reading is None else RamPanel(reading.slots.tolist(), reading.source)
    predicted = None if reading is None else reading.read(episode.frames)
    for row, frame in enumerate(episode.frames):
        yield panel.draw(
            frame,
            episode.ram[row],
            episode.ram[row - 1] if row else None,
            None if predicted is None else predicted[row],
            caption=f"step {row}, points {episode.points[row]:g}",
        )


if __name__ == "__main__":
    sys.exit(main())
