"""A real page in a real browser on a real bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize

from edge.bus import Client, EmbeddedServer
from edge.bus.server import PageAccess
from edge.contract.envelope import NATSMessage
from edge.contract.subjects import UI_UPDATE
from edge.contract.ui import UiUpdate
from edge.frontend import PageConfig, PageServer, make_app
from edge.models import ModelError, Store

WAIT_S = 15.0
PORTRAIT: ViewportSize = {"width": 1080, "height": 1920}


@pytest.fixture(scope="session")
def nats_client() -> Path:
    """The browser's NATS client, from the model store."""
    try:
        return Store().path("nats_ws")
    except ModelError as error:
        pytest.skip(f"the page's NATS client is missing: {error}")


@dataclass
class Kiosk:
    """The page's surroundings: web server, bus, and an orchestrator's hands and ears."""

    browser: Browser
    web: PageServer
    server: EmbeddedServer
    bus: Client
    said: asyncio.Queue[tuple[str, NATSMessage]] = field(default_factory=asyncio.Queue)
    complaints: list[str] = field(default_factory=list)

    async def open(self, *, ready: bool = True, before: Callable[[Page], object] | None = None) -> Page:
        """A new page, and what it complains of collected; `ready` waits until it has joined the bus."""
        page = await self.browser.new_page(viewport=PORTRAIT)
        page.set_default_timeout(WAIT_S * 1000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda line: self.complaints.append(line.text) if line.type in {"error", "warning"} else None,
        )
        await page.goto(f"{self.web.origin}/kiosk/")
        if ready:
            await page.wait_for_function("() => !document.body.classList.contains('paused')")
        return page

    async def show(self, update: UiUpdate, *, session_id: str | None = None) -> None:
        """Publish a screen as the orchestrator does."""
        await self.bus.publish(UI_UPDATE, update, session_id=session_id)

    async def heard(self) -> tuple[str, NATSMessage]:
        """The next message that the page sent."""
        return await asyncio.wait_for(self.said.get(), WAIT_S)


@pytest_asyncio.fixture(loop_scope="session")
async def kiosk(tmp_path: Path, browser: Browser, nats_client: Path) -> AsyncIterator[Kiosk]:
    """A kiosk that shows nothing yet."""
    web = PageServer()
    web.bind()
    async with EmbeddedServer(tmp_path / "nats", page=PageAccess(web.origin)) as server:
        config = PageConfig(websocket_url=server.websocket_url, kiosk_id="kiosk-001", currency="EUR")
        await web.serve(make_app(config=config, nats_client=nats_client))
        bus = Client(server.url, name="test")
        await bus.connect(wait_s=WAIT_S, setup=True)
        made = Kiosk(browser, web, server, bus)
        ear = asyncio.create_task(_listen(made))
        await bus.settle()
        yield made
        ear.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ear
        for context in browser.contexts:
            await context.close()
        await bus.close()
    await web.stop()


async def _listen(kiosk: Kiosk) -> None:
    async for subject, message in kiosk.bus.watch("kiosk.input.>"):
        assert isinstance(message, NATSMessage)
        await kiosk.said.put((subject, message))
