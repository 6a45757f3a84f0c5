"""Third step: train the encoder of one arm on pixels."""

from __future__ import annotations

from pathlib import Path

from rmr_gym.data import TransitionDataset
from rmr_gym.models import NaturalModel, Processor, fingerprint, load_processor, save_encoder
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.datasets import game_of, open_dataset
from rmr_gym.pipeline.machine import check_device
from rmr_gym.pipeline.progress import Reporter, spent
from rmr_gym.pipeline.stage import LOG_FILE, STATE_FOLDER, JsonObject, Stage, exclusive
from rmr_gym.training import ARMS, JsonlSink, NaturalConfig, read_records, train_encoder


def train(
    data: str | Path,
    processor: str | Path,
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
        data: folder of episodes.
        processor: folder of the pre-trained processor.
        out: folder of the encoder.
        arm: name in `ARMS`.
        config: model, objective and optimisation, the same for all arms.
        seed: seed of weights, batches and negatives.
        device: where to train.
        reporter: shows progress.

    Returns:
        Fingerprints of the encoder and of the processor after training, and the last record of the log.

    Raises:
        ValueError: when the folder holds another encoder, or data set and processor do not fit.
    """
    reporter = reporter or Reporter()
    check_device(device)
    dataset = open_dataset(data, "train", config.encoder.size)
    pretrained = load_processor(processor)
    inputs = training_inputs(dataset, pretrained, arm, config, seed)
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
            )
        result = finish_training(stage, folder, model, game=game_of(dataset), arm=arm, seed=seed)
    reporter.line(f"Trained {arm}, seed {seed}{spent(result)}")
    return result


def training_inputs(
    dataset: TransitionDataset, pretrained: Processor, arm: str, config: NaturalConfig, seed: int
) -> JsonObject:
    """Return what the outcome of a training depends on."""
    return {
        "data": dataset.fingerprint,
        "processor": fingerprint(pretrained),
        "arm": arm,
        "config": to_json(config),
        "seed": seed,
    }


def finish_training(
    stage: Stage, folder: Path, model: NaturalModel, *, game: str, arm: str, seed: int, shared_by: int = 1
) -> JsonObject:
    """Write the encoder and the record of a training that has reached its end.

    Args:
        stage: the record to be written.
        folder: folder of the encoder, with its log.
        model: the trained model.
        game: kept beside the weights.
        arm: name in `ARMS`.
        seed: seed of the training.
        shared_by: members of the ensemble that it was a part of.
    """
    after = fingerprint(model.processor)
    if ARMS[arm].processor == "pretrained" and ARMS[arm].frozen:
        assert after == stage.inputs["processor"], "training has changed a frozen processor"
    save_encoder(model.encoder, folder, game=game, arm=arm, seed=seed)
    records = read_records(folder / LOG_FILE)
    result = {
        "arm": arm,
        "seed": seed,
        "fingerprint": fingerprint(model.encoder),
        "processor_fingerprint": after,
        "last_record": records[-1] if records else {},
    }
    return stage.finish(result, shared_by=shared_by)
