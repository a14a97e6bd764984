"""The line: what is chosen comes twice, late or after the next; everything else as it was said."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from edge.bus import EmbeddedServer
from edge.contract.envelope import REPLY_TO
from proofs.crashes.mischief import LATE_S, Line


@contextlib.asynccontextmanager
async def across(folder: Path) -> AsyncIterator[tuple[Line, NatsClient, NatsClient]]:
    """A line, a client behind it and one that isn't."""
    async with EmbeddedServer(folder) as server, Line.before(server.url) as line:
        behind, before = await nats.connect(line.url), await nats.connect(server.url)
        try:
            yield line, behind, before
        finally:
            await behind.close()
            await before.close()


async def heard(client: NatsClient, subject: str) -> asyncio.Queue[bytes]:
    queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def hear(msg: Msg) -> None:
        queue.put_nowait(msg.data)

    await client.subscribe(subject, cb=hear)
    await _settle(client)
    return queue


async def _settle(client: NatsClient) -> None:
    """Return when the server knows what `client` subscribed to: nats-py's PING overtakes what waits to be sent."""
    back: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

    async def come_back(msg: Msg) -> None:
        back.set_result(msg)

    inbox = client.new_inbox()
    await client.subscribe(inbox, cb=come_back)
    await client.publish(inbox, b"")
    await asyncio.wait_for(back, 20)


async def take(queue: asyncio.Queue[bytes], count: int) -> list[bytes]:
    async with asyncio.timeout(20):
        return [await queue.get() for _ in range(count)]


@pytest.mark.parametrize("said", [b"", b"short", b"with\r\nMSG a 1 3\r\nlines\r\n", b"x" * 200_000])
async def test_what_is_not_chosen_passes_as_it_is(tmp_path: Path, said: bytes) -> None:
    async with across(tmp_path) as (line, behind, before):
        line.befall("chosen", "twice")
        for speaker, hearer in ((behind, before), (before, behind)):
            queue = await heard(hearer, "other")
            await speaker.publish("other", said, headers={"A": "b"})
            await speaker.publish("other", b"end")
            assert await take(queue, 2) == [said, b"end"]
        assert line.befallen == 0


async def test_twice_both_ways(tmp_path: Path) -> None:
    async with across(tmp_path) as (line, behind, before):
        line.befall("chosen", "twice")
        for speaker, hearer in ((behind, before), (before, behind)):
            queue = await heard(hearer, "*")
            await speaker.publish("chosen", b"one")
            await speaker.publish("other", b"two")
            assert await take(queue, 3) == [b"one", b"one", b"two"]
        assert line.befallen == 2
        line.leave_alone()
        await before.publish("chosen", b"three")
        await before.publish("other", b"four")
        assert await take(queue, 2) == [b"three", b"four"]


async def test_late(tmp_path: Path) -> None:
    async with across(tmp_path) as (line, behind, before):
        queue = await heard(before, "*")
        line.befall("chosen", "late")
        began_s = time.monotonic()
        await behind.publish("chosen", b"late")
        await behind.publish("other", b"in time")
        assert await take(queue, 2) == [b"in time", b"late"]
        assert time.monotonic() - began_s > 0.9 * LATE_S


async def test_after_the_next(tmp_path: Path) -> None:
    async with across(tmp_path) as (line, behind, before):
        queue = await heard(before, "*")
        line.befall("chosen", "after the next")
        await behind.publish("chosen", b"second")
        await behind.publish("other", b"first")
        await behind.publish("other", b"third")
        assert await take(queue, 3) == [b"first", b"second", b"third"]
        await behind.publish("chosen", b"alone")  # nothing comes to overtake it
        assert await take(queue, 1) == [b"alone"]


@pytest.mark.parametrize("durably", [False, True])
async def test_the_answer_to_an_ask(tmp_path: Path, durably: bool) -> None:
    """On the reply subject of the message, or the one that a durable ask names in its header."""
    async with across(tmp_path) as (line, behind, before):

        async def answer(msg: Msg) -> None:
            where = (msg.headers or {}).get(REPLY_TO, msg.reply)
            await before.publish(where, b"answer")

        await before.subscribe("asked", cb=answer)
        await _settle(before)
        line.befall("asked", "twice", answers=True)
        queue = await heard(behind, "my.answers.*")
        if durably:
            await behind.publish("asked", b"?", headers={REPLY_TO: "my.answers.1"})
        else:
            await behind.publish("asked", b"?", reply="my.answers.1")
        assert await take(queue, 2) == [b"answer", b"answer"]
        assert line.befallen == 1
