"""Mistakes in kiosk.toml, each with its line and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from drivers import camera, gpio, leds, microphone, nfc, printer
from drivers.errors import DeviceSetup
from edge.config import Config, known_keys, parse
from edge.firstboot.checking import EXAMPLE, SCHEMES, check, example


@pytest.mark.parametrize(
    ("text", "line", "what", "instead"),
    [
        ("[kiosk]\nid = kiosk-7", 2, "has no quotes around it", 'id = "text"'),
        ("[kiosk]\nid = “kiosk-7”", 2, "curly", "straight quotes"),
        ('[kiosk]\nid = "a"\nid = "b"', 3, "twice", "Take one"),
        ("[kiosk]\n[kiosk]", 2, "twice", "Take one"),
        ('[menu]\nfile = "C:\\menu.toml"', 2, "backslash", "/ in a path"),
        ("[kiosk]\nid\n", 2, "can't be read", 'name = "text"'),
        ('[kiosk]\nid = "kio', 2, "ends in the middle", "cut off"),
        ("[kiosk]\nid = 7", 2, "text in double quotes", 'id = "kiosk-001"'),
        ('[monitor]\nport = "80"', 2, "a number, without quotes", "port = 8223"),
        ("[devices]\nisolated = 1", 2, "true or false", "isolated = true"),
        ('[network]\ndns = "10.0.0.1"', 2, "a list in square brackets", 'dns = ["10.0.0.1"]'),
        ('[kiosk]\nid = "a b"', 2, "a form that can't be", 'id = "kiosk-001"'),
        ("[network.wifi]\nhidden = true", 1, "'ssid' is missing", '[network.wifi] and under it ssid = "Shop"'),
        ('[devices]\npritner = "x"', 2, "devices.pritner is no setting", "Did you mean printer?"),
        ('[device]\nprinter = "x"', 1, "device is no setting", "Did you mean devices?"),
        ('[devices]\nshop = "x"', 2, "devices.shop is no setting", "It belongs under [kiosk]."),
        ('[devices]\nzzz = "x"', 2, "devices.zzz is no setting", "Take the line away."),
        ('[devices]\nprinter = "/dev/usb/lp0"', 2, "names no printer", "escpos+file:"),
        ('[devices]\nprinter = "escpos+tcp://host:port"', 2, "names no printer", "escpos+tcp:"),
        ('[devices]\nnfc = "pscs:"', 2, "names no nfc", 'nfc = "pcsc:"'),
    ],
)
def test_a_mistake_has_its_line_and_what_to_write_instead(text: str, line: int, what: str, instead: str) -> None:
    (mistake,) = check(text).mistakes
    assert mistake.line == line
    assert what in mistake.what
    assert instead in mistake.instead


def test_all_mistakes_are_told_at_once_in_their_order() -> None:
    text = '[devices]\nprintr = "x"\nnfc = "x:"\n[kiosk]\nid = 7\n[hubb]\n[network.wifi]\npassword = "eight or more"\n'
    assert [each.line for each in check(text).mistakes] == [2, 3, 5, 6, 7]


def test_what_is_right_beside_a_mistake_is_kept() -> None:
    checked = check('[kiosk]\nid = "a"\nshopp = "b"\n[devices]\nnfc = "x:"\n')
    assert checked.document == {"kiosk": {"id": "a"}, "devices": {}}
    assert checked.config.kiosk.id == "a"


def test_a_time_zone_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "Europe").mkdir()
    (tmp_path / "Europe" / "Vienna").touch()
    assert check('[kiosk]\ntimezone = "Europe/Vienna"', zones=tmp_path).mistakes == []
    (mistake,) = check('[kiosk]\ntimezone = "Europe/Wienna"', zones=tmp_path).mistakes
    assert (mistake.line, mistake.instead) == (2, "Did you mean Europe/Vienna?")
    assert check('[kiosk]\ntimezone = "Europe"', zones=tmp_path).mistakes != []


@pytest.mark.parametrize(
    "text",
    [
        "[network.wifi]\nssid = 'Shop'\npassword = hunter2-hunter2",
        "[network.wifi]\nssid = 'Shop'\npassword = 'hunter2",
        "[network.wifi]\nssid = 'Shop'\npassword = 'hunter2'",
        "[network.wifi]\nssid = 'Shop'\npassword = ['hunter2-hunter2']",
        "[network.wifi]\nssid = 'Shop'\npasswort = 'hunter2-hunter2'",
        "[network.wifi]\nssid = 'Shop'\npassword = “hunter2-hunter2”",
        '[network.wifi]\nssid = "Shop"\npassword = "hunter2\\hunter2"',
        "[hub]\nurl = 'x'\ncredential = hunter2",
    ],
)
def test_no_mistake_repeats_a_password(text: str) -> None:
    mistakes = check(text).mistakes
    assert mistakes
    assert not any("hunter2" in each.words for each in mistakes)


# What an integrator has to be able to say; other tables are tuning, and may grow.
THE_INTEGRATORS = [("kiosk",), ("devices",), ("network",), ("network", "wifi"), ("hub",), ("page",)]


def test_the_example_shows_what_an_integrator_can_say_and_is_right() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert parse(text) == Config()
    shown = re.sub(r"(?m)^#(?=\S)", "", text)
    assert check(shown).mistakes == []
    missing = [
        (*table, name) for table in THE_INTEGRATORS for name in known_keys(table) if example((*table, name)) is None
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("device", "open_"),
    [
        ("leds", leds.open_leds),
        ("nfc", nfc.open_nfc_reader),
        ("printer", printer.open_printer),
        ("camera", camera.open_camera),
        ("microphone", microphone.open_microphone),
        ("gpio", gpio.open_pins),
    ],
)
def test_the_known_schemes_are_the_storefronts_own(device: str, open_: Callable[[str], object]) -> None:
    with pytest.raises(DeviceSetup) as refused:
        open_("nothing-like-it:")
    listed = str(refused.value).partition("known: ")[2]
    assert {each.strip(" :") for each in listed.split(",")} == set(SCHEMES[device])
