"""A real bench: the kiosk's own hardware, and a person, programs or labgrid that act on it (BENCH.toml)."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from bench import PATIENCE_S, BenchUnusable, Bus, Button, Frame, Lights, Paper, Receipts
from bench.buttons import FeltPresses
from bench.deeds import Deed, Sight, in_words
from bench.kiosk import KioskHere
from bench.person import Person, Terminal
from bench.rooms import sentence
from bench.settings import MANUAL, ByCommand, ByLabgrid, Labgrid, Settings, load
from drivers.errors import DriverError
from drivers.gpio import open_pins
from edge.bus.keys import key_path
from edge.config import ConfigError
from edge.config import load as load_config
from edge.contract.permissions import OPERATOR

_SHOWN: Final = 500  # characters of a failed program's words


class AskedReceipts:
    """`Receipts` that the person at the bench looks at."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def begin(self) -> None:
        """See `Receipts`; the person is told with each question from when to count."""

    async def next(self, words: Sequence[str], timeout_s: float) -> Paper:
        """See `Receipts`."""
        shows = ", ".join(f"“{word}”" for word in words)
        assert await self._person.sees(f"Is there a receipt that shows {shows}?"), f"no receipt that shows {shows}"
        return Paper(f"seen by a person: {shows}")

    async def count(self) -> int:
        """See `Receipts`."""
        return await self._person.counts("How many whole receipts came out since this test began? Take them away")


class AskedLights:
    """`Lights` that the person at the bench looks at."""

    def __init__(self, person: Person) -> None:
        self._person = person

    def begin(self) -> None:
        """See `Lights`."""

    async def until(self, lit: bool, timeout_s: float) -> None:
        """See `Lights`."""
        wanted = "do the LEDs shine" if lit else "are the LEDs dark"
        seen = await self._person.sees(f"Within {timeout_s:.0f} s from now, {wanted}?")
        assert seen, f"the strip is not {'lit' if lit else 'dark'}"

    def frames(self) -> Sequence[Frame]:
        """See `Lights`."""
        return ()


class RealBench:
    """What BENCH.toml says."""

    patience_s = PATIENCE_S

    def __init__(self, settings: Settings, folder: Path, person: Person) -> None:
        self._settings = settings
        self._folder = folder
        self._person = person
        self._leaving = AsyncExitStack()
        self._kiosk: KioskHere | None = None
        self.name = settings.name
        self.image = settings.image
        self.bus = Bus("")
        self.devices: dict[str, str] = {}
        self.receipts: Receipts = AskedReceipts(person)
        self.lights: Lights = AskedLights(person)
        self.button: Button

    async def open(self) -> None:
        """See `Bench`."""
        try:
            await self._open()
        except (ConfigError, DriverError) as error:
            await self._leaving.aclose()
            raise BenchUnusable(str(error)) from error
        except BaseException:
            await self._leaving.aclose()
            raise

    async def _open(self) -> None:
        kiosk = self._settings.kiosk
        if kiosk.config is not None:
            config = load_config(kiosk.config)
            self.devices = {name: str(getattr(config.devices, name)) for name in config.devices.__struct_fields__}
            self._kiosk = KioskHere(config, self._folder / "kiosk")
            await self._kiosk.open()
            self._leaving.push_async_callback(self._kiosk.close)
            self.bus = Bus(self._kiosk.server.url)
        else:
            assert kiosk.bus is not None  # settings has one of the two
            self.devices = {"kiosk": f"runs already, its bus at {kiosk.bus}"}
            self.bus = Bus(kiosk.bus, key_path(kiosk.keys, OPERATOR) if kiosk.keys else None)
        if kiosk.pins is not None:
            self.devices["pins"] = kiosk.pins
            felt = FeltPresses(await asyncio.to_thread(open_pins, kiosk.pins))
            self._leaving.push_async_callback(felt.close)
            self.button = felt

    def missing(self, what: Deed | Sight) -> str | None:
        """See `Bench`."""
        if what is Sight.BUTTON:
            return None if self._settings.kiosk.pins else "its BENCH.toml names no pins under [kiosk]"
        if isinstance(what, Sight):
            return None if what in self._settings.see else f"its BENCH.toml has no {what} under [see]"
        if self._kiosk is not None and what in (Deed.KILL_SERVER, Deed.START_SERVER):
            return None
        return None if what in self._settings.do else f"its BENCH.toml has no {what} under [do]"

    async def do(self, deed: Deed, what: str = "") -> None:
        """See `Bench`."""
        way = self._settings.do.get(deed)
        if way == MANUAL:
            await self._person.do(in_words(deed, what))
        elif isinstance(way, ByCommand):
            file = str(sentence(what)) if deed is Deed.SAY else ""
            await _run([_filled(word, what, file) for word in way.command], way.timeout_s)
        elif isinstance(way, ByLabgrid):
            assert self._settings.labgrid is not None  # settings refuses one without the other
            await _run(labgrid_words(self._settings.labgrid, way.labgrid), way.timeout_s)
        elif self._kiosk is not None:
            server = self._kiosk.server
            await (server.kill() if deed is Deed.KILL_SERVER else server.start())

    async def close(self) -> None:
        """See `Bench`."""
        await self._leaving.aclose()


def labgrid_words(labgrid: Labgrid, words: Sequence[str]) -> list[str]:
    """labgrid's command line that does `words` at the place."""
    options = ["--place", labgrid.place]
    if labgrid.coordinator is not None:
        options += ["--coordinator", labgrid.coordinator]
    if labgrid.config is not None:
        options += ["--config", str(labgrid.config)]
    return [labgrid.client, *options, *words]


def _filled(word: str, what: str, file: str) -> str:
    """`word` with what is meant put in; other braces are the program's own."""
    return word.replace("{what}", what).replace("{file}", file)


async def _run(words: Sequence[str], timeout_s: float) -> None:
    """Run a program to its end.

    Raises:
        BenchUnusable: it isn't there, failed, or took too long; the text holds its own words.
    """
    if shutil.which(words[0]) is None:
        raise BenchUnusable(f"there is no program {words[0]!r} on this machine")
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=os.environ,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), timeout_s)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise BenchUnusable(f"{' '.join(words)}: not done within {timeout_s:g} s") from None
    if process.returncode:
        text = said.decode(errors="replace").strip()[-_SHOWN:]
        raise BenchUnusable(f"{' '.join(words)}: exit code {process.returncode}: {text}")


def real_bench(path: Path, folder: Path, config: pytest.Config) -> RealBench:
    """The bench in the file at `path`; who must be asked is asked at the terminal that pytest runs in.

    Raises:
        BenchUnusable: the file can't be used.
    """
    settings = load(path)
    capture = config.pluginmanager.getplugin("capturemanager")
    terminal = Terminal(partial(capture.global_and_fixture_disabled)) if capture is not None else Terminal()
    return RealBench(settings, folder, Person(terminal, settings.manual.timeout_s))
