"""Fourth step: read the RAM off a frozen encoder."""

from __future__ import annotations

from pathlib import Path

from rmr_gym.models import fingerprint, load_encoder
from rmr_gym.pipeline.config import ProbingConfig
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.datasets import open_dataset
from rmr_gym.pipeline.machine import check_device
from rmr_gym.pipeline.probing import probe_encoder
from rmr_gym.pipeline.progress import Reporter, spent
from rmr_gym.pipeline.stage import JsonObject, Stage, exclusive

PROBE_FILE = "probe.json"
"""Record of the step, in the folder of the encoder."""


def probe(
    data: str | Path,
    encoder: str | Path,
    out: str | Path | None,
    config: ProbingConfig,
    *,
    seed: int = 0,
    device: str = "cpu",
    reporter: Reporter | None = None,
) -> JsonObject:
    """Read the RAM off a frozen encoder.

    Args:
        data: folder of episodes.
        encoder: folder of the encoder.
        out: folder of probe.json; None is that of the encoder.
        config: frames and readouts.
        seed: seed of the choice of frames and of the probes; encoders are to be compared under one seed.
        device: where to encode and to fit.
        reporter: shows progress.

    Returns:
        What `probe_encoder` returns.

    Raises:
        ValueError: when the folder holds the probe of something else, or the data set does not fit.
    """
    reporter = reporter or Reporter()
    check_device(device)
    model = load_encoder(encoder, device=device)
    size = model.input_shape[1:]
    dataset, held_out = open_dataset(data, "train", size), open_dataset(data, "validation", size)
    inputs = {
        "data": [dataset.fingerprint, held_out.fingerprint],
        "encoder": fingerprint(model),
        "config": to_json(config),
        "seed": seed,
    }
    with exclusive(encoder if out is None else out) as folder:
        stage = Stage(folder, inputs, result_name=PROBE_FILE)
        if stage.finished:
            return stage.result
        with reporter.task(f"Probing {Path(encoder)}") as progress:
            scores = probe_encoder(model, dataset, held_out, config, seed=seed, device=device, on_progress=progress)
        result = stage.finish(scores)
    headline = ", ".join(f"{name} {row['bit_f1']['weighted']:.3f}" for name, row in result["readouts"].items())
    reporter.line(f"Probed {Path(encoder)}: {headline}{spent(result)}")
    return result
