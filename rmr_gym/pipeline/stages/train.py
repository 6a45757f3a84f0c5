"""Third step: train the encoder of one arm on pixels."""

from __future__ import annotations

from pathlib import Path

from rmr_gym.models import fingerprint, load_processor, save_encoder
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
    inputs = {
        "data": dataset.fingerprint,
        "processor": fingerprint(pretrained),
        "arm": arm,
        "config": to_json(config),
        "seed": seed,
    }
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
        after = fingerprint(model.processor)
        if ARMS[arm].processor == "pretrained" and ARMS[arm].frozen:
            assert after == inputs["processor"], "training has changed a frozen processor"
        save_encoder(model.encoder, folder, game=game_of(dataset), arm=arm, seed=seed)
        records = read_records(folder / LOG_FILE)
        result = stage.finish(
            {
                "arm": arm,
                "seed": seed,
                "fingerprint": fingerprint(model.encoder),
                "processor_fingerprint": after,
                "last_record": records[-1] if records else {},
            }
        )
    reporter.line(f"Trained {arm}, seed {seed}{spent(result)}")
    return result
