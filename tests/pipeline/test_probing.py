from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from rmr_gym.evaluation.metrics import kept_slots
from rmr_gym.models import fingerprint, load_encoder
from rmr_gym.pipeline.config import RunConfig
from rmr_gym.pipeline.datasets import open_dataset
from rmr_gym.pipeline.probing import NUM_EXAMPLES, probe_encoder, seen_before
from rmr_gym.pipeline.stage import JsonObject


def test_seen_before_compares_whole_rows() -> None:
    earlier = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    ram = np.array([[1, 2, 3], [1, 2, 6], [4, 5, 6], [3, 2, 1]], np.uint8)
    assert seen_before(ram, earlier).tolist() == [True, False, True, False]


def test_probe_encoder_reads_all_encoders_on_the_same_frames(finished: tuple[Path, JsonObject]) -> None:
    natural = finished[1]["natural"]
    assert (natural["num_train_frames"], natural["num_validation_frames"]) == (60, 30)
    assert 0 < natural["majority"]["bit_f1"]["weighted"] < 1


def test_probe_encoder_scores_every_readout_and_leaves_the_encoder_alone(
    finished: tuple[Path, JsonObject], tiny: RunConfig
) -> None:
    encoder = load_encoder(finished[0] / "encoders" / "untrained" / "seed-3")
    before = fingerprint(encoder)
    train, held_out = (open_dataset(finished[0] / "data", half, (84, 84)) for half in ("train", "validation"))
    told: list[tuple[int, int]] = []
    result = probe_encoder(
        encoder, train, held_out, tiny.probe, seed=0, on_progress=lambda done, total: told.append((done, total))
    )
    assert fingerprint(encoder) == before
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert list(result["readouts"]) == ["full", "few_labels", "low_dimensional"]
    widths = {name: row["num_features"] for name, row in result["readouts"].items()}
    assert widths == {"full": 8192, "few_labels": 8192, "low_dimensional": min(64, 60)}
    assert 1 < result["collapse"]["effective_rank"] <= 29
    assert result["kept_slots"] == kept_slots(held_out.ram, 0.3).tolist()


def test_probe_encoder_sees_what_varies_little_beside_a_large_offset(
    finished: tuple[Path, JsonObject], tiny: RunConfig
) -> None:
    """A linear probe on standardised features asks for no scale; float16 would leave nothing of these."""
    encoder, faint = (load_encoder(finished[0] / "encoders" / "untrained" / "seed-3") for _ in range(2))
    faint.register_forward_hook(lambda module, pixels, slots: 0.3 + 1e-2 * slots)
    train, held_out = (open_dataset(finished[0] / "data", half, (84, 84)) for half in ("train", "validation"))
    seen, seen_faintly = (probe_encoder(one, train, held_out, tiny.probe) for one in (encoder, faint))
    for name, scores in seen["readouts"].items():
        assert seen_faintly["readouts"][name]["bit_f1"]["weighted"] == pytest.approx(
            scores["bit_f1"]["weighted"], abs=0.03
        )
    assert seen_faintly["collapse"]["effective_rank"] == pytest.approx(seen["collapse"]["effective_rank"], rel=0.01)


@pytest.mark.parametrize("readout", ["full", "low_dimensional"])
def test_examples_are_what_the_first_probe_says_about_those_frames(
    readout: str, finished: tuple[Path, JsonObject], tiny: RunConfig
) -> None:
    encoder = load_encoder(finished[0] / "encoders" / "supervised" / "seed-3")
    train, held_out = (open_dataset(finished[0] / "data", half, (84, 84)) for half in ("train", "validation"))
    # As many held-out frames as examples, so that the examples are the whole set.
    config = dataclasses.replace(tiny.probe, num_validation_frames=NUM_EXAMPLES, readouts=(readout,))
    result = probe_encoder(encoder, train, held_out, config)
    examples = result["examples"]
    assert examples["readout"] == readout
    assert len(set(examples["frames"])) == NUM_EXAMPLES
    true = held_out.ram[examples["frames"]][:, result["kept_slots"]]
    right = true == np.array(examples["ram"], np.uint8)
    assert right.mean() == pytest.approx(result["readouts"][readout]["slot_accuracy"])


def test_probe_encoder_refuses_held_out_frames_that_all_occur_in_training(
    finished: tuple[Path, JsonObject], tiny: RunConfig
) -> None:
    encoder = load_encoder(finished[0] / "encoders" / "untrained" / "seed-3")
    train = open_dataset(finished[0] / "data", "train", (84, 84))
    with pytest.raises(ValueError, match="held-out frames with RAM of their own; got 0 of 82"):
        probe_encoder(encoder, train, train, tiny.probe)
