from __future__ import annotations

from pathlib import Path

import pytest

from edge.models import Manifest, ManifestInvalid, ModelUnknown
from edge.models.manifest import PypiSource, WebSource
from tests.edge.models.assets import asset

GOOD = f"""
[[asset]]
name = "lamp"
kind = "model"
file = "lamp.onnx"
bytes = 3
sha256 = "{"0" * 64}"
licence = "MIT"
purpose = "light"
default = true
source = {{ from = "pypi", package = "lamps", version = "1.0", member = "lamps/lamp.onnx" }}
"""


def load(tmp_path: Path, text: str) -> Manifest:
    path = tmp_path / "manifest.toml"
    path.write_text(text, encoding="utf-8")
    return Manifest.load(path)


def test_the_shipped_manifest_loads_and_every_model_says_whose_data_it_was_trained_on() -> None:
    manifest = Manifest.load()
    assert {"centerface", "silero_vad", "nats_ws", "astronaut", "coffee"} <= {a.name for a in manifest.defaults}
    for model in manifest.assets:
        if model.kind == "model":
            assert "raining data" in model.licence_note


def test_what_is_pulled_by_default_comes_from_a_registry() -> None:
    assert not [a.name for a in Manifest.load().defaults if isinstance(a.source, WebSource)]


def test_web_addresses_are_pinned_to_a_commit() -> None:
    for model in Manifest.load().assets:
        if isinstance(model.source, WebSource):
            commit = model.source.address.split("/")[5]
            assert len(commit) == 40
            assert int(commit, 16)


def test_a_manifest_in_a_file_loads(tmp_path: Path) -> None:
    lamp = load(tmp_path, GOOD)["lamp"]
    assert lamp.source == PypiSource(package="lamps", version="1.0", member="lamps/lamp.onnx")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('licence = "MIT"', 'license = "MIT"', "license"),
        ('licence = "MIT"\n', "", "licence"),
        ("bytes = 3", "bytes = 0", "bytes"),
        ("bytes = 3", 'bytes = "3"', "bytes"),
        ("0000", "xyz0", "sha256"),
        ("lamp.onnx", "../lamp.onnx", "file"),
        ("lamp.onnx", ".lamp.onnx", "file"),
        ('kind = "model"', 'kind = "sculpture"', "kind"),
        ('package = "lamps"', 'package = "--index-url=evil"', "package"),
        ('version = "1.0"', 'version = "1.0 other"', "version"),
        ('from = "pypi"', 'from = "ftp"', "from"),
        ("[[asset]]", "[[asset]", "manifest.toml"),
    ],
)
def test_a_wrong_manifest_is_refused_and_the_text_names_the_field(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    with pytest.raises(ManifestInvalid, match=named):
        load(tmp_path, GOOD.replace(old, new, 1))


def test_an_unencrypted_web_address_is_refused(tmp_path: Path) -> None:
    start = GOOD[: GOOD.index("source =")]
    with pytest.raises(ManifestInvalid, match="address"):
        load(tmp_path, start + 'source = { from = "web", address = "http://example.org/lamp.onnx" }\n')
    load(tmp_path, start + 'source = { from = "web", address = "https://example.org/lamp.onnx" }\n')


def test_names_and_files_are_unique(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match="two assets are called 'lamp'"):
        load(tmp_path, GOOD + GOOD)
    with pytest.raises(ManifestInvalid, match="two assets have the file"):
        load(tmp_path, GOOD + GOOD.replace('name = "lamp"', 'name = "other"'))


def test_a_manifest_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match="No such file"):
        Manifest.load(tmp_path / "absent.toml")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ModelUnknown, match=r"^no asset is called 'moon'; the manifest has: lamp, torch$"):
        _ = Manifest([asset("lamp"), asset("torch")])["moon"]
