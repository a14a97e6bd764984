"""Notices on paper: once each, when the printer can, whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from drivers.leds.simulated import SimulatedLeds
from drivers.nfc.simulated import SimulatedReader
from drivers.printer.journal import Journal
from drivers.printer.settings import Settings
from drivers.printer.simulated import SimulatedPrinter
from edge.agents.hardware import HardwareAgent
from edge.bus import EmbeddedServer
from edge.notices import Notice, NoticeFolder

from .conftest import KEY, PATIENT_S, QUICK_S

TICKET = Notice(id="status-1.0", title="kiosk-001", lines=["Version 1.0", "", "printer: ready"], qr="kiosk-001")
MISTAKES = Notice(id="mistakes-1", title="A mistake", lines=["kiosk.toml, line 7:"])


@contextlib.asynccontextmanager
async def running(
    server: EmbeddedServer, printer: SimulatedPrinter, folder: NoticeFolder, journal: Path
) -> AsyncIterator[HardwareAgent]:
    """A hardware agent that prints what waits in `folder`; its journal outlives it."""
    leds, reader = SimulatedLeds(8), SimulatedReader()
    driver = printer.driver(Settings(journal=Journal(journal)))
    agent = HardwareAgent(
        server.url,
        leds=leds,
        reader=reader,
        printer=driver,
        device_key=KEY,
        shop="Volcano Burgers",
        currency="USD",
        receipts_base_url=None,
        notices=folder,
        watch_every_s=QUICK_S,
    )
    await agent.connect()
    try:
        yield agent
    finally:
        await agent.close()
        for device in (reader, leds, driver):
            await device.close()


async def printed(folder: Path, name: str) -> None:
    """Return once the notice is in `printed`."""
    async with asyncio.timeout(PATIENT_S):
        while not (folder / "printed" / f"{name}.json").exists():
            await asyncio.to_thread((folder / "printed").exists)


async def test_what_waits_is_printed_once(nats_server: EmbeddedServer, tmp_path: Path) -> None:
    printer, folder = SimulatedPrinter(), NoticeFolder(tmp_path / "notices")
    folder.leave(TICKET)
    for _ in range(2):
        async with running(nats_server, printer, folder, tmp_path / "journal"):
            await printed(tmp_path / "notices", TICKET.id)
    assert len(printer.receipts) == 1
    paper = printer.receipts[0]
    assert paper.complete
    for words in ("kiosk-001", "Version 1.0", "printer: ready"):
        assert words in str(paper)
    assert paper.qr == ["kiosk-001"]
    assert "TOTAL" not in str(paper)


async def test_a_notice_left_later_is_printed_too(nats_server: EmbeddedServer, tmp_path: Path) -> None:
    printer, folder = SimulatedPrinter(), NoticeFolder(tmp_path / "notices")
    async with running(nats_server, printer, folder, tmp_path / "journal"):
        folder.leave(MISTAKES)
        assert "kiosk.toml, line 7" in str(await printer.next_receipt())


async def test_without_paper_it_waits_for_paper(nats_server: EmbeddedServer, tmp_path: Path) -> None:
    printer, folder = SimulatedPrinter(), NoticeFolder(tmp_path / "notices")
    printer.empty_roll()
    folder.leave(TICKET)
    async with running(nats_server, printer, folder, tmp_path / "journal") as agent:
        refused = asyncio.Event()
        real = agent.printer.print_notice

        async def tried(notice: object) -> None:
            try:
                await real(notice)  # type: ignore[arg-type]  # whatever the agent printed
            except Exception:
                refused.set()
                raise

        agent.printer.print_notice = tried  # type: ignore[method-assign]  # to hear of the attempt
        await asyncio.wait_for(refused.wait(), PATIENT_S)
        assert [each.id for each in folder.waiting()] == [TICKET.id]
        printer.load_roll()
        assert "kiosk-001" in str(await printer.next_receipt())
        await printed(tmp_path / "notices", TICKET.id)
    assert len(printer.receipts) == 1


async def test_a_cut_between_paper_and_folder_prints_nothing_twice(nats_server: EmbeddedServer, tmp_path: Path) -> None:
    printer, folder = SimulatedPrinter(), NoticeFolder(tmp_path / "notices")
    folder.leave(TICKET)
    async with running(nats_server, printer, folder, tmp_path / "journal"):
        await printed(tmp_path / "notices", TICKET.id)
    (tmp_path / "notices" / "printed" / "status-1.0.json").replace(tmp_path / "notices" / "status-1.0.json")
    folder.leave(MISTAKES)
    async with running(nats_server, printer, folder, tmp_path / "journal"):
        await printed(tmp_path / "notices", TICKET.id)
        await printed(tmp_path / "notices", MISTAKES.id)
    assert ["kiosk.toml" in str(each) for each in printer.receipts] == [False, True]


async def test_one_that_may_have_been_printed_is_not_printed_again(nats_server: EmbeddedServer, tmp_path: Path) -> None:
    printer, folder = SimulatedPrinter(), NoticeFolder(tmp_path / "notices")
    Journal(tmp_path / "journal").write(f"notice:{TICKET.id}", "unknown")
    folder.leave(TICKET)
    async with running(nats_server, printer, folder, tmp_path / "journal"):
        await printed(tmp_path / "notices", TICKET.id)
    assert printer.receipts == []
