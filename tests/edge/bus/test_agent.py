"""Agents on a real server: both ways of asking, refusals, sessions."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import nats
import nats.errors
import pytest

from edge.bus import Client, EmbeddedServer, NATSAgentBase, does, hears
from edge.contract import hardware, menu
from edge.contract.envelope import DEADLINE, REPLY_TO, NATSMessage, envelope_faults, is_uuid4
from edge.contract.errors import AskError, ErrorCode, InvalidPayload
from edge.contract.money import Money
from edge.contract.session import SessionEnded, SessionStarted
from edge.contract.streams import COMMANDS_STREAM
from edge.contract.subjects import (
    MENU_DETAILS,
    MENU_SEARCH,
    PERSON_DETECTED,
    SESSION_ENDED,
    SESSION_STARTED,
    SET_LED,
)
from edge.contract.vision import PersonDetected


class Waiter(NATSAgentBase):
    """Knows one dish, and counts."""

    name = "menu"
    refusals: ClassVar = {KeyError: ErrorCode.MENU_NOT_FOUND}

    def __init__(self, nats_url: str) -> None:
        super().__init__(nats_url)
        self.done: list[str] = []
        self.hold = asyncio.Event()
        self.hold.set()
        self.heard: asyncio.Queue[PersonDetected] = asyncio.Queue()

    @does(MENU_SEARCH)
    async def search(self, ask: menu.Search) -> menu.SearchResult:
        self.done.append(ask.query)
        await self.hold.wait()
        if ask.query == "nothing":
            raise KeyError("no dish matches 'nothing'")
        if ask.query == "fault":
            raise ZeroDivisionError("secret detail")
        dish = menu.FoundItem(id=101, name=ask.query, price=Money.of("12.99"), image="", tags=[], available=True)
        return menu.SearchResult(items=[dish], total_matches=1)

    @hears(PERSON_DETECTED)
    async def notice(self, event: PersonDetected) -> None:
        await self.heard.put(event)


@pytest.fixture
async def waiter(nats_server: EmbeddedServer) -> AsyncIterator[Waiter]:
    agent = Waiter(nats_server.url)
    await agent.connect()
    yield agent
    agent.hold.set()
    await agent.close()


async def drained(client: Client) -> int:
    """How many commands are left once the work queue has dealt with all it was given."""
    async with asyncio.timeout(10):
        while (left := (await client.js.stream_info(COMMANDS_STREAM["name"])).state.messages) > 0:
            await client.settle()
    return left


async def test_a_durable_ask_is_answered_typed_and_done_once(bus: Client, waiter: Waiter) -> None:
    result = await bus.request(MENU_SEARCH, menu.Search(query="burger"))
    assert result.items[0].price == Money(1299)
    await drained(bus)
    assert waiter.done == ["burger"]


async def test_a_plain_client_gets_the_agents_answer_not_a_puback(
    nats_server: EmbeddedServer, bus: Client, waiter: Waiter
) -> None:
    plain = await nats.connect(nats_server.url)
    ask = b'{"payload":{"command":"search","query":"burger"}}'
    answers = [json.loads((await plain.request(MENU_SEARCH.subject, ask, timeout=2)).data) for _ in range(50)]
    await plain.close()
    assert all(answer["payload"]["items"][0]["name"] == "burger" for answer in answers)
    assert not envelope_faults(NATSMessage.from_json(json.dumps(answers[0])))
    await drained(bus)
    assert len(waiter.done) == 50


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"query": "x"}, "command"),
        ({"command": "search"}, "query"),
        ({"command": "search", "query": 7}, "query"),
        ({"command": "search", "query": "x", "limit": 0}, "limit"),
        ({"command": "dance", "query": "x"}, "command"),
    ],
)
async def test_a_malformed_ask_is_refused_and_names_the_field(
    bus: Client, waiter: Waiter, payload: dict[str, Any], field: str
) -> None:
    answer = (await bus.request(MENU_SEARCH.subject, payload))["payload"]
    assert answer["status"] == "error"
    assert answer["error_code"] == "INVALID_REQUEST"
    assert answer["retryable"] is False
    assert f"`{field}`" in answer["error_message"]
    assert waiter.done == []


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"payload":[]}', b"\xff\xfe", b"[" * 100_000])
async def test_what_is_no_envelope_is_refused_in_the_error_format(bus: Client, waiter: Waiter, data: bytes) -> None:
    answer = json.loads((await bus.nc.request(MENU_SEARCH.subject, data, timeout=2)).data)["payload"]
    assert (answer["status"], answer["error_code"]) == ("error", "INVALID_REQUEST")


async def test_unknown_fields_and_a_foreign_msg_id_are_served(bus: Client, waiter: Waiter) -> None:
    ask = b'{"msg_id":"test","novelty":1,"payload":{"command":"search","query":"x","mood":"good"}}'
    answer = json.loads((await bus.nc.request(MENU_SEARCH.subject, ask, timeout=2)).data)
    assert answer["payload"]["status"] == "success"
    assert is_uuid4(answer["session_id"])


async def test_the_answer_belongs_to_the_asks_session_and_trace(bus: Client, waiter: Waiter) -> None:
    ask = NATSMessage.create(bus.session_id, {"command": "search", "query": "x"})
    answer = json.loads((await bus.nc.request(MENU_SEARCH.subject, ask.to_json().encode(), timeout=2)).data)
    assert (answer["session_id"], answer["trace_id"]) == (ask.session_id, ask.trace_id)
    assert answer["msg_id"] != ask.msg_id


async def test_a_refusal_keeps_its_code_and_a_fault_keeps_its_secret(
    bus: Client, waiter: Waiter, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(AskError) as refused:
        await bus.request(MENU_SEARCH, menu.Search(query="nothing"))
    assert refused.value.code == "MENU_NOT_FOUND"
    with pytest.raises(AskError) as fault:
        await bus.request(MENU_SEARCH, menu.Search(query="fault"))
    assert fault.value.code == "INTERNAL_ERROR"
    assert "secret" not in str(fault.value)
    assert "secret detail" in caplog.text


async def test_a_command_that_nobody_has_is_refused(bus: Client, waiter: Waiter) -> None:
    answer = await bus.request("kiosk.agent.menu.dance", {"command": "dance"})
    assert answer["payload"]["error_code"] == "INVALID_REQUEST"


async def test_an_agent_that_is_not_running_is_unavailable_at_once(bus: Client) -> None:
    for ask in (
        bus.request(SET_LED, hardware.SetLed(color="#00FF00"), timeout=30),
        bus.request(SET_LED.subject, {"command": "set_led", "color": "#00FF00"}, timeout=30),
        bus.request("kiosk.agent.weather.today", {}, timeout=30),
    ):
        began_s = time.monotonic()
        with pytest.raises(AskError) as error:
            await ask
        assert error.value.code == "UNAVAILABLE"
        assert error.value.retryable
        assert time.monotonic() - began_s < 10


async def test_an_agent_that_is_busy_is_a_timeout(bus: Client, waiter: Waiter) -> None:
    waiter.hold.clear()
    with pytest.raises(AskError) as error:
        await bus.request(MENU_SEARCH, menu.Search(query="slow"), timeout=0.2)
    assert error.value.code == "TIMEOUT"
    with pytest.raises(AskError) as live:
        await bus.request(MENU_SEARCH.subject, {"command": "search", "query": "slow"}, timeout=0.2)
    assert live.value.code == "TIMEOUT"


class Calculator(NATSAgentBase):
    """Answers without waiting for anything."""

    name = "menu"
    refusals: ClassVar = {KeyError: ErrorCode.MENU_NOT_FOUND}

    @does(MENU_SEARCH)
    def search(self, ask: menu.Search) -> menu.SearchResult:
        if ask.query == "nothing":
            raise KeyError("no dish matches 'nothing'")
        return menu.SearchResult(items=[], total_matches=len(ask.query))


async def test_a_command_that_only_computes_is_a_plain_method(nats_server: EmbeddedServer, bus: Client) -> None:
    agent = Calculator(nats_server.url)
    await agent.connect()
    asks = [bus.request(MENU_SEARCH, menu.Search(query="x" * n)) for n in range(1, 80)]
    assert [answer.total_matches for answer in await asyncio.gather(*asks)] == [*range(1, 80)]
    live = await bus.request(MENU_SEARCH.subject, {"command": "search", "query": "four"})
    assert live["payload"]["total_matches"] == 4
    with pytest.raises(AskError, match="nothing"):
        await bus.request(MENU_SEARCH, menu.Search(query="nothing"))
    await drained(bus)
    await agent.close()


async def test_a_slow_ask_does_not_hold_up_the_next(bus: Client, waiter: Waiter) -> None:
    waiter.hold.clear()
    asks: list[asyncio.Future[Any]] = [
        asyncio.ensure_future(bus.request(MENU_SEARCH, menu.Search(query=f"{n}"))) for n in range(4)
    ]
    asks += [
        asyncio.ensure_future(bus.nc.request(MENU_SEARCH.subject, b'{"payload":{"command":"search","query":"live"}}'))
        for _ in range(3)
    ]
    async with asyncio.timeout(5):
        while len(waiter.done) < 7:
            await bus.settle()
    waiter.hold.set()
    await asyncio.gather(*asks)


async def test_a_command_past_its_deadline_is_never_done(bus: Client, waiter: Waiter) -> None:
    late = {REPLY_TO: bus.nc.new_inbox(), DEADLINE: str(int(time.time() * 1000) - 1)}
    ask = NATSMessage.create(bus.session_id, {"command": "search", "query": "late"})
    await bus.nc.publish(MENU_SEARCH.subject, ask.to_json().encode(), headers=late)
    await bus.request(MENU_SEARCH, menu.Search(query="in time"))
    await drained(bus)
    assert waiter.done == ["in time"]


async def test_three_instances_share_the_work_and_each_command_is_done_once(
    nats_server: EmbeddedServer, bus: Client, waiter: Waiter
) -> None:
    others = [Waiter(nats_server.url) for _ in range(2)]
    for other in others:
        await other.connect()
    await asyncio.gather(*(bus.request(MENU_SEARCH, menu.Search(query=f"durable {n}")) for n in range(60)))
    await asyncio.gather(
        *(bus.request(MENU_SEARCH.subject, {"command": "search", "query": f"live {n}"}) for n in range(60))
    )
    await drained(bus)
    done = [query for each in (waiter, *others) for query in each.done]
    assert sorted(done) == sorted([f"durable {n}" for n in range(60)] + [f"live {n}" for n in range(60)])
    assert all(each.done for each in (waiter, *others))
    for other in others:
        await other.close()


async def test_a_responder_that_is_no_micro_service_is_heard(nats_server: EmbeddedServer, bus: Client) -> None:
    """Section 10.2's `nats reply` has no $SRV endpoint."""
    mock = await nats.connect(nats_server.url)

    async def answer(msg: Any) -> None:
        await msg.respond(b'{"payload":{"status":"success","items":[]}}')

    await mock.subscribe(MENU_SEARCH.subject, cb=answer)
    back = await mock.subscribe(inbox := mock.new_inbox())
    await mock.publish(inbox)
    await back.next_msg(timeout=5)  # nats-py's flush is no barrier
    reply = await bus.request(MENU_SEARCH.subject, {"command": "search", "query": "burger"})
    await mock.close()
    assert reply == {"payload": {"status": "success", "items": []}}


async def test_events_are_heard_typed_and_junk_is_logged(
    bus: Client, waiter: Waiter, caplog: pytest.LogCaptureFixture
) -> None:
    await bus.js.publish(PERSON_DETECTED.subject, b'{"msg_id":"test","payload":{"event":"person_detected"}}')
    assert (await asyncio.wait_for(waiter.heard.get(), 5)).confidence == 1.0
    await bus.js.publish(PERSON_DETECTED.subject, b'{"payload":{"event":"person_detected","confidence":7}}')
    await bus.publish(PERSON_DETECTED, PersonDetected(confidence=0.5))
    assert (await asyncio.wait_for(waiter.heard.get(), 5)).confidence == 0.5
    assert "`confidence`" in caplog.text


async def test_agents_follow_the_session(bus: Client, waiter: Waiter) -> None:
    idle = waiter.session_id
    assert is_uuid4(idle)
    customer = "3f8c9a8e-2f5f-4b7e-9d2c-0a4b1c2d3e4f"
    await bus.publish(SESSION_STARTED, SessionStarted(kiosk_id="kiosk-001"), session_id=customer)
    await bus.request(MENU_SEARCH, menu.Search(query="x"))
    assert waiter.session_id == customer
    await bus.publish(SESSION_ENDED, SessionEnded(reason="completed", duration_seconds=1), session_id=customer)
    await bus.request(MENU_SEARCH, menu.Search(query="x"))
    assert waiter.session_id not in (idle, customer)
    assert is_uuid4(waiter.session_id)


async def test_what_breaks_the_contract_is_not_sent(bus: Client) -> None:
    with pytest.raises(InvalidPayload, match="confidence"):
        await bus.publish(PERSON_DETECTED, PersonDetected(confidence=3))
    with pytest.raises(InvalidPayload, match="event"):
        await bus.publish(PERSON_DETECTED.subject, {"confidence": 0.5})
    with pytest.raises(InvalidPayload, match="limit"):
        await bus.request(MENU_SEARCH, menu.Search(query="x", limit=0))


async def test_the_agent_is_a_micro_service(bus: Client, waiter: Waiter) -> None:
    info = json.loads((await bus.nc.request("$SRV.INFO.menu", b"", timeout=2)).data)
    assert {endpoint["name"]: endpoint["subject"] for endpoint in info["endpoints"]} == {
        "search": MENU_SEARCH.subject,
        "latency": "$SRV.STATS.menu.latency",  # what it counted, for the monitor
    }
    assert info["description"] == "Knows one dish, and counts."
    assert MENU_DETAILS.subject not in {endpoint["subject"] for endpoint in info["endpoints"]}


async def test_a_consumer_that_vanished_is_made_again(bus: Client, waiter: Waiter) -> None:
    await bus.request(MENU_SEARCH, menu.Search(query="before"))
    await bus.js.delete_consumer(COMMANDS_STREAM["name"], "menu-agent-consumer")
    async with asyncio.timeout(30):
        while "after" not in waiter.done:  # what is asked in between is refused with TIMEOUT, never lost in silence
            with contextlib.suppress(AskError):
                await bus.request(MENU_SEARCH, menu.Search(query="after"), timeout=1)
    info = await bus.js.consumer_info(COMMANDS_STREAM["name"], "menu-agent-consumer")
    assert info.config.max_deliver == 3


async def test_streams_lost_with_a_killed_server_are_made_again(
    nats_server: EmbeddedServer, bus: Client, waiter: Waiter
) -> None:
    await nats_server.kill()
    await nats_server.start()  # the commands stream was in memory: it is gone
    async with asyncio.timeout(40):
        while "after" not in waiter.done:
            with contextlib.suppress(AskError):
                await bus.request(MENU_SEARCH, menu.Search(query="after"), timeout=1)
    assert (await bus.js.stream_info(COMMANDS_STREAM["name"])).config.no_ack
