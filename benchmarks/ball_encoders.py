"""Can an agent see where the balls are? Linear read-outs of the encoders of a run on bouncing balls, and their cost.

Positions and velocities of all balls are read off the frozen slots by ridge regression on the training videos of the
run, and scored on its held-out videos and on the world in which ball 0 is pushed at random, without fitting again.
Beside the trained encoders stand untrained ones, with the initial weights of each seed; they are written into the
folder of the run as a further arm, `untrained`, for comparisons of agents.

    python -m benchmarks.ball_encoders --run runs/balls-control --out benchmarks/results/balls_control_readouts.json
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import torch
from jaxtyping import Float, UInt8

from benchmarks.measurement import run_measurement
from rmr_gym.data import TransitionDataset
from rmr_gym.envs.balls_config import BallsConfig
from rmr_gym.errors import explain
from rmr_gym.models import VideoEncoder, fingerprint, load_any_encoder, load_processor, save_video_model
from rmr_gym.pipeline.balls import BallsRunConfig
from rmr_gym.pipeline.balls.config import HISTORY
from rmr_gym.pipeline.balls.run import model_folder
from rmr_gym.pipeline.balls.stages import open_balls
from rmr_gym.pipeline.config_json import from_json, read_json
from rmr_gym.pipeline.machine import hardware, versions
from rmr_gym.pipeline.pinning import CONFIG_FILE
from rmr_gym.seeding import derive, numpy_generator, torch_generator
from rmr_gym.training.videos import build_video_model

UNTRAINED = "untrained"
_RIDGE = 1e-5  # of the number of windows, on standardised features
_PUSH_SHARE = 0.3  # of the frames in which a new action is drawn; the others repeat the last
_COST_BATCH, _COST_REPEATS = 8, 40


@dataclass(frozen=True, kw_only=True, slots=True)
class BallEncodersConfig:
    """Settings of the read-outs."""

    run: Path
    """Folder of `rmr-gym balls run`."""

    out: Path | None = None
    """JSON file for the result; None prints it only."""

    num_windows: int = 3_000
    """Windows to fit on; a third of it is scored."""

    num_episodes: int = 50
    """Episodes of 100 steps of the world with pushes, of which every third window is scored."""

    push_speed: float = 0.1
    """Speed that a push adds in that world, in metres per second. ours: the default of `rmr/BouncingBallsPush-v0`."""

    seed: int = 0
    """Seed of the windows, the starts and the pushes."""

    def __post_init__(self) -> None:
        """Refuse numbers that are too small to fit on."""
        if self.num_windows < 3 or self.num_episodes < 1:
            expected = "num_windows >= 3 and num_episodes >= 1"
            raise ValueError(explain(expected=expected, got=self, fix="Leave them at their defaults."))
        if not (math.isfinite(self.push_speed) and self.push_speed > 0):
            fix = "Pass push_speed=0.1."
            raise ValueError(explain(expected="a finite push_speed above 0", got=self.push_speed, fix=fix))


class Windows(NamedTuple):
    """Pictures and what is to be read off them."""

    pixels: UInt8[np.ndarray, "window history channel height width"]
    targets: Float[np.ndarray, "window ball 4"]
    """Position in metres and displacement of the last frame in metres."""


def run(config: BallEncodersConfig) -> dict[str, Any]:
    """Score all encoders of a run, print a line for each, and return the result as JSON values."""
    document = read_json(config.run / CONFIG_FILE)
    chain = from_json(BallsRunConfig, document)
    write_untrained(chain, config.run)
    videos = config.run / "videos"
    train = _recorded(open_balls(videos, "train", chain.data), config.num_windows, config.seed)
    held_out = _recorded(open_balls(videos, "validation", chain.data), config.num_windows // 3, config.seed)
    pushed = push_windows(chain.world, config.num_episodes, config.seed, push_speed=config.push_speed)
    found: dict[str, dict[str, Any]] = {}
    for arm in (*chain.arms, UNTRAINED):
        for seed in chain.seeds:
            encoder = load_any_encoder(model_folder(config.run, arm, seed))
            assert isinstance(encoder, VideoEncoder)
            scores = score(encoder, train, {"held_out": held_out, "pushed": pushed})
            found.setdefault(arm, {})[str(seed)] = scores
            print(line(f"{arm}, seed {seed}", scores["pushed"]), flush=True)
    return {
        "command": "python -m benchmarks.ball_encoders --run RUN",
        "config": asdict(config) | {"run": None, "out": None},
        "run": document,
        "num_windows": {"held_out": len(held_out.pixels), "pushed": len(pushed.pixels)},
        "arms": found,
        "milliseconds_per_window": milliseconds(chain, pushed),
        "hardware": hardware(),
        "versions": versions(),
    }


def write_untrained(chain: BallsRunConfig, folder: Path) -> None:
    """Write the models that the arms of each seed started as, with the processor of the pre-trained arm."""
    processor = load_processor(folder / "processor")
    for seed in chain.seeds:
        model = build_video_model("rmr", chain.natural, processor, num_balls=chain.world.num_balls, seed=seed)
        facts = {"world": "bouncing_balls", "arm": UNTRAINED, "seed": seed}
        save_video_model(model.eval(), model_folder(folder, UNTRAINED, seed), **facts)


def push_windows(world: BallsConfig, num_episodes: int, seed: int, *, push_speed: float) -> Windows:
    """Record windows of the world in which ball 0 is pushed, under pushes that last about three frames."""
    env = gym.make("rmr_gym:rmr/BouncingBallsPush-v0", **asdict(world), push_speed=push_speed)
    env.action_space.seed(derive(seed, "actions"))
    draws = numpy_generator(seed, "pushes")
    pixels, states = [], []
    for episode in range(num_episodes):
        frames = list(_episode(env, draws, derive(seed, "episode", episode)))
        for end in range(HISTORY, len(frames) + 1, 3):
            window = frames[end - HISTORY : end]
            pixels.append(np.stack([frame["pixels"] for frame in window]))
            states.append(np.stack([frame["state"] for frame in window]))
    env.close()
    return Windows(np.stack(pixels).transpose(0, 1, 4, 2, 3), _targets(np.stack(states)))


def score(encoder: VideoEncoder, train: Windows, tests: dict[str, Windows]) -> dict[str, Any]:
    """Fit a read-out on recorded windows and score it on others.

    Returns:
        For each set `position_r2` and `velocity_r2` by ball, and the root mean squared error of the position of ball 0
        in metres; the fingerprint of the encoder.
    """
    features = _features(encoder, train.pixels)
    mean, std = features.mean(0), features.std(0) + 1e-8
    design, targets = (features - mean) / std, train.targets.reshape(len(features), -1)
    penalty = _RIDGE * len(design) * np.eye(design.shape[1])
    weights = np.linalg.solve(design.T @ design + penalty, design.T @ (targets - targets.mean(0)))
    result: dict[str, Any] = {"fingerprint": fingerprint(encoder)}
    for name, test in tests.items():
        read = ((_features(encoder, test.pixels) - mean) / std) @ weights + targets.mean(0)
        missed = np.square(read.reshape(test.targets.shape) - test.targets)
        varies = np.square(test.targets - test.targets.mean(0))
        # The last axis holds x and y of the position, then of the displacement.
        lost, all_of_it = (squares.reshape(*squares.shape[:2], 2, 2).sum((0, 3)) for squares in (missed, varies))
        explained = 1 - lost / all_of_it
        result[name] = {
            "position_r2": [round(float(value), 5) for value in explained[:, 0]],
            "velocity_r2": [round(float(value), 5) for value in explained[:, 1]],
            "ball_0_error_metres": round(float(np.sqrt(missed[:, 0, :2].sum(-1).mean())), 5),
        }
    return result


def milliseconds(chain: BallsRunConfig, windows: Windows) -> dict[str, float]:
    """Return what encoding a window takes, and a forward and backward pass of the decoder; batches of 8, one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    encoder = chain.natural.encoder.build().eval()
    decoder = chain.natural.decoder.build(chain.abstract.processor.slot_dim)
    pixels = torch.from_numpy(windows.pixels[:_COST_BATCH])
    noise = encoder.noise(len(pixels), torch_generator(0, "cost"))
    with torch.no_grad():
        slots = encoder(pixels, noise)
        encoding = _median(lambda: encoder(pixels, noise))
    decoding = _median(lambda: decoder(slots).image.square().mean().backward())
    torch.set_num_threads(threads)
    times = {"encode": encoding, "decode_and_back": decoding}
    return {name: round(1e3 * seconds / len(pixels), 3) for name, seconds in times.items()}


def line(name: str, scores: dict[str, Any]) -> str:
    """Format the scores in the pushed world for the terminal."""
    return (
        f"{name:24} position R² {min(scores['position_r2']):.4f}  velocity R² {min(scores['velocity_r2']):.3f}"
        f"  (worst ball)  ball 0 missed by {1e3 * scores['ball_0_error_metres']:.1f} mm"
    )


def _episode(env: gym.Env[Any, Any], draws: np.random.Generator, seed: int) -> Iterator[dict[str, np.ndarray]]:
    observation, _ = env.reset(seed=seed)
    yield observation
    action, ended = 0, False
    while not ended:
        if draws.random() < _PUSH_SHARE:
            action = int(env.action_space.sample())
        observation, _, terminated, truncated, _ = env.step(action)
        ended = terminated or truncated
        yield observation


def _recorded(dataset: TransitionDataset, count: int, seed: int) -> Windows:
    rows = dataset.windows(numpy_generator(seed, "windows").permutation(dataset.num_windows)[:count])
    assert rows.pixels is not None
    return Windows(rows.pixels, _targets(rows.state))


def _targets(states: Float[np.ndarray, "window history ball 2"]) -> Float[np.ndarray, "window ball 4"]:
    states = states.astype(np.float64)
    return np.concatenate([states[:, -1], states[:, -1] - states[:, -2]], axis=-1)


@torch.no_grad()
def _features(encoder: VideoEncoder, pixels: UInt8[np.ndarray, ...]) -> Float[np.ndarray, "window feature"]:
    noise = encoder.noise(1, torch_generator(0, "read-out"))
    parts = torch.split(torch.from_numpy(pixels), 50)
    slots = [encoder(part, noise.expand(len(part), -1, -1)).flatten(1) for part in parts]
    return torch.cat(slots).double().numpy()


def _median(function: Any) -> float:
    for _ in range(5):
        function()
    times = []
    for _ in range(_COST_REPEATS):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


if __name__ == "__main__":
    sys.exit(run_measurement("benchmarks.ball_encoders", BallEncodersConfig, run, __doc__))
