"""Who answers, each in its own manner: a raw callback, an agent of ours, a FastStream subscriber.

They run beside the askers on the same event loop, or by themselves: `python -m benchmarks.bus.answering URL LOOP`
says "ready" and its process id when all of them are, and stops at the end of its input.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator

import nats
from faststream.nats import JStream, NatsBroker
from nats.aio.msg import Msg
from nats.js.api import RetentionPolicy, StorageType

from benchmarks.bus import typed
from benchmarks.bus.messages import FOUND, compact, in_envelope, our_result
from benchmarks.loops import run_on
from edge.bus import BusError, NATSAgentBase, does
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
    def search(self, _: menu.Search) -> menu.SearchResult:
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
async def answering(url: str) -> AsyncIterator[int]:
    """All of them at work on the server at `url`, each on a connection of its own; the process they are in."""
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
        yield os.getpid()
    finally:
        await broker.stop()
        await waiter.close()
        await raw.close()


@contextlib.asynccontextmanager
async def answering_elsewhere(url: str, loop: str) -> AsyncIterator[int]:
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
        said = (await asyncio.wait_for(process.stdout.readline(), 30)).split()
        if said[:1] != [b"ready"]:
            raise BusError("the process of the agents did not start; its own words are above")
        yield int(said[1])
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
    async with answering(url) as process:
        print("ready", process, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    run_on(sys.argv[2], _answer_until_told(sys.argv[1]))
