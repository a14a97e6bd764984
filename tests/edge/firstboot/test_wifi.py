"""NetworkManager's connections: the integrator's, and those that kiosk.toml describes."""

from __future__ import annotations

import configparser

import pytest

from edge.config import Network, Wifi
from edge.firstboot.wifi import check_connection, wired, wireless

from .conftest import NMCONNECTION


def read(text: str) -> configparser.RawConfigParser:
    reader = configparser.RawConfigParser(delimiters="=")
    reader.read_string(text)
    return reader


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("", "", None, ""),
        ("[connection]\n", "", 1, "under no [table]"),
        ("ssid=Guests\n", "ssid\n", 6, "can't be read"),
        ("ssid=Guests\n", "ssid=Guests\nssid=Other\n", 7, "twice"),
        ("ssid=Guests", "mode=infrastructure", 5, "names no network"),
        ("type=wifi\n", "", 1, "kind of connection"),
        ("id=guests\n", "", 1, "has no name"),
        ("psk=guests are welcome\n", "", 8, "has none"),
        ("psk=guests are welcome", "psk=short", 10, "can't be one"),
        ("psk=guests are welcome", 'psk="guests are welcome"', 10, "in quotes"),
    ],
)
def test_a_connection_is_checked(old: str, new: str, line: int | None, words: str) -> None:
    mistakes = check_connection(NMCONNECTION.replace(old, new, 1) if old else NMCONNECTION)
    assert [each.line for each in mistakes] == ([] if line is None else [line])
    assert all(words in each.what for each in mistakes)
    assert not any("welcome" in each.words or "short" in each.words for each in mistakes)


def test_a_wire_and_an_enterprise_network_are_left_to_networkmanager() -> None:
    assert check_connection("[connection]\nid=wire\ntype=ethernet\n[ipv4]\nmethod=auto\n") == []
    assert check_connection(NMCONNECTION.replace("wpa-psk", "wpa-eap").replace("psk=guests are welcome", "")) == []


def test_what_kiosk_toml_says_of_a_wireless_network() -> None:
    text = wireless(Wifi(ssid="Café ; 7 ", hidden=True), " a \\ password ")
    assert check_connection(text) == []
    found = read(text)
    assert found["connection"]["type"] == "wifi"
    assert "ssid=Café \\; 7\\s\n" in text
    assert "psk=\\sa \\\\ password\\s\n" in text
    assert found["wifi"]["hidden"] == "true"
    assert wireless(Wifi(ssid="Shop"), "eight or more") == wireless(Wifi(ssid="Shop"), "eight or more")


def test_an_open_network_has_no_security() -> None:
    assert not read(wireless(Wifi(ssid="Open"), None)).has_section("wifi-security")


def test_a_wire_has_the_address_it_was_given() -> None:
    text = wired(Network(address="10.0.0.20/24", gateway="10.0.0.1", dns=["10.0.0.1", "fd00::1"]))
    assert text is not None
    found = read(text)
    assert dict(found["ipv4"]) == {"method": "manual", "address1": "10.0.0.20/24,10.0.0.1", "dns": "10.0.0.1;"}
    assert dict(found["ipv6"]) == {"method": "auto", "dns": "fd00::1;"}
    six = wired(Network(address="fd00::20/64"))
    assert six is not None
    assert dict(read(six)["ipv6"]) == {"method": "manual", "address1": "fd00::20/64"}
    assert wired(Network()) is None
