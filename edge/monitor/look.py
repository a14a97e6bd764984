"""One look at the whole kiosk: the bus from within, the server from its monitoring port, the devices by asking."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from edge.bus import BusError, Client
from edge.bus.overview import Overview, Storage, overview
from edge.contract.errors import AskError, ContractError, ErrorCode
from edge.contract.hardware import DeviceStatus, GetStatus, HardwareStatus
from edge.contract.subjects import HARDWARE_STATUS
from edge.contract.wire import from_fields, to_fields
from edge.monitor.server import MonitoringPort, ServerSilent, ServerState

_DEVICES_S = 1.0  # the hardware agent answers from what it knows


@dataclass(frozen=True)
class Look:
    """What was seen; what could not be seen is None, with the reason in its `problem`."""

    bus: Overview | None
    server: ServerState | None
    bus_problem: str = ""
    server_problem: str = ""
    setup_problem: str = ""  # why streams and consumers can't be made
    msgs_per_s: float | None = None  # since the look before
    devices: tuple[DeviceStatus, ...] | None = None
    devices_problem: str = ""

    @property
    def storage(self) -> Storage | None:
        """What JetStream holds: the server's word, with all its accounts; without it our account's."""
        if self.server is not None:
            return Storage(self.server.jetstream_memory_bytes, self.server.jetstream_file_bytes)
        return self.bus.storage if self.bus else None

    def after(self, before: Look, passed_s: float) -> Look:
        """This look with its messages a second, `passed_s` after another; a server that restarted counts from 0."""
        if before.server is None or self.server is None or passed_s <= 0:
            return self
        had = before.server.in_msgs if before.server.started == self.server.started else 0
        return replace(self, msgs_per_s=max(0, self.server.in_msgs - had) / passed_s)


async def look(client: Client, port: MonitoringPort) -> Look:
    """Look at both at once; never raises for what is wrong with them."""
    bus, server = await asyncio.gather(_bus(client), _server(port, client.url))
    devices = await _devices(client, bus) if isinstance(bus, Overview) else ""
    return Look(
        bus if isinstance(bus, Overview) else None,
        server if isinstance(server, ServerState) else None,
        bus if isinstance(bus, str) else "",
        server if isinstance(server, str) else "",
        devices=devices if isinstance(devices, tuple) else None,
        devices_problem=devices if isinstance(devices, str) else "",
    )


async def devices_of(client: Client, timeout_s: float = _DEVICES_S) -> tuple[DeviceStatus, ...]:
    """How the devices are, by the hardware agent's word. Asked live: nobody wants the answer later.

    Raises:
        AskError: it is not there, does not answer, or is too old to be asked.
    """
    answer = (await client.request(HARDWARE_STATUS.subject, to_fields(GetStatus()), timeout_s)).get("payload")
    if isinstance(answer, dict) and answer.get("status") == "error":
        raise AskError.from_payload(answer)
    try:
        return tuple(from_fields(answer, HardwareStatus).devices)
    except ContractError as error:
        raise AskError(ErrorCode.INTERNAL_ERROR, f"the hardware agent's answer breaks the contract: {error}") from error


async def _bus(client: Client) -> Overview | str:
    try:
        return await overview(client)
    except BusError as error:
        return str(error)


async def _devices(client: Client, bus: Overview) -> tuple[DeviceStatus, ...] | str:
    hardware = bus.agents.get(HARDWARE_STATUS.done_by)
    if hardware is None or hardware.presence != "up":
        return "the hardware agent, which would say, is not there"
    try:
        return await devices_of(client)
    except (AskError, BusError) as error:
        return str(error)


async def _server(port: MonitoringPort, bus_url: str) -> ServerState | str:
    try:
        return await port.state(bus_url)
    except ServerSilent as error:
        return str(error)
