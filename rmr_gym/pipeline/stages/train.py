"""Third step: train the encoder of one arm on pixels."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from rmr_gym.data import TransitionDataset
from rmr_gym.errors import explain
from rmr_gym.models import NaturalModel, Processor, fingerprint, load_processor, save_encoder
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.misrouted import Misrouted
from rmr_gym.models.processors import ProcessorConfig
from rmr_gym.pipeline.config_json import to_key_json
from rmr_gym.pipeline.datasets import DataPath, game_of, open_dataset
from rmr_gym.pipeline.machine import check_device
from rmr_gym.pipeline.progress import Reporter, spent
from rmr_gym.pipeline.stage import LOG_FILE, STATE_FOLDER, JsonObject, Stage, exclusive
from rmr_gym.training import ARMS, JsonlSink, NaturalConfig, check_batch_size, read_records, train_encoder


def train(
    data: DataPath,
    processor: str | Path | ProcessorConfig,
    out: str | Path,
    arm: str,
    config: NaturalConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    reporter: Reporter | None = None,
) -> JsonObject:
    """Train the encoder of one arm.

    Args:
        data: folder of episodes, or several that open as one.
        processor: folder of the pre-trained processor; for arms that take only its shape its config is enough.
        out: folder of the encoder.
        arm: name in `ARMS`.
        config: model, objective and optimisation, the same for all arms.
        seed: seed of weights, batches and negatives.
        device: where to train.
        reporter: shows progress.

    Returns:
        Fingerprints of the encoder and of the processor after training, and the last record of the log.

    Raises:
        ValueError: when the folder holds another encoder, data set and processor do not fit, or the arm needs more of
            the processor than its config.
    """
    reporter = reporter or Reporter()
    check_device(device)
    dataset = open_dataset(data, "train", config.encoder.size)
    if ARMS[arm].learns_from != "nothing":
        check_batch_size(len(dataset), config.loop_of(arm).batch_size)
    pretrained = open_processor(processor, [arm], num_slots=dataset.ram.shape[1])
    described = processor if isinstance(processor, ProcessorConfig) else pretrained
    inputs = training_inputs(dataset, described, arm, config, seed)
    with exclusive(out) as folder:
        stage = Stage(folder, inputs)
        if stage.finished:
            return stage.result
        with reporter.task(f"Training {arm}, seed {seed}") as progress:
            model = train_encoder(
                arm,
                dataset,
                config,
                pretrained,
                seed=seed,
                device=device,
                sink=JsonlSink(folder / LOG_FILE),
                on_step=progress,
                state_folder=folder / STATE_FOLDER,
                keep_state=True,  # until the encoder is written
            )
        save_encoder(model.encoder, folder, game=game_of(dataset), arm=arm, seed=seed)
        result = finish_training(stage, folder, model, arm=arm, seed=seed)
        shutil.rmtree(folder / STATE_FOLDER, ignore_errors=True)
    reporter.line(f"Trained {arm}, seed {seed}{spent(result)}")
    return result


def open_processor(processor: str | Path | ProcessorConfig, arms: Sequence[str], *, num_slots: int) -> Processor:
    """Return what goes into `train_encoder`: a pre-trained processor, or one whose weights are not looked at.

    Raises:
        ValueError: when there is only a config and an arm wants the weights.
    """
    if not isinstance(processor, ProcessorConfig):
        return load_processor(processor)
    wanting = [arm for arm in arms if ARMS[arm].processor == "pretrained"]
    if wanting:
        fix = "Pass the folder of a pre-trained processor."
        raise ValueError(explain(expected=f"weights of the processor for {', '.join(wanting)}", got="none", fix=fix))
    with initial_weights(0):
        built: Processor = processor.build(num_slots)
    return built


def training_inputs(
    dataset: TransitionDataset, pretrained: Processor | ProcessorConfig, arm: str, config: NaturalConfig, seed: int
) -> JsonObject:
    """Return what the outcome of a training depends on."""
    return {
        "data": dataset.fingerprint,
        "processor": fingerprint(pretrained) if isinstance(pretrained, Processor) else to_key_json(pretrained),
        "arm": arm,
        "config": to_key_json(config),
        "seed": seed,
    }


def finish_training(
    stage: Stage, folder: Path, model: NaturalModel, *, arm: str, seed: int, shared_by: int = 1
) -> JsonObject:
    """Write the record of a training that has reached its end, whose encoder is in its folder.

    Args:
        stage: the record to be written.
        folder: folder of the encoder, with its log.
        model: the trained model.
        arm: name in `ARMS`.
        seed: seed of the training.
        shared_by: members of the ensemble that it was a part of.
    """
    after = fingerprint(model.processor.processor if isinstance(model.processor, Misrouted) else model.processor)
    if ARMS[arm].processor == "pretrained" and ARMS[arm].frozen:
        assert after == stage.inputs["processor"], "training has changed a frozen processor"
    records = read_records(folder / LOG_FILE)
    result = {
        "arm": arm,
        "seed": seed,
        "fingerprint": fingerprint(model.encoder),
        "processor_fingerprint": after,
        "last_record": records[-1] if records else {},
    }
    return stage.finish(result, shared_by=shared_by)
