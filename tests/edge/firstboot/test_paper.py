"""From the card to paper: what a boot found wrong comes out of the printer of the agent that `kiosk run` builds."""

from __future__ import annotations

from drivers.leds.simulated import SimulatedLeds
from drivers.nfc.simulated import SimulatedReader
from drivers.printer.simulated import SimulatedPrinter
from edge.assembly import Assembly, Devices
from edge.bus import EmbeddedServer
from edge.config import load
from edge.models import Store

from .conftest import KIOSK_TOML, SECRETS, Kiosk


async def test_a_mistake_on_the_card_is_printed(kiosk: Kiosk, nats_server: EmbeddedServer) -> None:
    kiosk.write("kiosk.toml", KIOSK_TOML.replace("printer =", "pritner ="))
    kiosk.boot()
    config = load(kiosk.places.applied)
    printer, leds, reader = SimulatedPrinter(), SimulatedLeds(8), SimulatedReader()
    driver = printer.driver()
    # An agent's own data is elsewhere, as its unit has it.
    own = kiosk.places.data / "agents" / "hardware"
    devices = Devices(leds=leds, reader=reader, printer=driver)
    agent = Assembly(config, Store(), own, bus_url=nats_server.url, devices=devices).build("hardware")
    await agent.connect()
    try:
        paper = str(await printer.next_receipt(30))
    finally:
        await agent.close()
        for device in (leds, reader, driver):
            await device.close()
    assert "kiosk.toml, line 7:" in paper
    assert "Did you mean printer?" in " ".join(paper.split())
    assert not any(secret in paper for secret in SECRETS)
