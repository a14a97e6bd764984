"""The bench's HTTP interface (edge/virtual/bench/README.md): stage directions in, what happens out.

On loopback, with the page server's guard; a POST needs the header X-Kiosk-Bench, which no foreign page can
send without a preflight that is refused.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from edge.bus import Client
from edge.contract.envelope import NATSMessage
from edge.contract.subjects import ALL
from edge.virtual.stage import Stage, StageError

log = logging.getLogger(__name__)

PAGES: Final = Path(__file__).parent / "bench"
_HEADER: Final = "X-Kiosk-Bench"
_LED_EVERY_S: Final = 0.05  # the eye is content with 20 frames a second of a strip that plays 50
_MOST_WAITING: Final = 1000  # events a slow page may have waiting before it loses the oldest
_MOST_BYTES: Final = 16 * 1024 * 1024

Answer = web.StreamResponse
Direction = Callable[[dict[str, Any]], Awaitable[None]]


class BenchApi:
    """Routes under /bench/ for one stage. `say_text` gives typed text to the voice agent."""

    def __init__(self, stage: Stage, bus: Client, say_text: Callable[[str], Awaitable[None]]) -> None:
        self._stage = stage
        self._bus = bus
        self._say_text = say_text
        self._pages: set[asyncio.Queue[tuple[str, Any]]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        stage.listen(lambda: self._tell("state", self.state()))

    def mount(self, app: web.Application) -> None:
        """Add the routes."""
        app[web.AppKey("bench", BenchApi)] = self
        app.on_startup.append(self._start)
        app.on_shutdown.append(self._stop)
        get, post = app.router.add_get, app.router.add_post
        get("/bench/", self._index)
        get("/bench/api/state", self._get_state)
        get("/bench/api/events", self._get_events)
        get("/bench/api/camera.jpg", self._get_camera)
        get("/bench/api/scenes/{id}.jpg", self._get_scene)
        get("/bench/api/receipts/{id}.png", self._get_receipt)
        post("/bench/api/scene", self._direction(lambda ask: self._stage.show(str(ask.get("id")))))
        post("/bench/api/scene/upload", self._upload(self._stage.show_picture))
        post("/bench/api/say", self._direction(self._say))
        post("/bench/api/say/upload", self._upload(self._stage.say_recording))
        post("/bench/api/tap", self._direction(self._tap))
        post("/bench/api/printer", self._direction(self._printer))
        app.router.add_static("/bench/", PAGES)

    def state(self) -> dict[str, Any]:
        """Everything the bench shows, but the bus."""
        stage = self._stage
        return {
            "scenes": [
                {
                    "id": scene,
                    "title": scene.replace("_", " ").capitalize(),
                    "thumb": f"/bench/api/scenes/{scene}.jpg",
                }
                for scene in ("empty", *stage.scenes)
            ],
            "scene": stage.scene,
            "sentences": [{"id": each.id, "title": each.text, "text": each.text} for each in stage.sentences],
            "cards": [{"id": each.id, "title": each.title} for each in stage.cards],
            "paper": {
                "state": stage.paper,
                "mm": int(stage.printer.paper_left_mm),
                "cover_open": stage.printer.cover_open,
            },
            "receipts": [
                {
                    "id": f"{each.number}",
                    "url": f"/bench/api/receipts/{each.number}.png",
                    "at": each.at.isoformat(),
                }
                for each in reversed(stage.receipts)
            ],
            "leds": list(stage.leds.strip.frame.colors),
        }

    # -- reading --------------------------------------------------------------------------------------------

    async def _index(self, _: web.Request) -> Answer:
        return web.FileResponse(PAGES / "index.html")

    async def _get_state(self, _: web.Request) -> Answer:
        return web.json_response(self.state())

    async def _get_camera(self, _: web.Request) -> Answer:
        picture = await asyncio.to_thread(self._stage.camera.snapshot)
        return web.Response(body=picture, content_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def _get_scene(self, request: web.Request) -> Answer:
        try:
            picture = await asyncio.to_thread(self._stage.thumbnail, request.match_info["id"])
        except StageError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        return web.Response(body=picture, content_type="image/jpeg")

    async def _get_receipt(self, request: web.Request) -> Answer:
        for each in self._stage.receipts:
            if f"{each.number}" == request.match_info["id"]:
                return web.Response(body=await asyncio.to_thread(each.printed.png), content_type="image/png")
        raise web.HTTPNotFound(text="there is no such receipt")

    async def _get_events(self, request: web.Request) -> Answer:
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(request)
        waiting: asyncio.Queue[tuple[str, Any]] = asyncio.Queue(_MOST_WAITING)
        waiting.put_nowait(("state", self.state()))
        self._pages.add(waiting)
        try:
            while True:
                kind, value = await waiting.get()
                text = json.dumps(value, ensure_ascii=False)
                await response.write(f"event: {kind}\ndata: {text}\n\n".encode())
        except ConnectionError:
            return response  # the page went away
        finally:
            self._pages.discard(waiting)

    def _tell(self, kind: str, value: Any) -> None:
        for waiting in self._pages:
            if waiting.full():
                waiting.get_nowait()
            waiting.put_nowait((kind, value))

    # -- doing ----------------------------------------------------------------------------------------------

    def _direction(self, follow: Direction) -> Callable[[web.Request], Awaitable[Answer]]:
        async def on_post(request: web.Request) -> Answer:
            _guard(request)
            try:
                ask = await request.json()
            except ValueError:
                ask = None
            if not isinstance(ask, dict):
                return _refuse("the body must be a JSON object")
            try:
                await follow(ask)
            except StageError as error:
                return _refuse(str(error))
            return web.Response(status=204)

        return on_post

    def _upload(self, follow: Callable[[bytes], Awaitable[None]]) -> Callable[[web.Request], Awaitable[Answer]]:
        async def on_post(request: web.Request) -> Answer:
            _guard(request)
            data = b""
            async for part in request.content.iter_any():
                data += part
                if len(data) > _MOST_BYTES:
                    return _refuse(f"that is more than {_MOST_BYTES // 2**20} MB")
            try:
                await follow(data)
            except StageError as error:
                return _refuse(str(error))
            return web.Response(status=204)

        return on_post

    async def _say(self, ask: dict[str, Any]) -> None:
        text = ask.get("text")
        if isinstance(text, str) and text.strip():
            await self._say_text(text.strip())
        else:
            await self._stage.say(str(ask.get("id")))

    async def _tap(self, ask: dict[str, Any]) -> None:
        if not await self._stage.tap(str(ask.get("id"))):
            raise StageError("the reader did not read the card")

    async def _printer(self, ask: dict[str, Any]) -> None:
        self._stage.handle_printer(str(ask.get("action")))

    # -- while the kiosk runs -------------------------------------------------------------------------------

    async def _start(self, _: web.Application) -> None:
        for work in (self._follow_bus(), self._follow_leds()):
            self._tasks.add(asyncio.create_task(work))

    async def _stop(self, _: web.Application) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow_bus(self) -> None:
        async for subject, message in self._bus.watch(ALL):
            if isinstance(message, NATSMessage):
                self._tell("bus", {"at": message.timestamp, "subject": subject, "message": vars(message)})
            else:
                self._tell("bus", {"at": "", "subject": subject, "message": {"malformed": str(message)}})

    async def _follow_leds(self) -> None:
        shown: tuple[str, ...] = ()
        async for frame in self._stage.leds.strip.changes():
            if frame.colors != shown and self._pages:
                shown = frame.colors
                self._tell("leds", list(shown))
                await asyncio.sleep(_LED_EVERY_S)


def _guard(request: web.Request) -> None:
    if request.headers.get(_HEADER) != "1":
        raise web.HTTPForbidden(text=f"the header {_HEADER}: 1 is missing")


def _refuse(text: str) -> web.Response:
    return web.json_response({"error": text}, status=400)
