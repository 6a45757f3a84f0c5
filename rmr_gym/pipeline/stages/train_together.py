"""Third step for many encoders at once: all arms and seeds as one ensemble, each with a folder of its own."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from rmr_gym.models import save_encoder
from rmr_gym.models.processors import ProcessorConfig
from rmr_gym.pipeline.datasets import DataPath, game_of, open_dataset
from rmr_gym.pipeline.machine import check_device
from rmr_gym.pipeline.progress import Reporter, spent
from rmr_gym.pipeline.stage import LOG_FILE, STATE_FOLDER, Stage, Stopwatch, exclusive
from rmr_gym.pipeline.stages.train import finish_training, open_processor, training_inputs
from rmr_gym.training import JsonlSink, Member, NaturalConfig, train_encoders
from rmr_gym.training.encoders import ENSEMBLE_FOLDER


def train_together(
    data: DataPath,
    processor: str | Path | ProcessorConfig,
    outs: Mapping[Member, Path],
    config: NaturalConfig,
    *,
    state_folder: Path,
    device: str = "cpu",
    reporter: Reporter | None = None,
) -> None:
    """Train the encoders that are not finished as one ensemble, and finish the stage of each as `train` would.

    Args:
        data: folder of episodes, or several that open as one.
        processor: folder of the pre-trained processor; for arms that take only its shape its config is enough.
        outs: folder of each encoder.
        config: model, objective and optimisation, the same for all.
        state_folder: where to keep the states to resume from while it lasts.
        device: where to train.
        reporter: shows progress.

    Raises:
        ValueError: when a folder holds another encoder, data set and processor do not fit, or an arm needs more of the
            processor than its config.
    """
    reporter = reporter or Reporter()
    check_device(device)
    dataset = open_dataset(data, "train", config.encoder.size)
    pretrained = open_processor(processor, [member.arm for member in outs], num_slots=dataset.ram.shape[1])
    described = processor if isinstance(processor, ProcessorConfig) else pretrained
    with ExitStack() as locks:
        folders = {member: locks.enter_context(exclusive(out)) for member, out in outs.items()}
        stages = {
            member: Stage(folder, training_inputs(dataset, described, member.arm, config, member.seed))
            for member, folder in folders.items()
        }
        members = [member for member, stage in stages.items() if not stage.finished]
        if not members:
            return
        stopwatch = Stopwatch()
        with reporter.task(f"Training {len(members)} encoders together") as progress:
            models = train_encoders(
                members,
                dataset,
                config,
                pretrained,
                device=device,
                sinks={member: JsonlSink(folders[member] / LOG_FILE) for member in members},
                on_step=progress,
                # What was begun around another processor, or with other data or settings, is not found there.
                state_folder=state_folder / ENSEMBLE_FOLDER / _digest([stages[member].inputs for member in members]),
                keep_state=True,  # until all encoders are written
            )
        # All encoders first: with less than all of them left, a later call could not go on with the states.
        for member, model in models.items():
            save_encoder(model.encoder, folders[member], game=game_of(dataset), arm=member.arm, seed=member.seed)
        for member, model in models.items():
            finish_training(
                stages[member], folders[member], model, arm=member.arm, seed=member.seed, shared_by=len(members)
            )
            # Left by a training of this encoder alone that was interrupted.
            shutil.rmtree(folders[member] / STATE_FOLDER, ignore_errors=True)
        shutil.rmtree(state_folder / ENSEMBLE_FOLDER, ignore_errors=True)
    reporter.line(f"Trained {len(members)} encoders together{spent({'timing': stopwatch.read()})}")


def _digest(inputs: object) -> str:
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:16]
