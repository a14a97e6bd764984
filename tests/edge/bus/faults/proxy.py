"""A TCP proxy between a client and the server, which cuts, stalls and swallows at a word."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

_CHUNK = 64 * 1024
_SMALL_BUFFER = 16 * 1024  # so that a stalled direction is felt soon


class Proxy:
    """`to_client` and `to_server` let bytes pass while set; what comes meanwhile stays in the pipe."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self.to_client = asyncio.Event()
        self.to_server = asyncio.Event()
        self.to_client.set()
        self.to_server.set()
        self.connections = 0
        self._open: set[asyncio.Task[None]] = set()
        self._listening: asyncio.Server | None = None

    @classmethod
    @contextlib.asynccontextmanager
    async def before(cls, nats_url: str) -> AsyncIterator[Proxy]:
        """A proxy before the server at `nats_url`."""
        address = urlsplit(nats_url)
        proxy = cls(address.hostname or "127.0.0.1", address.port or 4222)
        proxy._listening = await asyncio.start_server(proxy._on_client, "127.0.0.1", 0)
        try:
            yield proxy
        finally:
            proxy._listening.close()
            await proxy.cut()
            await proxy._listening.wait_closed()

    @property
    def url(self) -> str:
        """Where clients connect instead."""
        assert self._listening is not None
        return f"nats://127.0.0.1:{self._listening.sockets[0].getsockname()[1]}"

    def stall(self) -> None:
        """Nothing passes either way, and nobody is told: a cable that is out, a switch that hangs."""
        self.to_client.clear()
        self.to_server.clear()

    def go_on(self) -> None:
        """All passes again."""
        self.to_client.set()
        self.to_server.set()

    async def cut(self) -> None:
        """Every connection ends at once; what was on its way is lost. New ones are let in."""
        for task in [*self._open]:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _on_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        this = asyncio.current_task()
        assert this is not None
        self._open.add(this)
        upstream: asyncio.StreamWriter | None = None
        end = socket.socket()
        try:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
            end.setblocking(False)
            await asyncio.get_running_loop().sock_connect(end, (self._host, self._port))
            answers, upstream = await asyncio.open_connection(sock=end, limit=_SMALL_BUFFER)
            ways = [
                asyncio.create_task(self._pass(reader, upstream, self.to_server)),
                asyncio.create_task(self._pass(answers, writer, self.to_client)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the server is away, or we are to cut
        finally:
            self._open.discard(this)
            for each in (writer, upstream):
                if each is not None:
                    each.transport.abort()
            if upstream is None:
                end.close()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, open_: asyncio.Event) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(_CHUNK):
                await open_.wait()
                sink.write(data)
                await sink.drain()
