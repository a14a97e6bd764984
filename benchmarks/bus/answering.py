"""Who answers, each in its own manner: a raw callback, an agent of ours, a FastStream subscriber.

They run beside the askers on the same event loop, or by themselves: `python -m benchmarks.bus.answering URL LOOP`
says "ready" when all of them are, and stops at the end of its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator

import nats
from faststream.nats import JStream, NatsBroker
from nats.aio.msg import Msg
from nats.js.api import RetentionPolicy, StorageType

from benchmarks.bus import typed
from benchmarks.bus.messages import FOUND, compact, in_envelope, our_result
from benchmarks.loops import run_on
from edge.bus import NATSAgentBase, does
from edge.contract import menu
from edge.contract.subjects import MENU_SEARCH

RAW_SUBJECT = "raw.agent.menu.search"  # as long as the contract's
FASTSTREAM_SUBJECT = "fast.agent.menu.search"
FASTSTREAM_WORK_SUBJECT = "work.agent.menu.search"
FASTSTREAM_STREAM = "FASTSTREAM_WORK"


class Waiter(NATSAgentBase):
    """Always has the same dish."""

    name = "menu"

    @does(MENU_SEARCH)
    async def search(self, _: menu.Search) -> menu.SearchResult:
        return our_result()


def _faststream(url: str) -> NatsBroker:
    broker = NatsBroker(url, logger=None)  # its log line a message would cost it dearly
    work = JStream(
        FASTSTREAM_STREAM,
        subjects=[FASTSTREAM_WORK_SUBJECT],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.MEMORY,
    )

    @broker.subscriber(FASTSTREAM_SUBJECT, queue="menu")
    async def search(ask: typed.Ask) -> typed.Answer:
        return typed.answer()

    @broker.subscriber(FASTSTREAM_WORK_SUBJECT, queue="menu", stream=work)
    async def search_durably(ask: typed.Ask) -> typed.Answer:
        return typed.answer()

    return broker


@contextlib.asynccontextmanager
async def answering(url: str) -> AsyncIterator[None]:
    """All of them at work on the server at `url`, each on a connection of its own."""
    raw = await nats.connect(url)

    async def answer(msg: Msg) -> None:
        json.loads(msg.data)
        await msg.respond(compact(in_envelope(FOUND)))

    await raw.subscribe(RAW_SUBJECT, queue="menu", cb=answer)
    await raw.flush()
    waiter = Waiter(url)
    await waiter.connect()
    broker = _faststream(url)
    await broker.start()
    try:
        yield
    finally:
        await broker.stop()
        await waiter.close()
        await raw.close()


@contextlib.asynccontextmanager
async def answering_elsewhere(url: str, loop: str) -> AsyncIterator[None]:
    """The same in a process of its own, on the same kind of loop."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks.bus.answering",
        url,
        loop,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        said = await asyncio.wait_for(process.stdout.readline(), 30)
        if said.strip() != b"ready":
            raise RuntimeError(f"the answering process did not start (it said {said!r})")
        yield
    finally:
        if process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answer_until_told(url: str) -> None:
    async with answering(url):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    run_on(sys.argv[2], _answer_until_told(sys.argv[1]))
