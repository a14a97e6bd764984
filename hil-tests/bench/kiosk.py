"""The kiosk on a bench: nats-server, monitor and every agent, with whatever devices the bench gives it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from edge.agents.orchestrator.timing import Timing
from edge.assembly import Assembly, Devices
from edge.bus import EmbeddedServer, NATSAgentBase
from edge.bus.dead import Undertaker
from edge.config import Config
from edge.contract.subjects import AGENTS
from edge.models import Store
from edge.monitor import Monitor

_CONNECT_S = 10.0


class KioskHere:
    """A kiosk in this process. `devices` that aren't given are opened by their URLs in `config`.

    With `timing` the customer's waits are other than a real kiosk's.
    """

    def __init__(
        self,
        config: Config,
        data_dir: Path,
        devices: Devices | None = None,
        *,
        declined: Sequence[bytes] = (),
        timing: Timing | None = None,
    ) -> None:
        self._config = config
        self._data_dir = data_dir
        self._devices = devices
        self._declined = declined
        self._timing = timing
        self._leaving = AsyncExitStack()
        self.server = EmbeddedServer(data_dir / "nats")
        self.agents: list[NATSAgentBase] = []

    async def open(self) -> None:
        """Start all of it; up when this returns."""
        try:
            await self._open()
        except BaseException:
            await self._leaving.aclose()
            raise

    async def _open(self) -> None:
        leaving = self._leaving
        await leaving.enter_async_context(self.server)
        monitor = Monitor(
            self.server.url,
            port=0,
            server_url=self.server.monitor_url,
            jobs=[lambda client: Undertaker(client).run()],
        )
        leaving.push_async_callback(monitor.close)
        await monitor.connect()
        await asyncio.wait_for(monitor.set_up(), _CONNECT_S)
        assembly = Assembly(
            self._config,
            Store(),
            self._data_dir,
            bus_url=self.server.url,
            page_url="http://kiosk.example",
            devices=self._devices,
            declined=self._declined,
        )
        leaving.push_async_callback(assembly.close)
        # On this loop and not in a thread: a microphone or a camera may want the loop it is used on.
        self.agents = [assembly.build(name) for name in AGENTS]
        for agent in self.agents:
            leaving.push_async_callback(agent.close)
            if self._timing is not None and agent.name == "orchestrator":
                agent.timing = self._timing  # type: ignore[attr-defined]  # the orchestrator has it, and none is imported here
        for agent in self.agents:
            await agent.connect()

    async def close(self) -> None:
        """Stop all of it."""
        await self._leaving.aclose()
