"""The virtual kiosk: embedded server, every agent, simulated peripherals, page and bench, in one process."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from edge.agents.voice import VoiceAgent
from edge.assembly import Assembly, Devices
from edge.bus import Client, EmbeddedServer, NATSAgentBase
from edge.bus.dead import Undertaker
from edge.bus.keys import key_path, make_keys
from edge.bus.server import PageAccess
from edge.config import Config
from edge.contract.permissions import MONITOR, OPERATOR
from edge.contract.subjects import AGENTS
from edge.frontend.server import PageConfig, PageServer, make_app
from edge.models import Store
from edge.monitor import Monitor
from edge.virtual.bench_api import BenchApi
from edge.virtual.stage import Stage

log = logging.getLogger(__name__)

_CONNECT_S = 10.0


@dataclass(frozen=True)
class Ports:
    """The ports to take; 0 picks a free one."""

    bus: int = 0
    page: int = 0
    monitor: int = 0


class VirtualKiosk:
    """A whole kiosk. Use as an async context manager; then `stage` plays and `page_url` shows.

    `data_dir` keeps streams, payment journal, receipts and keys from one run to the next. With `keys` the bus lets
    nobody in who doesn't sign in: each agent is a user of its own, and so are monitor and bench.
    """

    def __init__(
        self, config: Config, store: Store, data_dir: Path, ports: Ports = Ports(), *, keys: bool = False
    ) -> None:
        self._config = config
        self._store = store
        self._data_dir = data_dir
        self._ports = ports
        self.keys = data_dir / "keys" if keys else None
        self._agents: list[NATSAgentBase] = []
        self._cleanup = AsyncExitStack()
        self.started_in_s = 0.0
        self.stage: Stage
        self.bus: Client
        self.server: EmbeddedServer
        self.monitor: Monitor
        self.page_url = ""

    async def __aenter__(self) -> VirtualKiosk:
        began_s = time.monotonic()
        try:
            await self._start()
        except BaseException:
            await self._cleanup.aclose()
            raise
        self.started_in_s = time.monotonic() - began_s
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._cleanup.aclose()

    async def _start(self) -> None:
        leaving = self._cleanup
        # The page's origin is settled first: the server must know it, and the page must know the server.
        page = PageServer(self._ports.page)
        page.bind()
        leaving.push_async_callback(page.stop)
        self.server = EmbeddedServer(
            self._data_dir / "nats",
            port=self._ports.bus,
            page=PageAccess(page.origin),
            public_keys=await asyncio.to_thread(_public_keys, self.keys) if self.keys else None,
        )
        await leaving.enter_async_context(self.server)
        # It makes the streams: agents with keys wait until it has.
        self.monitor = Monitor(
            self.server.url,
            port=self._ports.monitor,
            server_url=self.server.monitor_url,
            key_file=key_path(self.keys, MONITOR) if self.keys else None,
            jobs=[lambda client: Undertaker(client).run()],
        )
        leaving.push_async_callback(self.monitor.close)
        await self.monitor.connect()
        await asyncio.wait_for(self.monitor.set_up(), _CONNECT_S)
        self.bus = Client(self.server.url, name=OPERATOR, key_file=key_path(self.keys, OPERATOR) if self.keys else None)
        await self.bus.connect(wait_s=_CONNECT_S)
        leaving.push_async_callback(self.bus.close)

        self.stage = Stage({"customer": self._store.path("astronaut"), "coffee": self._store.path("coffee")})
        leaving.push_async_callback(self.stage.close)
        assembly = Assembly(
            self._config,
            self._store,
            self._data_dir,
            bus_url=self.server.url,
            keys=self.keys,
            page_url=page.origin,
            devices=Devices(
                leds=self.stage.leds,
                reader=self.stage.reader,
                printer=self.stage.printer.driver(),
                camera=self.stage.camera,
                microphone=self.stage.microphone,
            ),
            declined=[each.card.uid for each in self.stage.cards if each.id == "declined"],
        )
        leaving.push_async_callback(assembly.close)
        # Building loads models and the recogniser: seconds of one core, so not on the event loop.
        self._agents = await asyncio.to_thread(lambda: [assembly.build(name) for name in AGENTS])
        for agent in self._agents:
            leaving.push_async_callback(agent.close)
        # The orchestrator is last in AGENTS: it finds its neighbours up when it shows its first screen.
        for agent in self._agents:
            await agent.connect()

        bench = BenchApi(self.stage, self.bus, self._say_text)
        app = make_app(
            config=PageConfig(self.server.websocket_url, self._config.kiosk.id, self._config.kiosk.currency),
            nats_client=self._store.path("nats_ws"),
            receipts_dir=assembly.receipts_dir,
            healthy=self.health,
            home="/bench/",
            mounts=[bench.mount],
        )
        await page.serve(app)
        self.page_url = f"{page.origin}/"

    async def _say_text(self, text: str) -> None:
        """Typed text, given to the voice agent as if it had heard it; the transcript is marked as typed."""
        for agent in self._agents:
            if isinstance(agent, VoiceAgent):
                await agent.hear_text(text)

    async def health(self) -> Mapping[str, bool]:
        """What of the kiosk works: the server, and each agent."""
        return {"bus": self.bus.connected} | {agent.name: agent.ready for agent in self._agents}


def _public_keys(folder: Path) -> dict[str, str]:
    return {each.user: each.public for each in make_keys(folder)}
