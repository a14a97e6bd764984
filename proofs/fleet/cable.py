"""Cables on loopback, for a short proof without network namespaces: a TCP relay that can be pulled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from urllib.parse import urlsplit

_HOST = "127.0.0.1"
_BLOCK = 65536


class Cable:
    """Between one kiosk and the hub's leaf ports: a relay for each of them. Pulled, it lets go of what it carries."""

    def __init__(self) -> None:
        self._relays: list[tuple[str, int, int]] = []
        self._servers: list[asyncio.Server] = []
        self._carrying: set[asyncio.Task[None]] = set()
        self._pulled = False

    async def lay(self, urls: Sequence[str]) -> list[str]:
        """The addresses to give to the kiosk instead of `urls`."""
        found = []
        for url in urls:
            parts = urlsplit(url)
            server = await asyncio.start_server(self._relay(str(parts.hostname), int(parts.port or 0)), _HOST, 0)
            self._servers.append(server)
            found.append(f"tls://{_HOST}:{server.sockets[0].getsockname()[1]}")
        return found

    def pull(self) -> None:
        """Cut it."""
        self._pulled = True
        for task in self._carrying:
            task.cancel()

    def plug(self) -> None:
        """Let it carry again."""
        self._pulled = False

    async def remove(self) -> None:
        """Take it away."""
        self.pull()
        for server in self._servers:
            server.close()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def _relay(self, host: str, port: int):  # type: ignore[no-untyped-def]  # asyncio's own callback type is not public
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - it runs in one
            self._carrying.add(task)
            others: list[asyncio.StreamWriter] = [writer]
            try:
                if not self._pulled:
                    there, back = await asyncio.open_connection(host, port)
                    others.append(back)
                    async with asyncio.TaskGroup() as both:
                        both.create_task(_copy(reader, back))
                        both.create_task(_copy(there, writer))
            except (OSError, asyncio.CancelledError, ExceptionGroup):
                pass
            finally:
                self._carrying.discard(task)
                for each in others:
                    each.transport.abort()

        return carry


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(_BLOCK):
        writer.write(block)
        await writer.drain()
    raise ConnectionResetError  # one end is gone: so is the other


class Cables:
    """The cables of several kiosks, by name."""

    def __init__(self) -> None:
        self._cables: dict[str, Cable] = {}

    async def lay(self, name: str, urls: Sequence[str]) -> list[str]:
        """A kiosk's cable; the addresses to give to it."""
        return await self._cables.setdefault(name, Cable()).lay(urls)

    def pull(self, name: str) -> None:
        """Cut a kiosk off."""
        self._cables[name].pull()

    def plug(self, name: str) -> None:
        """Let it back."""
        self._cables[name].plug()

    async def remove(self) -> None:
        """Take all away."""
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*(cable.remove() for cable in self._cables.values()))
