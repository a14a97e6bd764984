"""The benches `mock` and `wire`: a whole kiosk in this process, its peripherals set up beside it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from bench import PATIENCE_S, Bus, Button, Lights, Receipts
from bench.buttons import NoButton, SimulatedButton, gpio_button
from bench.cards import PcscCards, SimulatedCards, card
from bench.deeds import Deed, Sight
from bench.kiosk import KioskHere
from bench.lobby_camera import SimulatedLobby, V4l2Camera
from bench.receipts import SimulatedPrinterOn, Wire
from bench.rooms import RoomOnAlsa, SimulatedRoom
from bench.stations import Doing, Station
from bench.strips import SimulatedStripHere, SpiStripHere
from bench.surroundings import Surroundings
from edge.assembly import Devices
from edge.config import Config
from edge.models import Store

_NO_POWER: Final = "the kiosk is a part of this process: there is no power to cut"
_PRINTERS: Final[Mapping[str, Wire]] = {"wire": "tcp", "wire+usb": "usb", "wire+serial": "serial"}


class BenchHere:
    """A bench made of stations. Everything runs on one event loop, blocking libraries in threads."""

    image = "this checkout"
    patience_s = PATIENCE_S

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        cards: Station,
        printer: SimulatedPrinterOn,
        strip: SimulatedStripHere | SpiStripHere,
        camera: Station,
        room: Station,
        button: SimulatedButton | NoButton,
        surroundings: Surroundings | None = None,
    ) -> None:
        self.name = name
        self._folder = folder
        self._cards, self._printer, self._strip = cards, printer, strip
        self._camera, self._room, self._button = camera, room, button
        self._stations: dict[str, Station] = {
            "card reader": cards,
            "printer": printer,
            "LED strip": strip,
            "camera": camera,
            "microphone": room,
            "button": button,
        }
        self.devices = {
            **{what: station.how for what, station in self._stations.items()},
            "bus": "a real nats-server of its own",
        }
        self._leaving = AsyncExitStack()
        if surroundings is not None:
            self._leaving.callback(surroundings.restore)
        self._doings: dict[Deed, Doing] = {}
        self.bus = Bus("")
        self.receipts: Receipts
        self.lights: Lights
        self.button: Button

    async def open(self) -> None:
        """See `Bench`."""
        try:
            await self._open()
        except BaseException:
            await self._leaving.aclose()
            raise

    async def _open(self) -> None:
        devices = {}
        for what, station in self._stations.items():
            devices[what] = await station.open()
            self._leaving.push_async_callback(station.close)
            self._doings |= station.doings()
        self.receipts, self.lights = self._printer.tray, self._strip.film
        if self._button.felt is not None:
            self.button = self._button.felt
        kiosk = KioskHere(
            Config(),
            self._folder / "kiosk",
            Devices(
                leds=devices["LED strip"],
                reader=devices["card reader"],
                printer=devices["printer"],
                camera=devices["camera"],
                microphone=devices["microphone"],
                pins=devices["button"],
            ),
            declined=[card("declined").uid],
        )
        await kiosk.open()
        self._leaving.push_async_callback(kiosk.close)
        self._doings |= {
            Deed.KILL_SERVER: lambda _: kiosk.server.kill(),
            Deed.START_SERVER: lambda _: kiosk.server.start(),
        }
        self.bus = Bus(kiosk.server.url)

    def missing(self, what: Deed | Sight) -> str | None:
        """See `Bench`."""
        if isinstance(what, Sight):
            return self._button.lacks.get(Deed.PRESS_BUTTON) if what is Sight.BUTTON else None
        for station in self._stations.values():
            if what in station.lacks:
                return station.lacks[what]
        return None if what in self._doings else _NO_POWER

    async def do(self, deed: Deed, what: str = "") -> None:
        """See `Bench`."""
        doing = self._doings[deed](what)
        if inspect.isawaitable(doing):
            await doing

    async def close(self) -> None:
        """See `Bench`."""
        await self._leaving.aclose()


def mock(store: Store, folder: Path) -> BenchHere:
    """Simulated drivers in process: seconds to set up, runs anywhere."""
    return BenchHere(
        "mock",
        folder,
        cards=SimulatedCards(),
        printer=SimulatedPrinterOn("in process", folder),
        strip=SimulatedStripHere(),
        camera=SimulatedLobby(store),
        room=SimulatedRoom(),
        button=SimulatedButton(),
    )


def wire(name: str, store: Store, folder: Path) -> BenchHere:
    """The real libraries, with simulated devices at the lowest level that this machine allows."""
    surroundings = Surroundings()
    return BenchHere(
        name,
        folder,
        cards=PcscCards(folder, surroundings),
        printer=SimulatedPrinterOn(_PRINTERS[name], folder),
        strip=SpiStripHere(folder, surroundings),
        camera=V4l2Camera(store, folder, surroundings),
        room=RoomOnAlsa(folder, surroundings),
        button=gpio_button(folder, surroundings),
        surroundings=surroundings,
    )
