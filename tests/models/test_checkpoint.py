import json
import random
from pathlib import Path

import pytest
import torch

from rmr_gym.errors import CorruptFileError
from rmr_gym.models import fingerprint, load_encoder, load_processor, save_encoder, save_processor
from rmr_gym.models.checkpoint import CONFIG_FILE, WEIGHTS_FILE, write_atomically
from rmr_gym.models.encoders import NatureCnnConfig
from rmr_gym.models.processors import MlpConfig, MpnnConfig


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_processor(MpnnConfig(slot_dim=4).build(3), tmp_path / "processor", num_slots=3, game="pong")


def test_processor_survives_saving_and_loading(tmp_path: Path) -> None:
    processor = MlpConfig(slot_dim=4, hidden_dim=5).build(3)
    loaded = load_processor(save_processor(processor, tmp_path, num_slots=3))
    assert fingerprint(loaded) == fingerprint(processor)
    assert loaded.config == processor.config


def test_encoder_survives_saving_and_loading(tmp_path: Path) -> None:
    encoder = NatureCnnConfig(resolution="84x84", num_slots=2, slot_dim=4, maps_per_slot=1).build()
    loaded = load_encoder(save_encoder(encoder, tmp_path, arm="rmr"))
    assert fingerprint(loaded) == fingerprint(encoder)
    assert not loaded.training


def test_folder_holds_the_facts_beside_the_config(folder: Path) -> None:
    document = json.loads((folder / CONFIG_FILE).read_text())
    assert document["facts"] == {"game": "pong"}
    assert document["config"] == {"slot_dim": 4, "reduction": "mean", "num_passes": 1}
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


def test_loading_rejects_weights_that_do_not_fit_the_config(folder: Path) -> None:
    document = json.loads((folder / CONFIG_FILE).read_text())
    document["config"]["slot_dim"] = 8
    (folder / CONFIG_FILE).write_text(json.dumps(document))
    with pytest.raises(CorruptFileError, match="weights that fit the config"):
        load_processor(folder)


def test_loading_rejects_a_config_with_an_unknown_field(folder: Path) -> None:
    document = json.loads((folder / CONFIG_FILE).read_text())
    document["config"]["colour"] = "red"
    (folder / CONFIG_FILE).write_text(json.dumps(document))
    with pytest.raises(CorruptFileError, match="colour"):
        load_processor(folder)


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


def test_writing_keeps_the_old_content_when_it_fails(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "text")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
