"""Device URLs, as kiosk.toml writes them."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.address import DeviceAddress
from drivers.errors import DeviceSetup


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("simulated:", DeviceAddress("simulated")),
        ("simulated:?count=24", DeviceAddress("simulated", options={"count": "24"})),
        ("spi:/dev/spidev0.0?count=24", DeviceAddress("spi", path="/dev/spidev0.0", options={"count": "24"})),
        ("ws281x:18?count=24", DeviceAddress("ws281x", path="18", options={"count": "24"})),
        ("escpos+tcp://10.0.0.5:9100", DeviceAddress("escpos+tcp", "10.0.0.5", 9100)),
        ("escpos+usb:04b8:0e15", DeviceAddress("escpos+usb", path="04b8:0e15")),
        (
            "escpos+serial:/dev/ttyUSB0?baud=38400",
            DeviceAddress("escpos+serial", path="/dev/ttyUSB0", options={"baud": "38400"}),
        ),
        ("pcsc:?reader=ACS ACR122U", DeviceAddress("pcsc", options={"reader": "ACS ACR122U"})),
        ("rpi:?lamp=17&door=27", DeviceAddress("rpi", options={"lamp": "17", "door": "27"})),
        ("PCSC:", DeviceAddress("pcsc")),
    ],
)
def test_urls_as_they_are_written(url: str, address: DeviceAddress) -> None:
    assert DeviceAddress.parse(url) == address


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "has no scheme; for example 'simulated:'"),
        ("simulated", "has no scheme"),
        ("/dev/video0", "has no scheme"),
        ("escpos+tcp://10.0.0.5:99999", "escpos\\+tcp://10.0.0.5:99999"),
        ("escpos+tcp://10.0.0.5:port", "port"),
        ("simulated:?count", "simulated:"),
        ("escpos+tcp://[::1", "escpos"),
    ],
)
def test_a_wrong_url_is_refused_with_its_words(url: str, words: str) -> None:
    with pytest.raises(DeviceSetup, match=words):
        DeviceAddress.parse(url)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        address = DeviceAddress.parse(text)
    except DeviceSetup:
        return
    assert address.scheme


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(min_size=1, max_size=20), max_size=4))
def test_options_survive_quoting(options: dict[str, str]) -> None:
    assert DeviceAddress.parse("simulated:?" + urlencode(options)).options == options


def test_unknown_options_are_named_with_the_known_ones() -> None:
    address = DeviceAddress.parse("simulated:?count=1&colour=2")
    address.only("count", "colour")
    with pytest.raises(DeviceSetup, match="simulated: unknown option 'colour'; known: count"):
        address.only("count")
    with pytest.raises(DeviceSetup, match="known: none"):
        address.only()


def test_numbers() -> None:
    address = DeviceAddress.parse("simulated:?count=12&rate=fast")
    assert address.number("count", 1) == 12
    assert address.number("other", 7) == 7
    with pytest.raises(DeviceSetup, match="rate='fast' is not a whole number"):
        address.number("rate", 1)
