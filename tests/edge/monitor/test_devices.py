"""How devices are, in health, metrics and alerts; with keys too, for asking is a permission."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from drivers.leds.simulated import SimulatedLeds
from drivers.nfc.simulated import SimulatedReader
from drivers.printer.simulated import SimulatedPrinter
from edge.agents.hardware import HardwareAgent
from edge.bus import EmbeddedServer, NATSAgentBase
from edge.bus.keys import key_path, make_keys
from edge.contract.hardware import Condition
from edge.monitor.alerts import find
from edge.monitor.health import health
from edge.monitor.metrics import metrics_text

from .conftest import Watching
from .scenes import GONE, WELL, device
from .test_metrics import samples, value

ONLY_HARDWARE = {"expected": ("hardware",)}


def test_devices_that_are_ready_are_shown() -> None:
    body = health(WELL).kiosk.as_json()
    assert body["status"] == "ok"
    leds = body["devices"]["devices"]["leds"]
    assert leds == {"condition": "ready", "since": "2026-11-23T12:00:00.000Z", "reason": "", "code": ""}


def test_what_can_not_do_its_work_makes_the_kiosk_unwell_and_low_paper_does_not() -> None:
    look = replace(
        WELL,
        devices=(
            device("reader", Condition.ABSENT, "unplugged", "lost"),
            device("printer", Condition.DEGRADED, "no paper", "out_of_paper"),
            device("camera", Condition.DEGRADED, "12 pictures a second"),
            device("leds"),
        ),
    )
    found = health(look)
    assert found.kiosk.problems == found.devices.problems
    assert found.devices.problems == ("reader is absent: unplugged", "printer is degraded: no paper")
    low = health(replace(WELL, devices=(device("printer", Condition.DEGRADED, "the paper is low"),)))
    assert low.kiosk.ok


def test_devices_that_nobody_tells_of_are_not_judged() -> None:
    look = replace(WELL, devices=None, devices_problem="the hardware agent, which would say, is not there")
    found = health(look)
    assert found.kiosk.ok
    assert found.devices.as_json()["devices_problem"] == look.devices_problem
    assert "kiosk_device_state" not in metrics_text(look).decode()
    assert health(GONE).devices.as_json()["devices"] is None


def test_metrics_are_numbers_by_device() -> None:
    look = replace(
        WELL, devices=(device("leds"), device("printer", Condition.DEGRADED), device("reader", Condition.ABSENT))
    )
    found = samples(metrics_text(look))
    states = {name: value(found, "kiosk_device_state", device=name) for name in ("leds", "printer", "reader")}
    assert states == {"leds": 2, "printer": 1, "reader": 0}


def test_alerts_name_the_device_and_say_why() -> None:
    look = replace(
        WELL, devices=(device("leds"), device("printer", Condition.DEGRADED, "low"), device("reader", Condition.ABSENT))
    )
    found = [(alert.kind.name, alert.text, alert.labels) for alert in find(look)]
    assert found == [
        ("KioskDeviceDegraded", "printer is degraded: low", (("device", "printer"),)),
        ("KioskDeviceAbsent", "reader is absent", (("device", "reader"),)),
    ]


# -- with real agents ------------------------------------------------------------------------------------------


@dataclass
class Lobby:
    leds: SimulatedLeds
    reader: SimulatedReader
    printer: SimulatedPrinter


Furnish = Callable[[EmbeddedServer, Path | None], Awaitable[Lobby]]


@pytest.fixture
async def furnish() -> AsyncIterator[Furnish]:
    """A hardware agent on a server, with a key where the server wants one."""
    async with AsyncExitStack() as leaving:

        async def start(server: EmbeddedServer, keys: Path | None) -> Lobby:
            lobby = Lobby(SimulatedLeds(4), SimulatedReader(), SimulatedPrinter())
            driver = lobby.printer.driver()
            for closing in (lobby.leds, lobby.reader, driver):
                leaving.push_async_callback(closing.close)
            agent = HardwareAgent(
                server.url,
                leds=lobby.leds,
                reader=lobby.reader,
                printer=driver,
                device_key=b"sixteen bytes or more",
                shop="Shop",
                currency="USD",
                receipts_base_url=None,
                watch_every_s=0.05,
            )
            agent.client.key_file = key_path(keys, "hardware") if keys else None
            await agent.connect()
            leaving.push_async_callback(agent.close)
            return lobby

        yield start


@pytest.mark.parametrize("signed_in", [False, True], ids=["without keys", "with keys"])
async def test_an_empty_roll_is_seen_in_all_three_and_so_is_a_new_one(
    watching: Watching, furnish: Furnish, tmp_path: Path, signed_in: bool
) -> None:
    folder = tmp_path / "keys" if signed_in else None
    public = {each.user: each.public for each in make_keys(folder)} if folder else None
    async with EmbeddedServer(tmp_path / "nats", public_keys=public) as server:
        watched = await watching(server, key_file=key_path(folder, "monitor") if folder else None, **ONLY_HARDWARE)
        await watched.monitor.set_up()
        lobby = await furnish(server, folder)
        body = await watched.until("/healthz/devices", lambda status, body: status == 200 and body["devices"])
        assert set(body["devices"]) == {"leds", "reader", "printer"}
        lobby.printer.empty_roll()
        body = await watched.until("/healthz", lambda status, _: status == 503)
        (problem,) = body["problems"]
        assert problem.startswith("printer is degraded: ")
        assert "paper" in problem
        _, text = await watched.get("/metrics")
        assert value(samples(text.encode()), "kiosk_device_state", device="printer") == 1
        lobby.printer.load_roll()
        await watched.until("/healthz", lambda status, _: status == 200)


async def test_a_hardware_agent_that_can_not_be_asked_yet_is_not_judged(
    nats_server: EmbeddedServer, watching: Watching
) -> None:
    class Older(NATSAgentBase):
        """Of a version that had no status."""

        name = "hardware"

    agent = Older(nats_server.url)
    await agent.connect()
    try:
        watched = await watching(nats_server, **ONLY_HARDWARE)
        body = await watched.until("/healthz", lambda status, _: status == 200)
        assert body["devices"]["devices"] is None
        assert "INVALID_REQUEST" in body["devices"]["devices_problem"]
    finally:
        await agent.close()
