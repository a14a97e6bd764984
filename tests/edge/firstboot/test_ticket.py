"""The status ticket, of a real hardware agent on a real bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drivers.leds.simulated import SimulatedLeds
from drivers.nfc.simulated import SimulatedReader
from drivers.printer.simulated import SimulatedPrinter
from edge.agents.hardware import HardwareAgent
from edge.bus import Client, EmbeddedServer
from edge.config import Config, parse
from edge.contract import hardware
from edge.contract.subjects import CAMERA_STATE
from edge.firstboot import ticket
from edge.firstboot.addresses import Address, addresses
from edge.firstboot.ticket import Status, tell_card_and_paper, wait_and_tell
from edge.notices import NoticeFolder

PATIENT_S = 30.0


@pytest.fixture(autouse=True)
def an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket, "addresses", lambda: [Address("eth0", "10.0.0.20"), Address("eth0", "fd00::20")])
    monkeypatch.setattr(ticket, "_LOOK_EVERY_S", 0.05)


@contextlib.asynccontextmanager
async def hardware_agent(server: EmbeddedServer) -> AsyncIterator[SimulatedPrinter]:
    leds, reader, printer = SimulatedLeds(8), SimulatedReader(), SimulatedPrinter()
    driver = printer.driver()
    printer.empty_roll()
    agent = HardwareAgent(
        server.url,
        leds=leds,
        reader=reader,
        printer=driver,
        device_key=b"a device key of 32 bytes, or so.",
        shop="Volcano Burgers",
        currency="USD",
        receipts_base_url=None,
        watch_every_s=0.05,
    )
    await agent.connect()
    try:
        yield printer
    finally:
        await agent.close()
        for device in (reader, leds, driver):
            await device.close()


def config(*agents: str) -> Config:
    names = ", ".join(f'"{each}"' for each in agents)
    return parse(f'[kiosk]\nid = "Shop_7"\n[monitor]\nagents = [{names}]\n[hub]\nurl = "https://hub.example"\n')


async def test_a_kiosk_that_serves_says_who_where_and_how_it_is(nats_server: EmbeddedServer, tmp_path: Path) -> None:
    notices, told = tmp_path / "notices", tell_card_and_paper(tmp_path, tmp_path / "notices")
    client = Client(nats_server.url, name="test")
    async with hardware_agent(nats_server), asyncio.timeout(PATIENT_S):
        for _ in range(2):
            await wait_and_tell(config("hardware"), client, "1.0+b7", wait_s=PATIENT_S, network_s=0, tell=told)
    await client.close()
    (notice,) = NoticeFolder(notices).waiting()
    assert (notice.id, notice.title, notice.qr) == ("status-1.0-b7", "Shop_7", "Shop_7 ansible_host=10.0.0.20")
    for line in (
        "kiosk-edge 1.0+b7",
        "Address 10.0.0.20 (eth0)",
        "Address fd00::20 (eth0)",
        "Hub https://hub.example",
        "leds: ready",
    ):
        assert line in notice.lines
    assert any(line.startswith(("printer: degraded, ", "printer: absent, ")) for line in notice.lines)
    card = (tmp_path / "STATUS.txt").read_bytes().decode("utf-8-sig")
    assert card.startswith("Shop_7, serving, ")
    for line in notice.lines:
        assert f"\r\n{line}\r\n" in card


async def test_it_waits_for_the_device_of_a_neighbour(nats_server: EmbeddedServer, bus: Client) -> None:
    client = Client(nats_server.url, name="ticket")
    seen = config("hardware").monitor.agents
    async with hardware_agent(nats_server), asyncio.timeout(PATIENT_S):
        await client.connect(wait_s=PATIENT_S)
        status = await ticket.look(config("hardware"), client, "1.0")
        assert status.serves(seen)
        assert not status.serves([*seen, "vision"])
        state = hardware.CameraState(condition=hardware.Condition.READY, since="2026-11-23T12:00:00.000Z")
        while not status.serves([*seen, "vision"]):
            await bus.publish(CAMERA_STATE, state)
            status = await ticket.look(config("hardware"), client, "1.0")
    assert "camera: ready" in status.lines
    await client.close()


async def test_one_that_does_not_serve_says_so_and_then_that_it_does(
    nats_server: EmbeddedServer, tmp_path: Path
) -> None:
    await nats_server.stop()
    folder = NoticeFolder(tmp_path / "notices")
    write = tell_card_and_paper(tmp_path, tmp_path / "notices")
    early = asyncio.Event()
    told: list[bool] = []

    def tell(status: Status, whole: bool) -> None:
        write(status, whole)
        told.append(whole)
        early.set()

    client = Client(nats_server.url, name="ticket")
    work = asyncio.create_task(wait_and_tell(config("hardware"), client, "1.0", wait_s=0, network_s=0, tell=tell))
    await asyncio.wait_for(early.wait(), PATIENT_S)
    assert [each.id for each in folder.waiting()] == ["status-1.0-early"]
    assert "not serving yet" in (tmp_path / "STATUS.txt").read_text("utf-8-sig")
    await nats_server.start()
    async with hardware_agent(nats_server):
        await asyncio.wait_for(work, PATIENT_S)
    await client.close()
    assert told == [False, True]
    assert [each.id for each in folder.waiting()] == ["status-1.0"]


def test_a_kiosk_without_network_is_told_of_as_such() -> None:
    status = Status("kiosk-001", "1.0", "kiosk-001", None)
    assert "No network address yet" in status.lines
    assert status.inventory == "kiosk-001"


def test_this_machines_addresses_are_nobody_elses() -> None:
    found = addresses()
    assert not any(each.ip.startswith(("127.", "169.254.", "fe80:", "::1")) for each in found)
    assert all(each.interface for each in found)
