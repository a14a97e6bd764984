"""A small fleet on loopback: a hub of one node, and kiosks that joined it, each by a cable that can be pulled."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.bus.tasks import cancel_all
from edge.fleet.applying import Outcome, apply_all
from edge.fleet.books import Notice
from edge.fleet.keeper import Keeper
from edge.fleet.register import changing
from proofs.fleet.cable import Cables
from proofs.fleet.machines import HubMachines, KioskMachine, free_port, settings_on

WAIT_S = 150


@pytest.fixture(autouse=True)
def _openssl() -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine: install the package openssl")


async def until(condition: Callable[[], object]) -> None:
    """Return when it is so; it becomes so by what other processes do."""
    tick = asyncio.get_running_loop()
    async with asyncio.timeout(WAIT_S):
        while not condition():
            waiting = tick.create_future()
            tick.call_later(0.05, waiting.set_result, None)
            await waiting


@dataclass
class SmallFleet:
    """The hub, its kiosks and their cables."""

    path: Path
    hub: HubMachines
    cables: Cables
    kiosks: dict[str, KioskMachine] = field(default_factory=dict)

    async def kiosk(self, name: str, *, asks: Sequence[str] = (), group: str = "", max_msgs: int = -1) -> KioskMachine:
        """A kiosk that is a member, and runs."""
        (self.path / name).mkdir()
        made = KioskMachine(name, self.path / name, free_port(), limits={"max_msgs": max_msgs})
        with changing(self.hub.folder.path) as register:
            register.add(name, made.make_key(), group)
        assert (await self.apply()).problems == []
        urls = await self.cables.lay(name, self.hub.folder.settings().leaf_urls)
        made.join(urls, self.hub.folder.ca.read_text(encoding="utf-8"), asks=asks)
        self.kiosks[name] = made
        await made.start()
        return made

    async def apply(self, *cut: str) -> Outcome:
        """Bring the register to the hub."""
        return await apply_all(self.hub.folder, self.hub.sign_in, cut=cut)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[SmallFleet]:
    hub = HubMachines.found(tmp_path / "hub", settings_on({"a": "127.0.0.1"}, loopback=True))
    made = SmallFleet(tmp_path, hub, Cables())
    try:
        await hub.start()
        yield made
    finally:
        await asyncio.gather(*(kiosk.stop() for kiosk in made.kiosks.values()))
        await made.cables.remove()
        await hub.stop()


@dataclass
class Keeping:
    """A keeper at work, and what it told."""

    keeper: Keeper
    told: list[Notice]

    async def has(self, kiosk: KioskMachine) -> None:
        """Return when all that the kiosk said is counted, as arrived or as lost."""
        books = self.keeper.books
        await until(
            lambda: kiosk.name in books and max(books[kiosk.name].seen, books[kiosk.name].counted) >= kiosk.said
        )

    async def sees(self, kiosk: KioskMachine, *, connected: bool) -> None:
        """Return when the keeper knows that the kiosk is there, or away."""
        books = self.keeper.books
        await until(lambda: kiosk.name in books and books[kiosk.name].connected == connected)


@pytest.fixture
async def keeping(fleet: SmallFleet) -> AsyncIterator[Keeping]:
    await fleet.apply()
    told: list[Notice] = []
    async with fleet.hub.sign_in(fleet.hub.folder.path, "keeper") as hub:
        keeper = Keeper(hub, interval_s=0.3, flush_s=0.2, on_notice=told.append)
        task = asyncio.create_task(keeper.run())
        try:
            yield Keeping(keeper, told)
        finally:
            await cancel_all([task])
            await keeper.close()
