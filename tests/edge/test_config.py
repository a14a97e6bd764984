from __future__ import annotations

import stat
from pathlib import Path

import pytest

from edge.config import ConfigError, KeyMistake, device_key, known_keys, load, parse, secret_keys


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
        ("[payment]\ngateway = 'stripe'", "the gateway stripe needs [payment.stripe]"),
        ("[payment.stripe]\nkey = 'sk'\nreader = 'my reader'", "key 'payment.stripe.reader'"),
        ("[kiosk\n", "line 1"),
        ("kiosk = 3", "key 'kiosk'"),
        ("[kiosk]\ntimezone = '../etc/passwd'", "key 'kiosk.timezone'"),
        ("[network]\naddress = '10.0.0.3'", "as in 10.0.0.20/24"),
        ("[network]\naddress = '10.0.0.3/24'\ngateway = '10.0.1.1'", "isn't in the network 10.0.0.0/24"),
        ("[network]\ngateway = '10.0.1.1'", "a gateway goes with an address"),
        ("[network]\ndns = ['one.one']", "'one.one' does not appear to be"),
        ("[network.wifi]\nhidden = true", "key 'network.wifi': 'ssid' is missing"),
        ("[network.wifi]\nssid = 'x'\npassword = 'short'", "8 to 63"),
        (f"[network.wifi]\nssid = '{'ä' * 17}'", "1 to 32 bytes"),
        ("[hub]\nurl = 'http://hub.example'", "key 'hub.url'"),
    ],
)
def test_a_mistake_is_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(text, source="my.toml")
    assert str(error.value).startswith("my.toml: ")
    assert words in str(error.value)


def test_a_mistake_knows_its_place() -> None:
    with pytest.raises(KeyMistake) as error:
        parse("[network.wifi]\nssid = 'x'\nsid = 'y'")
    assert (error.value.key, error.value.unknown) == (("network", "wifi", "sid"), True)
    with pytest.raises(KeyMistake) as error:
        parse("[payment]\ndeclined_cards = ['no digest']")
    assert (error.value.key, error.value.unknown) == (("payment", "declined_cards"), False)


def test_no_mistake_repeats_a_secret() -> None:
    for text in ("password = 'hunter'", "password = ['hunter2 hunter2']"):
        with pytest.raises(ConfigError) as error:
            parse(f"[network.wifi]\nssid = 'x'\n{text}")
        assert "hunter" not in str(error.value)


def test_the_secret_keys_are_known() -> None:
    assert secret_keys() == [
        ("hub", "credential"),
        ("network", "wifi", "password"),
        ("payment", "stripe", "key"),
        ("payment", "sumup", "affiliate_key"),
        ("payment", "sumup", "key"),
    ]


def test_a_tables_keys_are_known() -> None:
    assert known_keys(("network", "wifi")) == ["ssid", "password", "hidden"]
    assert "devices" in known_keys(())
    assert known_keys(("network", "wimax")) == []
    assert known_keys(("kiosk", "id")) == []


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
