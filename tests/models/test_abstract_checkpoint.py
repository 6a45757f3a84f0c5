from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from rmr_gym.models import (
    AbstractModel,
    RamStateFeatures,
    fingerprint,
    load_abstract_encoder,
    load_abstract_model,
    load_abstract_parts,
    load_encoder,
    load_processor,
    save_abstract_model,
    save_processor,
)
from rmr_gym.models.abstract_checkpoint import (
    AbstractParts,
    abstract_document,
    build_abstract_parts,
    read_abstract_document,
)
from rmr_gym.models.blocks import initial_weights
from rmr_gym.models.processors import InteractionNetworkConfig, MlpConfig, MpnnConfig, ProcessorConfig


def make_model(config: ProcessorConfig | None = None) -> AbstractModel:
    return AbstractModel((config or MlpConfig(slot_dim=4, hidden_dim=5)).build(6), num_slots=6)


def test_model_survives_saving_and_loading(tmp_path: Path) -> None:
    model = make_model()
    folder = save_abstract_model(model, tmp_path / "processor", game="pong")
    state = torch.get_rng_state()
    loaded = load_abstract_model(folder)
    assert torch.equal(torch.get_rng_state(), state)
    assert fingerprint(loaded) == fingerprint(model)
    assert not loaded.training
    assert fingerprint(load_processor(folder)) == fingerprint(model.processor)
    assert fingerprint(load_abstract_encoder(folder)) == fingerprint(model.encoder)
    for part in (folder, folder / "abstract_encoder", folder / "abstract_decoder"):
        assert json.loads((part / "config.json").read_text())["facts"] == {"game": "pong"}


def test_processor_lies_where_save_processor_writes_it(tmp_path: Path) -> None:
    model = make_model()
    save_abstract_model(model, tmp_path / "all", seed=1)
    save_processor(model.processor, tmp_path / "alone", num_slots=6, seed=1)
    for name in ("config.json", "model.safetensors"):
        assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_a_folder_from_before_the_encoder_was_written_is_refused(tmp_path: Path) -> None:
    save_processor(make_model().processor, tmp_path, num_slots=6)
    for load in (load_abstract_encoder, load_abstract_parts, load_abstract_model):
        with pytest.raises(
            ValueError, match="got the processor alone. An earlier version .* repeat `rmr-gym pretrain`"
        ):
            load(tmp_path)


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a folder with config\.json"):
        load_abstract_encoder(tmp_path)
    folder = save_abstract_model(make_model(), tmp_path)
    with pytest.raises(ValueError, match="got a ram encoder. Use load_abstract_model"):
        load_encoder(folder / "abstract_encoder")


@pytest.mark.parametrize("config", [MlpConfig(slot_dim=4), MpnnConfig(slot_dim=4), InteractionNetworkConfig()])
def test_document_survives_json_and_builds_the_same_parts(tmp_path: Path, config: ProcessorConfig) -> None:
    model = make_model(config)
    document = read_abstract_document(save_abstract_model(model, tmp_path, game="pong"))
    parts = AbstractParts(model.encoder, model.processor)
    assert document == json.loads(json.dumps(document)) == abstract_document(parts, game="pong")
    built = build_abstract_parts(document)
    assert built.processor.config == config
    assert built.encoder.config == model.encoder.config
    features = RamStateFeatures(built.encoder, built.processor, (6,))
    features.load_state_dict(RamStateFeatures(*parts, (6,)).state_dict())
    assert fingerprint(features) == document["fingerprint"]


def test_building_draws_from_the_generator_that_modules_draw_from() -> None:
    document = abstract_document(AbstractParts(*(getattr(make_model(), part) for part in AbstractParts._fields)))

    def build(seed: int) -> torch.Tensor:
        with initial_weights(seed):
            return build_abstract_parts(document).encoder.address

    assert torch.equal(build(1), build(1))
    assert not torch.equal(build(1), build(2))


def test_building_refuses_another_document() -> None:
    with pytest.raises(ValueError, match="an abstract encoder and processor; got kind 'encoder'"):
        build_abstract_parts({"kind": "encoder"})
