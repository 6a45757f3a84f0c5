import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rmr_gym.errors import CorruptFileError
from rmr_gym.models import (
    Encoder,
    VideoEncoder,
    VideoModel,
    build_encoder,
    encoder_document,
    fingerprint,
    load_any_encoder,
    load_encoder,
    load_processor,
    load_video_model,
    read_encoder_document,
    save_encoder,
    save_processor,
    save_video_model,
)
from rmr_gym.models.checkpoint import CONFIG_FILE, WEIGHTS_FILE
from rmr_gym.models.decoders import BroadcastDecoderConfig
from rmr_gym.models.encoders import NatureCnnConfig, SlotAttentionConfig
from rmr_gym.models.encoders.nature_cnn import NatureCnn
from rmr_gym.models.interfaces import NUM_ACTIONS
from rmr_gym.models.misrouted import Misrouted
from rmr_gym.models.processors import BALL_PROCESSORS, InteractionNetworkConfig, MlpConfig, MpnnConfig
from rmr_gym.models.processors.mpnn import Mpnn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_processor(MpnnConfig(slot_dim=4).build(3), tmp_path / "processor", num_slots=3, game="pong")


def make_video_model() -> VideoModel:
    encoder = SlotAttentionConfig(size=(8, 8), num_slots=3, slot_dim=6, channels=2, slot_size=4, hidden_dim=4)
    decoder = BroadcastDecoderConfig(size=(8, 8), channels=2, strides=(1, 1))
    return VideoModel(encoder.build(), InteractionNetworkConfig().build(3), decoder.build(2))


def read_unsealed(folder: Path) -> dict[str, Any]:
    """Return the document as it was before documents had a checksum of their own."""
    document: dict[str, Any] = json.loads((folder / CONFIG_FILE).read_text())
    del document["document_sha256"]
    return document


def test_processor_survives_saving_and_loading(tmp_path: Path) -> None:
    processor = MlpConfig(slot_dim=4, hidden_dim=5).build(3)
    loaded = load_processor(save_processor(processor, tmp_path, num_slots=3))
    assert fingerprint(loaded) == fingerprint(processor)
    assert loaded.config == processor.config


@pytest.mark.parametrize("name", BALL_PROCESSORS)
def test_processor_without_actions_survives_saving_and_loading(tmp_path: Path, name: str) -> None:
    processor = BALL_PROCESSORS[name]().build(3, num_actions=0)
    loaded = load_processor(save_processor(processor, tmp_path, num_slots=3))
    assert fingerprint(loaded) == fingerprint(processor)
    assert loaded.config == processor.config
    assert loaded.num_actions == 0


def test_processor_written_before_actions_were_counted_has_those_of_the_console(folder: Path) -> None:
    document = read_unsealed(folder)
    assert document["build"].pop("num_actions") == 18
    (folder / CONFIG_FILE).write_text(json.dumps(document))
    assert load_processor(folder).num_actions == 18


def test_video_model_survives_saving_and_loading(tmp_path: Path) -> None:
    model = make_video_model()
    loaded = load_video_model(save_video_model(model, tmp_path / "model", arm="rmr"))
    assert fingerprint(loaded) == fingerprint(model)
    assert loaded.encoder.config == model.encoder.config
    assert loaded.decoder.config == model.decoder.config
    assert not loaded.training
    assert json.loads((tmp_path / "model" / "encoder" / CONFIG_FILE).read_text())["facts"] == {"arm": "rmr"}


def test_loading_a_video_model_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected a folder with config\.json.*written by save_video_model"):
        load_video_model(tmp_path)


def test_loading_refuses_a_part_of_a_video_model(tmp_path: Path) -> None:
    folder = save_video_model(make_video_model(), tmp_path)
    with pytest.raises(ValueError, match="got a video encoder. Use load_video_model"):
        load_processor(folder / "encoder")


def test_encoder_survives_saving_and_loading(tmp_path: Path) -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=4, maps_per_slot=1).build()
    loaded = load_encoder(save_encoder(encoder, tmp_path, arm="rmr"))
    assert fingerprint(loaded) == fingerprint(encoder)
    assert not loaded.training


def test_folder_holds_the_facts_beside_the_config(folder: Path) -> None:
    document = json.loads((folder / CONFIG_FILE).read_text())
    assert document["facts"] == {"game": "pong"}
    assert document["config"] == {"slot_dim": 4, "reduction": "mean", "num_passes": 1, "message_layers": 3}
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG_FILE, WEIGHTS_FILE]


def test_loading_refuses_the_other_kind(folder: Path) -> None:
    with pytest.raises(ValueError, match="Use load_processor"):
        load_encoder(folder)


def test_loading_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"Expected a folder with config\.json"):
        load_processor(tmp_path)


def test_loading_rejects_every_single_changed_byte_of_the_weights(folder: Path) -> None:
    path = folder / WEIGHTS_FILE
    content = bytearray(path.read_bytes())
    draw = random.Random(0)
    for _ in range(100):
        position = draw.randrange(len(content))
        content[position] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        with pytest.raises(CorruptFileError, match="checksum"):
            load_processor(folder)
        content = bytearray(path.read_bytes())  # damage adds up, which must not make it whole


@pytest.mark.parametrize("keep", [0, 7, 100])
def test_loading_rejects_truncated_weights(folder: Path, keep: int) -> None:
    path = folder / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CorruptFileError, match="restore it from a copy"):
        load_processor(folder)


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, "[]", '{"format": "other/1"}', "\x00\xff"], ids=lambda text: repr(text[:12])
)
def test_loading_rejects_a_config_that_is_no_config(folder: Path, text: str) -> None:
    (folder / CONFIG_FILE).write_text(text, encoding="latin-1")
    with pytest.raises(CorruptFileError):
        load_processor(folder)


@pytest.mark.parametrize(
    ("field", "change"),
    [("config", {"reduction": "max"}), ("config", {"num_passes": 2}), ("facts", {"game": "qbert"}), ("facts", {})],
    ids=str,
)
def test_loading_rejects_changes_that_the_weights_still_fit(
    folder: Path, field: str, change: dict[str, object]
) -> None:
    document = json.loads((folder / CONFIG_FILE).read_text())
    document[field] = document[field] | change if change else {"note": "mine"}
    (folder / CONFIG_FILE).write_text(json.dumps(document))
    with pytest.raises(CorruptFileError, match="the checksum of its other fields"):
        load_processor(folder)


def test_another_layout_of_the_config_and_one_without_a_checksum_are_read(folder: Path) -> None:
    before = fingerprint(load_processor(folder))
    document = json.loads((folder / CONFIG_FILE).read_text())
    (folder / CONFIG_FILE).write_text(json.dumps(dict(reversed(document.items()))))
    assert fingerprint(load_processor(folder)) == before
    (folder / CONFIG_FILE).write_text(json.dumps(read_unsealed(folder)))
    assert fingerprint(load_processor(folder)) == before


def test_loading_rejects_weights_that_do_not_fit_the_config(folder: Path) -> None:
    document = read_unsealed(folder)
    document["config"]["slot_dim"] = 8
    (folder / CONFIG_FILE).write_text(json.dumps(document))
    with pytest.raises(CorruptFileError, match="weights that fit the config"):
        load_processor(folder)


def test_loading_rejects_a_config_with_an_unknown_field(folder: Path) -> None:
    document = read_unsealed(folder)
    document["config"]["colour"] = "red"
    (folder / CONFIG_FILE).write_text(json.dumps(document))
    with pytest.raises(CorruptFileError, match="colour"):
        load_processor(folder)


@pytest.mark.parametrize(
    "change",
    [{"kind": None}, {"kind": ["processor"]}, {"build": {"num_slots": 3, "num_actions": -1}}],
    ids=["no kind", "a list", "a size that no layer has"],
)
def test_loading_rejects_fields_that_nothing_writes(folder: Path, change: dict[str, object]) -> None:
    document = read_unsealed(folder) | change
    (folder / CONFIG_FILE).write_text(json.dumps(document))
    with pytest.raises(CorruptFileError, match="damaged or was changed"):
        load_processor(folder)


@pytest.mark.parametrize("field", ["kind", "name", "config", "build", "facts"])
def test_loading_rejects_a_config_without_a_field(tmp_path: Path, field: str) -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=4, maps_per_slot=1).build()
    path = save_encoder(encoder, tmp_path, game="pong") / CONFIG_FILE
    document = json.loads(path.read_text())
    del document[field]
    path.write_text(json.dumps(document))
    with pytest.raises(CorruptFileError, match="the fields build, config, facts, kind, name"):
        load_encoder(tmp_path)


def test_loading_never_unpickles(folder: Path, tmp_path: Path) -> None:
    class Canary:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return (Path.touch, (tmp_path / "canary",))

    torch.save({"x": Canary()}, folder / WEIGHTS_FILE)
    with pytest.raises(CorruptFileError):
        load_processor(folder)
    assert not (tmp_path / "canary").exists()


def test_saving_refuses_a_module_outside_the_registry(tmp_path: Path) -> None:
    processor = MpnnConfig(slot_dim=4).build(3)
    processor.config = object()  # type: ignore[assignment]
    with pytest.raises(ValueError, match="Add object to the registry"):
        save_processor(processor, tmp_path, num_slots=3)


class Halved(Mpnn):
    def process(self, inputs: Tensor) -> Tensor:
        return super().process(inputs) / 2


@dataclass(frozen=True, kw_only=True, slots=True)
class HalvedConfig(MpnnConfig):
    def build(self, num_slots: int, *, num_actions: int = NUM_ACTIONS) -> Halved:
        return Halved(self, num_actions)


class Bounded(NatureCnn):
    def forward(self, pixels: Tensor) -> Tensor:
        return super().forward(pixels).tanh()


def test_saving_refuses_a_subclass_with_a_config_outside_the_registry(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="got Halved. Add HalvedConfig to the registry of processors"):
        save_processor(HalvedConfig(slot_dim=4).build(3), tmp_path, num_slots=3)
    assert not any(tmp_path.iterdir())


def test_saving_refuses_a_subclass_with_the_config_of_its_base(tmp_path: Path) -> None:
    encoder = Bounded(NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=4, maps_per_slot=1))
    message = (
        "a NatureCnn, since that is what its NatureCnnConfig builds; got Bounded. Give Bounded a config of its own"
    )
    for save in (save_encoder, lambda encoder, _: encoder_document(encoder), Encoder.save_pretrained):
        with pytest.raises(ValueError, match=message):
            save(encoder, tmp_path)
    assert not any(tmp_path.iterdir())


def test_saving_refuses_what_is_wrapped_around_a_processor(tmp_path: Path) -> None:
    wrong = Misrouted(MpnnConfig(slot_dim=4).build(3), torch.tensor([1, 2, 0]))
    with pytest.raises(ValueError, match="got Misrouted. Give Misrouted a config of its own"):
        save_processor(wrong, tmp_path, num_slots=3)
    assert not any(tmp_path.iterdir())


def test_a_video_encoder_is_read_out_of_a_video_model_or_from_a_folder_of_its_own(tmp_path: Path) -> None:
    model = make_video_model()
    save_video_model(model, tmp_path / "model")
    save_encoder(model.encoder, tmp_path / "alone")
    for folder in (tmp_path / "model", tmp_path / "model" / "encoder", tmp_path / "alone"):
        encoder = load_any_encoder(folder)
        assert isinstance(encoder, VideoEncoder)
        assert fingerprint(encoder) == fingerprint(model.encoder)


@pytest.mark.parametrize(
    "config",
    [
        NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=4, maps_per_slot=1, output_std=0.4),
        SlotAttentionConfig(size=(8, 12), num_slots=3, slot_dim=6, channels=2, slot_size=4, hidden_dim=4),
    ],
)
def test_document_survives_json_and_builds_the_same_encoder(
    tmp_path: Path, config: NatureCnnConfig | SlotAttentionConfig
) -> None:
    encoder = config.build()
    document = read_encoder_document(save_encoder(encoder, tmp_path, game="pong", seed=3))
    assert list(document) == ["format", "kind", "name", "config", "build", "facts", "fingerprint"]
    assert document == json.loads(json.dumps(document)) == encoder_document(encoder, game="pong", seed=3)
    assert document["fingerprint"] == fingerprint(encoder)
    built = build_encoder(document)
    assert built.config == config  # tuples and all
    built.load_state_dict(encoder.state_dict())
    assert fingerprint(built) == fingerprint(encoder)


def test_facts_may_have_any_name(tmp_path: Path) -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=4, maps_per_slot=1).build()
    assert encoder_document(encoder, encoder="rmr")["facts"] == {"encoder": "rmr"}


def test_loading_leaves_the_global_generator_where_it_is(tmp_path: Path, folder: Path) -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=4, maps_per_slot=1).build()
    save_encoder(encoder, tmp_path / "encoder")
    state = torch.get_rng_state()
    load_any_encoder(tmp_path / "encoder")
    load_processor(folder)
    assert torch.equal(torch.get_rng_state(), state)
    build_encoder(encoder_document(encoder))  # a new encoder is drawn as any module is
    assert not torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "processor"}, "the document of an encoder; got kind 'processor'"),
        ({"format": "other/1"}, "a document of format 'rmr-checkpoint/1'; got format 'other/1'"),
        ({"name": "vit"}, "an encoder out of nature_cnn.*; got vit"),
        ({"config": {"colour": "red"}}, "fields of NatureCnnConfig; got .*colour"),
    ],
)
def test_building_refuses_what_is_no_document_of_an_encoder(change: dict[str, object], message: str) -> None:
    document = encoder_document(NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=4).build())
    with pytest.raises(ValueError, match=message):
        build_encoder(document | change)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"Expected a folder with config\.json"):
        load_any_encoder(tmp_path / "file")
