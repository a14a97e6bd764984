"""The LED strip, and what is filmed of it."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bench import BenchUnusable, Frame
from bench.deeds import Deed
from bench.stations import Assembled, Doing
from bench.surroundings import Surroundings
from drivers.isolated import open_leds
from drivers.leds import Leds
from drivers.leds.simulated import SimulatedLeds, SimulatedStrip
from tests.drivers.leds.wire import SpiPort, build_shim, missing_for_spidev

_COUNT: Final = 24
_LONGEST_FILM: Final = 20_000  # frames: several minutes of a strip that never rests


class Film:
    """`Lights` on film: each frame in which the strip changed."""

    def __init__(self, strip: SimulatedStrip) -> None:
        self._strip = strip
        self._frames: list[Frame] = []
        self._news = asyncio.Event()
        self._filming = asyncio.create_task(self._film(), name="the bench's film")

    async def _film(self) -> None:
        async for frame in self._strip.changes():
            self._frames.append(Frame(frame.shown_at_s, frame.colors))
            del self._frames[:-_LONGEST_FILM]
            self._news.set()

    def begin(self) -> None:
        """See `Lights`."""
        del self._frames[:-1]

    async def until(self, lit: bool, timeout_s: float) -> None:
        """See `Lights`."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._strip.frame.lit != lit:
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            wanted, shows = "lit" if lit else "dark", self._strip.frame.colors[0]
            raise AssertionError(
                f"the strip is not {wanted} within {timeout_s:g} s; its first LED shows {shows}"
            ) from None

    def frames(self) -> Sequence[Frame]:
        """See `Lights`."""
        return tuple(self._frames)

    async def close(self) -> None:
        """Stop filming."""
        self._filming.cancel()
        await asyncio.wait([self._filming])


class SimulatedStripHere:
    """24 simulated WS2812 LEDs that measure the pulses on their data line."""

    how = "simulated WS2812 strip that measures its pulses, connected in process"
    lacks: Mapping[Deed, str] = {}

    async def open(self) -> Leds:
        """See `Station`."""
        self._leds = SimulatedLeds()
        self.film = Film(self._leds.strip)
        return self._leds

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        strip = self._leds.strip
        return {Deed.UNPLUG_LEDS: lambda _: strip.unplug(), Deed.PLUG_LEDS: lambda _: strip.plug()}

    async def close(self) -> None:
        """See `Station`."""
        await self._leds.close()
        await self.film.close()


class SpiStripHere(Assembled):
    """The same strip on a SPI port that a shim supplies to the real spidev."""

    how = "the driver and the real spidev in a process of its own; a shim's SPI port with a strip that measures pulses"
    lacks: Mapping[Deed, str] = {}

    def __init__(self, folder: Path, surroundings: Surroundings) -> None:
        super().__init__()
        self._folder = folder
        self._surroundings = surroundings

    async def assemble(self) -> Leds:
        """See `Assembled`."""
        reason = missing_for_spidev()
        if reason is not None:
            raise BenchUnusable(reason)
        # Short enough for a socket's name, which a test's folder may not be.
        short = Path(self._leaving.enter_context(tempfile.TemporaryDirectory(prefix="spi")))
        shim = await asyncio.to_thread(build_shim, self._folder)
        self._port = await self._leaving.enter_async_context(SpiPort(short, shim, _COUNT))
        self._surroundings.preload(shim)
        self._surroundings.set({"SPIDEV_SHIM": str(short)})
        self.film = Film(self._port.strip)
        self._leaving.push_async_callback(self.film.close)
        leds = await asyncio.to_thread(open_leds, f"spi:/dev/spidev0.0?count={_COUNT}")
        self._leaving.push_async_callback(leds.close)
        return leds

    def doings(self) -> Mapping[Deed, Doing]:
        """See `Station`."""
        port = self._port
        return {Deed.UNPLUG_LEDS: lambda _: port.unplug(), Deed.PLUG_LEDS: lambda _: port.plug_in()}
