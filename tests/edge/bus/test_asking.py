"""Both ways of asking, every command of the table, one instance and three: done once, and answered to its asker."""

from __future__ import annotations

import asyncio
import json
import random
import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from nats.aio.client import Client as NatsClient

from edge.bus import Client, EmbeddedServer
from edge.bus.dead import graves
from edge.bus.deadline import Deadline
from edge.contract.envelope import NATSMessage
from edge.contract.examples import ASKS
from edge.contract.subjects import COMMANDS, MENU_SEARCH, Command
from edge.contract.wire import from_fields
from tests.edge.bus.counting import Auditor, Tally, ask_of, connected, durable, emptied, plain, running

EACH = 12  # asks of each command, each way


async def ask_durably(asker: Client, command: Command[Any, Any]) -> None:
    assert isinstance(await asker.request(command, ask_of(command), timeout=30), command.reply)


async def ask_live(nc: NatsClient, command: Command[Any, Any], subject: str) -> None:
    ask = NATSMessage.create(str(uuid.uuid4()), ASKS[command.subject])
    own = {"traceparent": ask.trace_id} if ask.trace_id < "8" else None  # a stranger may have headers of its own
    answer = json.loads((await nc.request(subject, ask.to_json().encode(), timeout=30, headers=own)).data)
    assert (answer["trace_id"], answer["session_id"]) == (ask.trace_id, ask.session_id)
    from_fields(answer["payload"], command.reply)


@pytest.mark.parametrize("instances", [1, 3])
async def test_each_command_is_done_once_and_answered_to_its_asker(each_server: EmbeddedServer, instances: int) -> None:
    url, tally = each_server.url, Tally()
    async with (
        Auditor.at(url) as auditor,
        running(url, tally, instances=instances) as agents,
        connected(url) as asker,
        plain(url) as stranger,
    ):
        asks = [ask_durably(asker, command) for command in COMMANDS for _ in range(EACH)]
        asks += [
            ask_live(stranger, command, subject)
            for command in COMMANDS
            for subject in command.subjects
            for _ in range(EACH)
        ]
        random.Random(instances).shuffle(asks)  # noqa: S311 - an order, not a secret
        await asyncio.gather(*asks)
        await emptied(asker)
        assert [grave async for grave in graves(asker)] == []

    asked = [message.msg_id for _, message in auditor.asks.values()]
    assert len(asked) == len(asks)
    assert Counter(tally.begun) == Counter(asked)
    assert set(Counter(asked).values()) == {1}
    assert all(tally.by.get(id(agent)) for agent in agents), "an instance had nothing to do"
    for inbox, (subject, message) in auditor.asks.items():
        (answer,) = auditor.answers[inbox]
        assert answer.trace_id == message.trace_id, f"{subject}: someone else's answer"


async def test_asks_from_many_at_once_keep_their_answers_apart(each_server: EmbeddedServer) -> None:
    """The same through a handler that ends in another order than it began."""
    url, tally = each_server.url, Tally()
    tally.hold.clear()
    async with (
        Auditor.at(url) as auditor,
        running(url, tally, "menu", "hardware", instances=3),
        connected(url, "one") as one,
        connected(url, "two") as two,
    ):
        commands = [command for command in COMMANDS if command.done_by in {"menu", "hardware"}]
        asking = [
            asyncio.ensure_future(ask_durably(asker, command))
            for command in commands
            for asker in (one, two)
            for _ in range(5)
        ]
        await tally.until(lambda: len(tally.begun) == len(asking))
        tally.hold.set()
        await asyncio.gather(*asking)
    assert not tally.twice
    for inbox, (_, message) in auditor.asks.items():
        assert [answer.trace_id for answer in auditor.answers[inbox]] == [message.trace_id]


async def test_an_aliased_subject_is_done_once_too_when_asked_durably(nats_server: EmbeddedServer) -> None:
    tally = Tally()
    async with running(nats_server.url, tally, "hardware", instances=3), connected(nats_server.url) as asker:
        aliased = [(command, alias) for command in COMMANDS for alias in command.aliases]
        assert aliased
        await asyncio.gather(
            *(asker.request(replace(command, subject=alias), ask_of(command)) for command, alias in aliased)
        )
        await emptied(asker)
        assert len(tally.begun) == len(aliased)


@pytest.mark.parametrize("instances", [1, 3])
async def test_a_malformed_ask_is_answered_and_not_buried(each_server: EmbeddedServer, instances: int) -> None:
    url, tally = each_server.url, Tally()
    async with running(url, tally, "menu", instances=instances), connected(url) as asker:
        answers = await asker.nc.subscribe("answers.*")
        for number, data in enumerate((b"", b"[]", b'{"payload":{"command":"search"}}', b"\xff", b'{"payload":7}')):
            headers = durable(f"answers.{number}", Deadline.within(30))
            await asker.nc.publish(MENU_SEARCH.subject, data, headers=headers)
            answer = json.loads((await answers.next_msg(timeout=10)).data)["payload"]
            assert (answer["status"], answer["error_code"]) == ("error", "INVALID_REQUEST")
        await emptied(asker)
        assert tally.begun == []
        assert [grave async for grave in graves(asker)] == []
