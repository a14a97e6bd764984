"""The status ticket: who and where this kiosk is, and what each device is doing, once it is ready."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edge.bus import Client
from edge.bus.connection import BusError
from edge.config import Config
from edge.contract import hardware
from edge.contract.errors import AskError
from edge.contract.subjects import HARDWARE_STATUS
from edge.firstboot.addresses import Address, addresses
from edge.firstboot.durable import put
from edge.notices import Notice, NoticeFolder

STATUS_TXT: Final = "STATUS.txt"

# Whose device the hardware agent hears of from them alone.
_TOLD_BY: Final = {"vision": "camera", "voice": "microphone"}
_LOOK_EVERY_S: Final = 1.0


@dataclass(frozen=True)
class Status:
    """What is known of a kiosk. `missing` are the agents that aren't there; without a bus `bus` says why."""

    kiosk_id: str
    version: str
    host: str
    hub: str | None
    addresses: Sequence[Address] = ()
    devices: Sequence[hardware.DeviceStatus] = ()
    missing: Sequence[str] = ()
    bus: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def serves(self, expected: Collection[str]) -> bool:
        """Whether every agent is there and every device has been told of, as ready or not."""
        told = {device.name for device in self.devices}
        return not self.bus and not self.missing and all(_TOLD_BY.get(each, "") in (*told, "") for each in expected)

    @property
    def lines(self) -> list[str]:
        """All of it, for paper and for the card."""
        where = [f"Address {each.ip} ({each.interface})" for each in self.addresses] or ["No network address yet"]
        agents = [f"Not running: {', '.join(self.missing)}"] if self.missing else []
        devices = [f"{each.name}: {_condition(each)}" for each in self.devices]
        return [
            f"kiosk-edge {self.version}",
            f"Host {self.host}",
            *where,
            *([f"Hub {self.hub}"] if self.hub else []),
            "",
            *([f"The bus can't be reached: {self.bus}"] if self.bus else []),
            *agents,
            *devices,
        ]

    @property
    def inventory(self) -> str:
        """The kiosk as a line of an Ansible inventory, to be scanned into one."""
        return " ".join([self.kiosk_id, *(f"ansible_host={each.ip}" for each in self.addresses[:1])])

    def notice(self, *, whole: bool) -> Notice:
        """The ticket; one that isn't whole is another than the whole one that may come later."""
        name = f"status-{re.sub('[^A-Za-z0-9._-]', '-', self.version)}"
        lines = self.lines if whole else [*self.lines, "", "This kiosk does not serve yet."]
        return Notice(id=name if whole else f"{name}-early", title=self.kiosk_id, lines=lines, qr=self.inventory)

    def text(self, *, whole: bool) -> str:
        """STATUS.txt, with the line ends of Windows."""
        now = self.at.astimezone().strftime("%Y-%m-%d %H:%M %Z")
        head = f"{self.kiosk_id}, {'serving' if whole else 'not serving yet'}, {now}"
        return "\r\n".join([head, "=" * len(head), "", *self.lines, "", f"For an inventory: {self.inventory}", ""])


async def look(config: Config, client: Client, version: str) -> Status:
    """How the kiosk is now."""
    devices: Sequence[hardware.DeviceStatus] = ()
    missing, bus = [], ""
    try:
        missing = [each for each in config.monitor.agents if not await client.is_up(each)]
        if "hardware" in config.monitor.agents and "hardware" not in missing:
            answer = await client.request(HARDWARE_STATUS, hardware.GetStatus())
            devices = answer.devices
    except (AskError, BusError) as error:
        bus = str(error)
    hub = config.hub.url if config.hub else None
    return Status(config.kiosk.id, version, socket.gethostname(), hub, addresses(), devices, missing, bus)


async def wait_and_tell(
    config: Config,
    client: Client,
    version: str,
    *,
    wait_s: float,
    network_s: float,
    tell: Callable[[Status, bool], None],
) -> Status:
    """Wait until the kiosk serves, at most `wait_s`, and then for an address, at most `network_s`; tell how it is.

    Where it doesn't serve by then it is told so, and again when it does, however long that takes.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    served_s: float | None = None
    told = False
    while True:
        if client.left:
            status = await _connected(config, client, version)
        else:
            status = await look(config, client, version)
        now_s = loop.time()
        if status.serves(config.monitor.agents):
            served_s = served_s or now_s
            if status.addresses or now_s - served_s >= network_s:
                tell(status, True)
                return status
        elif not told and now_s - began_s >= wait_s:
            tell(status, False)
            told = True
        await asyncio.sleep(_LOOK_EVERY_S)


def tell_card_and_paper(boot: Path, notices: Path) -> Callable[[Status, bool], None]:
    """Tells how the kiosk is in STATUS.txt at `boot`, and by a ticket, once a version.

    What it returns raises OSError if one of them can't be written.
    """

    def tell(status: Status, whole: bool) -> None:
        folder = NoticeFolder(notices)
        ticket = status.notice(whole=whole)
        if whole:
            folder.withdraw(f"{ticket.id}-early")
        folder.leave(ticket)
        put(boot / STATUS_TXT, status.text(whole=whole).encode("utf-8-sig"), mode=None)

    return tell


async def _connected(config: Config, client: Client, version: str) -> Status:
    try:
        await client.connect(wait_s=_LOOK_EVERY_S)
    except BusError as error:
        hub = config.hub.url if config.hub else None
        agents = list(config.monitor.agents)
        return Status(config.kiosk.id, version, socket.gethostname(), hub, addresses(), (), agents, str(error))
    return await look(config, client, version)


def _condition(device: hardware.DeviceStatus) -> str:
    return f"{device.condition.value}, {device.reason}" if device.reason else device.condition.value
