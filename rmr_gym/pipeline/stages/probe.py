"""Fourth step: read the RAM off a frozen encoder."""

from __future__ import annotations

from pathlib import Path

from rmr_gym.models import fingerprint
from rmr_gym.pipeline.config import ProbingConfig
from rmr_gym.pipeline.config_json import to_json
from rmr_gym.pipeline.datasets import DataPath, game_of, open_dataset
from rmr_gym.pipeline.machine import check_device
from rmr_gym.pipeline.probed import PROBE_FILE, open_probed
from rmr_gym.pipeline.probing import probe_encoder
from rmr_gym.pipeline.progress import Reporter, spent
from rmr_gym.pipeline.stage import JsonObject, Stage, exclusive
from rmr_gym.sb3.agent_features import AgentReadingConfig


def probe(
    data: DataPath,
    encoder: str | Path,
    out: str | Path | None,
    config: ProbingConfig,
    *,
    agent: AgentReadingConfig | None = None,
    seed: int = 0,
    device: str = "cpu",
    reporter: Reporter | None = None,
) -> JsonObject:
    """Read the RAM off a frozen encoder.

    Args:
        data: folder of episodes, or several that open as one.
        encoder: folder of the encoder, or `sb3:` and the file of a trained agent of Stable-Baselines3 or the folder of
            its training.
        out: folder of probe.json; None is that of the encoder. Beside an agent's file the record is called
            `<name of the file>.probe.json`.
        config: frames and readouts.
        agent: how an agent is read.
        seed: seed of the choice of frames and of the probes; encoders are to be compared under one seed.
        device: where to encode and to fit.
        reporter: shows progress.

    Returns:
        What `probe_encoder` returns, and for an agent what is known about it under `agent`.

    Raises:
        ValueError: when the folder holds the probe of something else, or the data set does not fit.
    """
    reporter = reporter or Reporter()
    check_device(device)
    probed = open_probed(encoder, agent, device=device)
    dataset, held_out = (open_dataset(data, half, probed.size, gray=probed.gray) for half in ("train", "validation"))
    inputs = {
        "data": [dataset.fingerprint, held_out.fingerprint],
        "encoder": fingerprint(probed.module),
        "config": to_json(config),
        "seed": seed,
    } | probed.facts
    record = probed.record if out is None else Path(out, PROBE_FILE)
    with exclusive(record.parent) as folder:
        stage = Stage(folder, inputs, result_name=record.name, work=())  # a probe keeps nothing
        if probed.game not in (None, game := game_of(dataset)):
            reporter.line(f"Note that {encoder} was trained on {probed.game} and is probed on {game}.")
        if stage.finished:
            return stage.result
        with reporter.task(f"Probing {encoder}") as progress:
            scores = probe_encoder(
                probed.module, dataset, held_out, config, seed=seed, device=device, on_progress=progress
            )
        result = stage.finish(scores)
    headline = ", ".join(f"{name} {row['bit_f1']['weighted']:.3f}" for name, row in result["readouts"].items())
    reporter.line(f"Probed {encoder}: {headline}{spent(result)}")
    return result
