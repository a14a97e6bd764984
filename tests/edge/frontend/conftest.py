"""A real page in a real browser on a real bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, ViewportSize

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
    pages: list[Page] = field(default_factory=list)

    async def open(self, *, ready: bool = True) -> Page:
        """A new page, whose complaints are collected; `ready` waits until it shows a screen."""
        page = await self.browser.new_page(viewport=PORTRAIT)
        self.pages.append(page)
        page.set_default_timeout(WAIT_S * 1000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear_console)
        await page.goto(f"{self.web.origin}/kiosk/")
        if ready:
            await page.wait_for_function("() => !document.body.classList.contains('paused')")
        return page

    def _hear_console(self, line: ConsoleMessage) -> None:
        if line.type in {"error", "warning"} and "Failed to load resource" not in line.text:
            self.complaints.append(line.text)

    async def show(self, update: UiUpdate, *, session_id: str | None = None) -> None:
        """Publish a screen as the orchestrator does."""
        await self.bus.publish(UI_UPDATE, update, session_id=session_id)

    async def heard(self) -> tuple[str, NATSMessage]:
        """The next message that the page sent."""
        return await asyncio.wait_for(self.said.get(), WAIT_S)


@contextlib.asynccontextmanager
async def a_kiosk(folder: Path, browser: Browser, nats_client: Path) -> AsyncIterator[Kiosk]:
    """A kiosk that shows nothing yet."""
    web = PageServer()
    web.bind()
    async with EmbeddedServer(folder / "nats", page=PageAccess(web.origin)) as server:
        config = PageConfig(websocket_url=server.websocket_url, kiosk_id="kiosk-001", currency="EUR")
        await web.serve(make_app(config=config, nats_client=nats_client, mistakes=folder / "mistakes.json"))
        bus = Client(server.url, name="test")
        await bus.connect(wait_s=WAIT_S, setup=True)
        kiosk = Kiosk(browser, web, server, bus)
        ear = asyncio.create_task(_listen(kiosk))
        await bus.settle()
        yield kiosk
        for page in kiosk.pages:
            await page.context.close()
        ear.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ear
        await bus.close()
    await web.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def kiosk(tmp_path: Path, browser: Browser, nats_client: Path) -> AsyncIterator[Kiosk]:
    """A kiosk of the test's own."""
    async with a_kiosk(tmp_path, browser, nats_client) as made:
        yield made


@dataclass
class OpenKiosk:
    """A kiosk with its page open, shared by tests: each shows a full screen of its own before it looks."""

    kiosk: Kiosk
    page: Page

    async def show(self, update: UiUpdate, *, session_id: str | None = None) -> Page:
        """Show `update` after an empty screen, so that nothing of an earlier one is left."""
        await self.kiosk.show(UiUpdate(layout_mode="payment"))
        await self.page.wait_for_selector("main:empty", state="attached")
        await self.kiosk.show(update, session_id=session_id)
        await self.page.wait_for_selector(f"body[data-mode={update.layout_mode}] main:not(:empty)")
        return self.page


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _shared(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, nats_client: Path
) -> AsyncIterator[OpenKiosk]:
    async with a_kiosk(tmp_path_factory.mktemp("kiosk"), browser, nats_client) as kiosk:
        await kiosk.show(UiUpdate(layout_mode="payment"))
        page = await kiosk.open()
        yield OpenKiosk(kiosk, page)


@pytest_asyncio.fixture(loop_scope="session")
async def opened(_shared: OpenKiosk) -> OpenKiosk:
    """The shared kiosk, as new."""
    await _shared.page.set_viewport_size(PORTRAIT)
    _shared.kiosk.complaints.clear()
    while not _shared.kiosk.said.empty():
        _shared.kiosk.said.get_nowait()
    return _shared


async def _listen(kiosk: Kiosk) -> None:
    async for subject, message in kiosk.bus.watch("kiosk.input.>"):
        assert isinstance(message, NATSMessage)
        await kiosk.said.put((subject, message))
