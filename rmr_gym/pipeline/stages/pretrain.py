"""Second step: pre-train a processor on RAM."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from rmr_gym.evaluation.abstract import score_abstract, score_copy
from rmr_gym.evaluation.metrics import check_entropy_threshold, kept_slots
from rmr_gym.models import fingerprint, save_abstract_model
from rmr_gym.pipeline.config_json import to_key_json
from rmr_gym.pipeline.datasets import DataPath, game_of, open_dataset
from rmr_gym.pipeline.machine import check_device
from rmr_gym.pipeline.progress import Reporter, spent
from rmr_gym.pipeline.stage import LOG_FILE, STATE_FOLDER, JsonObject, Stage, exclusive
from rmr_gym.training import AbstractConfig, JsonlSink, check_batch_size, predict_ram, train_processor


def pretrain(
    data: DataPath,
    out: str | Path,
    config: AbstractConfig,
    *,
    entropy_threshold: float = 0.6,
    seed: int = 0,
    device: str = "cpu",
    reporter: Reporter | None = None,
) -> JsonObject:
    """Pre-train a processor on RAM and score it on the validation episodes, beside the copy baseline.

    Args:
        data: folder of episodes, or several that open as one.
        out: folder of the processor; the encoder and the decoder of RAM that it was trained between go into it, too.
        config: processor, objective and optimisation.
        entropy_threshold: bytes of RAM with more entropy than this, in nats, are scored.
        seed: seed of the weights and the batches.
        device: where to train.
        reporter: shows progress.

    Returns:
        The scored bytes, scores of `copy` and of the `processor`, and its fingerprint.

    Raises:
        ValueError: when the folder holds another processor, the data set does not fit, or no byte has enough entropy.
    """
    reporter = reporter or Reporter()
    check_device(device)
    check_entropy_threshold(entropy_threshold)
    dataset, held_out = open_dataset(data, "train"), open_dataset(data, "validation")
    check_batch_size(len(dataset), config.loop.batch_size)
    inputs = {
        "data": [dataset.fingerprint, held_out.fingerprint],
        "config": to_key_json(config),
        "entropy_threshold": entropy_threshold,
        "seed": seed,
    }
    with exclusive(out) as folder:
        stage = Stage(folder, inputs)
        if stage.finished:
            return stage.result
        ram, action, next_ram = held_out.ram_transitions()
        kept = kept_slots(held_out.ram, entropy_threshold)
        copied = score_copy(ram, next_ram, kept)  # refuses RAM that hardly varies, before anything is trained on it
        with reporter.task("Pre-training the processor on RAM") as progress:
            model = train_processor(
                dataset,
                config,
                seed=seed,
                device=device,
                sink=JsonlSink(folder / LOG_FILE),
                on_step=progress,
                state_folder=folder / STATE_FOLDER,
                keep_state=True,  # until it is scored, which takes minutes for 48 episodes on a CPU
            )
        save_abstract_model(model, folder, game=game_of(dataset), seed=seed)
        predicted, overwritten = predict_ram(model, ram, action)
        result = stage.finish(
            {
                "kept_slots": kept.tolist(),
                "num_transitions": len(ram),
                "copy": dataclasses.asdict(copied),
                "processor": dataclasses.asdict(score_abstract(predicted, overwritten, ram, next_ram, kept)),
                "fingerprint": fingerprint(model.processor),
            }
        )
        shutil.rmtree(folder / STATE_FOLDER, ignore_errors=True)
    accuracy = (
        f"slot accuracy {result['processor']['slot_accuracy']:.3f}, copying {result['copy']['slot_accuracy']:.3f}"
    )
    reporter.line(f"Pre-trained the processor: {accuracy}{spent(result)}")
    return result
