"""The ways of asking and of publishing an event that are measured against each other."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import nats
from faststream.nats import NatsBroker
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.js.api import Header

from benchmarks.bus import typed
from benchmarks.bus.answering import FASTSTREAM_STREAM, FASTSTREAM_SUBJECT, FASTSTREAM_WORK_SUBJECT, RAW_SUBJECT
from benchmarks.bus.messages import DISH, PERSON, SEARCH, compact, in_envelope, our_person, our_search
from benchmarks.bus.ways import (
    DURABLE,
    FASTSTREAM,
    FASTSTREAM_WORK,
    LIVE,
    LIVE_CLIENT,
    PUBLISH,
    RAW,
    RAW_PUBLISH,
    RAW_PUBLISH_ONCE,
)
from benchmarks.rounds import Way
from edge.bus import Client
from edge.contract import menu
from edge.contract.streams import COMMANDS_STREAM
from edge.contract.subjects import MENU_SEARCH, PERSON_DETECTED

_TIMEOUT_S = 20.0
_SETTLE_TIMEOUT_S = 20.0
_LOOK_S = 0.005


@dataclass(frozen=True)
class _Connections:
    raw: NatsClient
    client: Client
    broker: NatsBroker


@contextlib.asynccontextmanager
async def asking(url: str, names: tuple[str, ...]) -> AsyncIterator[list[Way]]:
    """The ways of these names, each library on a connection of its own to the server at `url`."""
    raw = await nats.connect(url)
    client = Client(url, name="orchestrator")
    await client.connect(wait_s=10)
    broker = NatsBroker(url, logger=None)
    await broker.connect()
    try:
        every = {way.name: way for way in _ways(_Connections(raw, client, broker))}
        yield [every[name] for name in names]
    finally:
        await broker.stop()
        await client.close()
        await raw.close()


def _ways(to: _Connections) -> list[Way]:
    js = to.raw.jetstream(timeout=_TIMEOUT_S)

    async def ask_raw(subject: str) -> Any:
        answer = await to.raw.request(subject, compact(in_envelope(SEARCH)), timeout=_TIMEOUT_S)
        return json.loads(answer.data)

    async def ask_client() -> Any:
        return await to.client.request(MENU_SEARCH.subject, SEARCH, _TIMEOUT_S)

    async def ask_durably() -> menu.SearchResult:
        return await to.client.request(MENU_SEARCH, our_search(), _TIMEOUT_S)

    async def ask_faststream(subject: str, stream: str | None) -> typed.Answer:
        answer = await to.broker.request(typed.ask(), subject, stream=stream, timeout=_TIMEOUT_S)
        return typed.Answer.model_validate_json(answer.body)

    async def publish_raw() -> Any:
        return await js.publish(PERSON_DETECTED.subject, compact(in_envelope(PERSON)))

    numbers = iter(range(1_000_000_000))

    async def publish_raw_once() -> Any:
        # As long as a UUID.
        return await js.publish(
            PERSON_DETECTED.subject,
            compact(in_envelope(PERSON)),
            headers={Header.MSG_ID.value: f"{next(numbers):036d}"},
        )

    async def publish() -> None:
        await to.client.publish(PERSON_DETECTED, our_person())

    async def queue_empty() -> int:
        """Every asked command has left its stream: live ones are acknowledged away by the agent as well."""
        looks = 0
        async with asyncio.timeout(_SETTLE_TIMEOUT_S):
            for stream in (str(COMMANDS_STREAM["name"]), FASTSTREAM_STREAM):
                while True:
                    looks += 1
                    if not (await js.stream_info(stream)).state.messages:
                        break
                    await asyncio.sleep(_LOOK_S)
        return looks

    def has_dish(answer: Any) -> bool:
        return bool(answer["payload"]["items"][0]["name"] == DISH)

    def has_typed_dish(answer: Any) -> bool:
        return bool((answer.payload if isinstance(answer, typed.Answer) else answer).items[0].name == DISH)

    def is_stored(answer: Any) -> bool:
        return bool(answer.seq)

    return [
        Way(RAW, lambda: ask_raw(RAW_SUBJECT), has_dish, queue_empty),
        Way(LIVE, lambda: ask_raw(MENU_SEARCH.subject), has_dish, queue_empty),
        Way(LIVE_CLIENT, ask_client, has_dish, queue_empty),
        Way(DURABLE, ask_durably, has_typed_dish, queue_empty),
        Way(
            FASTSTREAM,
            lambda: ask_faststream(FASTSTREAM_SUBJECT, None),
            has_typed_dish,
            queue_empty,
        ),
        Way(
            FASTSTREAM_WORK,
            lambda: ask_faststream(FASTSTREAM_WORK_SUBJECT, FASTSTREAM_STREAM),
            has_typed_dish,
            queue_empty,
        ),
        Way(RAW_PUBLISH, publish_raw, is_stored),
        Way(RAW_PUBLISH_ONCE, publish_raw_once, is_stored),
        Way(PUBLISH, publish, lambda answer: answer is None),
    ]


async def sizes(url: str, ways: list[Way]) -> dict[str, dict[str, int]]:
    """The bytes of one message of each way, said and answered, as a bystander sees them on the wire."""
    bystander = await nats.connect(url)
    heard = await bystander.subscribe(">")
    mark = bystander.new_inbox()

    async def heard_so_far() -> list[Msg]:
        """A message to ourselves keeps its place in the line; flush would overtake it."""
        await bystander.publish(mark, b"")
        found = []
        while (msg := await heard.next_msg(timeout=_TIMEOUT_S)).subject != mark:
            found.append(msg)
        return found

    found: dict[str, dict[str, int]] = {}
    try:
        for way in ways:
            await heard_so_far()
            await way.call()
            await way.settle()
            messages = await heard_so_far()
            said = [len(msg.data) for msg in messages if msg.subject.endswith((".search", PERSON_DETECTED.name))]
            answered = [len(msg.data) for msg in messages if msg.subject.startswith("_INBOX") and b"Burger" in msg.data]
            found[way.name] = {"said": max(said, default=0), "answered": max(answered, default=0)}
    finally:
        await bystander.close()
    return found
