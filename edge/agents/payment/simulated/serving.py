"""An HTTP server on a port of this machine, and the faults that the line to it may have."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler


class Line:
    """What happens to requests; a request is named by its method and the last word of its path."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.loses_answer: set[str] = set()  # done, and the connection cut
        self.loses_request: set[str] = set()  # not done, and the connection cut
        self.fails: set[str] = set()  # not done, and a 500
        self.fails_after: set[str] = set()  # done, and a 500
        self.holds: dict[str, asyncio.Event] = {}  # not done before the event


class Serving:
    """Runs `app` while it is open; `line` is what lies between."""

    def __init__(self, app: web.Application) -> None:
        self.line = Line()
        self.url = ""
        app.middlewares.insert(0, self._pass)
        self._app = app
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    def add(self, path: str, handler: Handler) -> None:
        """Answer POSTs to `path` as well; before it listens."""
        self._app.router.add_post(path, handler)

    async def start(self, port: int = 0) -> None:
        """Listen; `url` says where."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()

    @web.middleware
    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        name = f"{request.method} {request.path.rstrip('/').rpartition('/')[2]}"
        known = str(request.match_info.route.name or name)
        line = self.line
        line.asked[known] += 1
        if known in line.holds:
            await line.holds[known].wait()
        if known in line.loses_request:
            _cut(request)
        if known in line.fails:
            return web.json_response({"error": {"type": "api_error", "message": "out of order"}}, status=500)
        answer: web.StreamResponse = await handler(request)
        if known in line.loses_answer:
            _cut(request)
        if known in line.fails_after:
            return web.json_response({"error": {"type": "api_error", "message": "out of order"}}, status=500)
        return answer


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("the line was cut")


def put(path: Path, content: bytes) -> None:
    """Have `content` in the file and on the disk, all of it or what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    with beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
