"""BENCH.toml: what it may say, and what is said of a mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import BenchUnusable
from bench.deeds import Deed, Sight
from bench.settings import ByCommand, ByLabgrid, load, parse
from tests.conftest import REPOSITORY

GOOD = """
name = "lobby-1"
image = "kiosk-2026.11.img"
[kiosk]
bus = "nats://kiosk.local:4222"
keys = "keys"
[manual]
timeout_s = 60
[labgrid]
place = "kiosk-1"
[do]
tap = "manual"
unplug_reader = { command = ["uhubctl", "-a", "off"] }
cut_power = { labgrid = ["power", "off"], timeout_s = 20 }
[see]
receipts = "manual"
"""


def test_a_bench_is_read(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(GOOD)
    bench = load(tmp_path / "bench.toml")
    assert (bench.name, bench.image, bench.manual.timeout_s) == ("lobby-1", "kiosk-2026.11.img", 60)
    assert bench.kiosk.keys == tmp_path / "keys"
    assert bench.do == {
        Deed.TAP: "manual",
        Deed.UNPLUG_READER: ByCommand(command=["uhubctl", "-a", "off"]),
        Deed.CUT_POWER: ByLabgrid(labgrid=["power", "off"], timeout_s=20),
    }
    assert bench.see == {Sight.RECEIPTS}


def test_the_documented_bench_is_one() -> None:
    page = (REPOSITORY / "docs" / "bench.md").read_text(encoding="utf-8")
    example = page.split("```toml\n")[1].split("```")[0]
    bench = parse(example)
    assert bench.do[Deed.CUT_POWER] == ByLabgrid(labgrid=["power", "off"])
    other = example.replace("bus = ", "# bus = ").replace("keys = ", "# keys = ")
    assert parse(other.replace("# config", "config").replace("# pins", "pins")).kiosk.pins == "rpi:"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('name = "lobby-1"', "", "missing required field `name`"),
        ('name = "lobby-1"', 'name = "the lobby"', "key 'name'"),
        ("[manual]", "[manul]", "unknown key 'manul'"),
        ("timeout_s = 60", "timeout = 60", "unknown key 'manual.timeout'"),
        ("timeout_s = 60", "timeout_s = 0", "key 'manual.timeout_s'"),
        ("tap =", "tab =", "unknown key 'do.tab'; there are: tap, "),
        ("receipts =", "paper =", "unknown key 'see.paper'; there are: receipts, lights, button"),
        ('receipts = "manual"', 'receipts = "camera"', "key 'see[...]'"),
        ('receipts = "manual"', 'button = "manual"', "key 'see.button' can't be manual"),
        ('tap = "manual"', 'tap = "robot"', "key 'do.tap' is \"manual\", { command = [...] } or { labgrid = [...] }"),
        ("command =", "comand =", "unknown key 'do.unplug_reader.comand'"),
        ('["uhubctl", "-a", "off"]', "[]", "key 'do.unplug_reader.command'"),
        ('["uhubctl", "-a", "off"]', '"uhubctl"', "key 'do.unplug_reader.command': expected `array`"),
        ("timeout_s = 20", "timeout_s = -1", "key 'do.cut_power.timeout_s'"),
        ('[labgrid]\nplace = "kiosk-1"', "", "key 'labgrid' is missing"),
        ('bus = "nats://kiosk.local:4222"', "", "key 'kiosk' has either `bus`"),
        ('keys = "keys"', 'config = "kiosk.toml"', "key 'kiosk' has either `bus`"),
        ("[kiosk]", "[kiosk", "line 4"),
    ],
)
def test_a_mistake_is_named_with_its_file_and_key(before: str, after: str, words: str) -> None:
    assert before in GOOD
    with pytest.raises(BenchUnusable) as said:
        parse(GOOD.replace(before, after), source="lobby.toml")
    assert str(said.value).startswith("lobby.toml: ")
    assert words in str(said.value)


def test_a_file_that_is_not_there_is_no_bench(tmp_path: Path) -> None:
    with pytest.raises(BenchUnusable, match="there is no bench"):
        load(tmp_path / "moc")
