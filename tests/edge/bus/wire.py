"""NATS as bytes: a client that says exactly what a test says, signs in with an nkey, and reads every refusal."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import nkeys  # type: ignore[import-untyped]  # it carries no type information

_REFUSED = re.compile(
    rb"Permissions Violation for (Publish|Subscription) to \"([^\"]+)\"(?: using queue \"([^\"]+)\")?"
)
_MESSAGE = re.compile(rb"MSG (\S+) (\d+) [^\r]+\r\n")
_PONG = b"PONG\r\n"
WAIT_S = 20


class Wire:
    """One connection. `refused` holds ("Publish" or "Subscription", subject or "subject queue") of each refusal."""

    def __init__(self, send: Callable[[bytes], Awaitable[None]], receive: Callable[[], Awaitable[bytes]]) -> None:
        self._send = send
        self._receive = receive
        self._said = b""
        self.refused: set[tuple[str, str]] = set()
        self.heard: list[tuple[str, str]] = []  # subscription's id, subject

    async def sign_in(self, seed: str | None) -> None:
        first = await self._receive()
        login: dict[str, object] = {"verbose": False, "headers": True}
        if seed is not None:
            nonce = json.loads(first.removeprefix(b"INFO "))["nonce"]
            pair = nkeys.from_seed(bytearray(seed.encode()))
            login["nkey"] = pair.public_key.decode()
            login["sig"] = base64.b64encode(pair.sign(nonce.encode())).decode()
        await self._send(b"CONNECT " + json.dumps(login).encode() + b"\r\n")
        await self.settle()

    async def publish(self, *subjects: str) -> None:
        await self._send(b"".join(f"PUB {subject} 2\r\n{{}}\r\n".encode() for subject in subjects))
        await self.settle()

    async def say(self, subject: str, text: str, *, reply: str = "") -> None:
        data = text.encode()
        await self._send(f"PUB {subject} {reply} {len(data)}\r\n".encode() + data + b"\r\n")
        await self.settle()

    async def subscribe(self, subscriptions: dict[str, str]) -> None:
        """Subscribe to each ``subject`` or ``subject queue`` under its id."""
        await self._send(b"".join(f"SUB {what} {number}\r\n".encode() for number, what in subscriptions.items()))
        await self.settle()

    async def until_heard(self) -> None:
        """Return when something was delivered."""
        async with asyncio.timeout(WAIT_S):
            while not self.heard:
                await self.settle()

    async def settle(self) -> None:
        """Return when the server has done all of it; what it said and delivered until then is noted."""
        await self._send(b"PING\r\n")
        async with asyncio.timeout(WAIT_S):
            while _PONG not in self._said:
                self._said += await self._receive()
        said, _, self._said = self._said.partition(_PONG)
        for kind, subject, queue in _REFUSED.findall(said):
            self.refused.add((kind.decode(), f"{subject.decode()} {queue.decode()}".strip()))
        self.heard += [(number.decode(), subject.decode()) for subject, number in _MESSAGE.findall(said)]


@contextlib.asynccontextmanager
async def over_tcp(url: str, seed: str | None) -> AsyncIterator[Wire]:
    """A connection as agents have it."""
    host, port = url.removeprefix("nats://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def send(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    async def receive() -> bytes:
        data = await reader.read(65536)
        if not data:
            raise ConnectionResetError("the server hung up")
        return data

    wire = Wire(send, receive)
    try:
        await wire.sign_in(seed)
        yield wire
    finally:
        writer.close()
        await writer.wait_closed()


@contextlib.asynccontextmanager
async def over_websocket(url: str, origin: str) -> AsyncIterator[Wire]:
    """A connection as the page has it."""
    async with aiohttp.ClientSession() as web, web.ws_connect(url, origin=origin) as socket:

        async def receive() -> bytes:
            message = await socket.receive()
            if message.type is not aiohttp.WSMsgType.BINARY:
                raise ConnectionResetError(f"the server hung up: {message}")
            return bytes(message.data)

        wire = Wire(socket.send_bytes, receive)
        await wire.sign_in(None)
        yield wire
