from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edge.config import ConfigError, device_key, load, parse


def test_an_empty_file_is_a_kiosk() -> None:
    config = parse("")
    assert (config.kiosk.id, config.bus.url, config.devices.printer) == (
        "kiosk-001",
        "nats://localhost:4222",
        "simulated:",
    )


def test_devices_are_one_line_each() -> None:
    config = parse('[devices]\nprinter = "escpos+tcp://10.0.0.5:9100"\n[kiosk]\ndata_dir = "/data"')
    assert config.devices.printer == "escpos+tcp://10.0.0.5:9100"
    assert config.kiosk.data_dir == Path("/data")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[devices]\nprinted = 'x'", "unknown key 'devices.printed'"),
        ("[device]\n", "unknown key 'device'"),
        ("[kiosk]\nid = 7", "key 'kiosk.id': expected `str`, got `int`"),
        ("[kiosk]\nid = 'a b'", "key 'kiosk.id'"),
        ("[payment]\ntap_timeout_s = 90.0", "key 'payment.tap_timeout_s'"),
        ("[kiosk\n", "line 1"),
        ("kiosk = 3", "key 'kiosk'"),
    ],
)
def test_a_mistake_is_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, source="my.toml")
    assert str(error.value).startswith("my.toml: ")
    assert words in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.toml can't be read"):
        load(tmp_path / "absent.toml")


def test_the_device_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    key = device_key(tmp_path / "data")
    assert len(key) == 32
    assert device_key(tmp_path / "data") == key
    assert device_key(tmp_path / "other") != key
    assert stat.S_IMODE((tmp_path / "data" / "device.key").stat().st_mode) == 0o600


def test_a_damaged_device_key_is_said(tmp_path: Path) -> None:
    (tmp_path / "device.key").write_bytes(b"short")
    with pytest.raises(ConfigError, match="5 bytes"):
        device_key(tmp_path)
