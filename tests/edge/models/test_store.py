from __future__ import annotations

from pathlib import Path

import pytest

from edge.models import Manifest, ModelDamaged, ModelMissing, ModelUnknown, Store
from tests.edge.models.assets import CONTENT, asset, write


@pytest.fixture
def store(tmp_path: Path) -> Store:
    manifest = Manifest([asset("lamp"), asset("torch", b"torch"), asset("spare", b"spare", default=False)])
    return Store(tmp_path / "store", manifest)


def test_a_good_file_is_given_out(store: Store) -> None:
    path = write(store.folder / "lamp.onnx")
    assert store.path("lamp") == path


def test_a_missing_file_says_how_to_get_it(store: Store) -> None:
    with pytest.raises(ModelMissing, match="run: kiosk models pull lamp") as caught:
        store.path("lamp")
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"x", b""])
def test_a_file_of_another_length_is_damaged(store: Store, content: bytes) -> None:
    write(store.folder / "lamp.onnx", content)
    with pytest.raises(ModelDamaged, match=rf"has {len(content)} bytes, not 102400; run: kiosk models pull lamp"):
        store.path("lamp")


def test_one_flipped_bit_is_damage(store: Store) -> None:
    flipped = bytearray(CONTENT)
    flipped[51_200] ^= 1
    write(store.folder / "lamp.onnx", bytes(flipped))
    with pytest.raises(ModelDamaged, match="checksum"):
        store.path("lamp")


def test_a_folder_in_the_files_place_is_damage(store: Store) -> None:
    (store.folder / "lamp.onnx").mkdir(parents=True)
    with pytest.raises(ModelDamaged, match="can't be read"):
        store.path("lamp")


def test_an_unknown_name_is_its_own_error(store: Store) -> None:
    with pytest.raises(ModelUnknown):
        store.path("moon")


def test_verify_looks_at_the_defaults_and_at_what_is_here(store: Store) -> None:
    assert [(f.name, f.state) for f in store.verify()] == [("lamp", "missing"), ("torch", "missing")]
    write(store.folder / "lamp.onnx")
    write(store.folder / "torch.onnx", b"torc")
    write(store.folder / "spare.onnx", b"spare")
    findings = {f.name: f for f in store.verify()}
    assert {name: f.state for name, f in findings.items()} == {
        "lamp": "good",
        "torch": "damaged",
        "spare": "good",
    }
    assert "kiosk models pull torch" in findings["torch"].words
    assert [f.name for f in store.verify(["spare"])] == ["spare"]


def test_the_folder_is_the_one_given_or_set_or_the_users_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert Store().folder == tmp_path / "home/.local/share/kiosk-edge/models"
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert Store().folder == tmp_path / "data/kiosk-edge/models"
    monkeypatch.setenv("KIOSK_MODELS", str(tmp_path / "mine"))
    assert Store().folder == tmp_path / "mine"
    assert Store(tmp_path / "given").folder == tmp_path / "given"
