"""Reading the RAM off what an agent sees, frame by frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from rmr_gym.envs.frames import resize_frame, to_gray
from rmr_gym.errors import explain
from rmr_gym.evaluation.encoding import encode_frames
from rmr_gym.evaluation.metrics import kept_slots
from rmr_gym.evaluation.probes import RegularisedProbeConfig
from rmr_gym.evaluation.readouts import READOUTS, FittedReadout, LabelledFeatures, fit_readout
from rmr_gym.models import Encoder, load_encoder
from rmr_gym.pipeline.datasets import game_of, open_dataset
from rmr_gym.pipeline.probed import frames_for, open_probed
from rmr_gym.sb3.agent_features import AgentFeatures
from rmr_gym.sb3.training import EncoderFeatures, read_config
from rmr_gym.sb3.training.networks import encoder_folder
from rmr_gym.sb3.training.run_folder import MODEL_FILE, find_checkpoint
from rmr_gym.seeding import numpy_generator

_NUM_FRAMES = 3_000
"""Frames of training episodes that a probe is fitted on."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RamReading:
    """A probe on the features of an encoder, or of an agent."""

    module: Encoder | AgentFeatures
    """What makes the features."""

    source: str
    """What it is called."""

    slots: Int[np.ndarray, " read"]
    """Addresses of the bytes that it reads."""

    readout: FittedReadout
    """The probe."""

    size: tuple[int, int]
    """Height and width of the pictures."""

    def read(self, frames: list[UInt8[np.ndarray, "height width 3"]]) -> UInt8[np.ndarray, "frame read"]:
        """Read the bytes off the consecutive frames of an episode, from its first one on."""
        pictures = np.stack([resize_frame(to_gray(frame), self.size)[None] for frame in frames])
        if isinstance(self.module, AgentFeatures):
            pictures = _stacks(pictures, self.module)
        bits = self.readout.predict(encode_frames(self.module, pictures, dtype=np.float32))
        return np.packbits(bits.reshape(len(frames), -1, 8), axis=-1).squeeze(-1)


def fit_reading(folder: str | Path, data: str | Path, *, seed: int, checkpoint: Path | None = None) -> RamReading:
    """Fit a probe on recorded frames.

    Of an agent on a frozen encoder the encoder is read, from single pictures; of any other one what its features
    extractor makes of its frame stack.

    Args:
        folder: of the training of an agent.
        data: folder of episodes, as `rmr-gym collect` wrote it.
        seed: seed of the choice of frames.
        checkpoint: folder of the state of the agent that is read; None takes the last.

    Raises:
        ValueError: when there is no agent, the data are of another game, or the agent does not look at pictures.
    """
    config = read_config(folder)
    module: Encoder | AgentFeatures
    if isinstance(config.features, EncoderFeatures):
        module, source, size, gray = load_encoder(encoder_folder(Path(folder))), "the encoder", config.game.size, True
    else:
        checkpoint = find_checkpoint(folder)[1] if checkpoint is None else checkpoint
        probed = open_probed(f"sb3:{checkpoint / MODEL_FILE}")
        module, source, size, gray = probed.module, "the agent", probed.size, probed.gray
    dataset = open_dataset(data, "train", size, gray=gray)
    if game_of(dataset) != config.task:
        fix = f"Record one: rmr-gym collect {config.task} --out FOLDER."
        raise ValueError(explain(expected=f"a data set of {config.task}", got=game_of(dataset), fix=fix))
    slots = kept_slots(dataset.ram)
    rows = np.sort(numpy_generator(seed, "ram reading").permutation(dataset.num_frames)[:_NUM_FRAMES])
    labels = dataset.frames(rows, pixels=False)
    features = LabelledFeatures(
        features=encode_frames(module, frames_for(module, dataset), rows, dtype=np.float32),
        ram=labels.ram,
        episodes=labels.episode,
    )
    readout = fit_readout(features, slots, READOUTS["full"], RegularisedProbeConfig(), seed=seed)
    return RamReading(module=module, source=source, slots=slots, readout=readout, size=size)


def _stacks(
    pictures: UInt8[np.ndarray, "frame channel height width"], module: AgentFeatures
) -> UInt8[np.ndarray, "frame stack channel height width"]:
    """Put before each picture those that came before, as the agent sees them."""
    count = module.pictures.num_frames
    first = np.zeros_like(pictures[:1]) if module.config.padding == "zero" else pictures[:1]
    padded = np.concatenate([np.repeat(first, count - 1, axis=0), pictures])
    return np.stack([padded[start : start + len(pictures)] for start in range(count)], axis=1)
