"""One customer, one trace: from what brought them to the end of their session, whoever says what."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from edge.agents.orchestrator import Timing
from edge.bus import Client
from edge.bus.client import current
from edge.contract import input as customer
from edge.contract import vision
from edge.contract.envelope import NATSMessage, envelope_faults
from edge.contract.money import Money
from edge.contract.subjects import (
    ALL,
    PERSON_DETECTED,
    SESSION_ENDED,
    SESSION_STARTED,
    TOUCH,
    UI_UPDATE,
    Event,
    agent_of,
)
from edge.contract.wire import Payload, to_fields
from tests.edge.agents.orchestrator.conftest import Kiosk, OpenKiosk
from tests.edge.agents.orchestrator.stand_ins import PATIENT_S, paid


async def publish(bus: Client, event: Event[Any], payload: Payload, trace_id: str | None = None) -> NATSMessage:
    """Say `payload` in an envelope of the caller's own; return the envelope."""
    message = NATSMessage.create(str(uuid.uuid4()), to_fields(payload), trace_id)
    await bus.js.publish(event.subject, message.to_json().encode())
    return message


class Ear:
    """Keeps everything that is said on the bus."""

    def __init__(self, bus: Client) -> None:
        self._bus = bus
        self._news = asyncio.Condition()
        self.heard: list[tuple[str, NATSMessage]] = []
        self._task = asyncio.create_task(self._listen())

    async def _listen(self) -> None:
        async for subject, message in self._bus.watch(ALL):
            assert isinstance(message, NATSMessage)
            async with self._news:
                self.heard.append((subject, message))
                self._news.notify_all()

    async def until(self, subject: str, count: int = 1) -> NATSMessage:
        """The `count`th message on `subject`."""
        async with asyncio.timeout(PATIENT_S), self._news:
            await self._news.wait_for(lambda: len(self.on(subject)) >= count)
        return self.on(subject)[count - 1]

    def on(self, subject: str) -> list[NATSMessage]:
        return [message for where, message in self.heard if where == subject]

    def between(self, first: NATSMessage, last: NATSMessage) -> list[tuple[str, NATSMessage]]:
        """What was said from `first` to `last`."""
        ids = [message.msg_id for _, message in self.heard]
        return self.heard[ids.index(first.msg_id) : ids.index(last.msg_id) + 1]

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


async def begun(kiosk: Kiosk) -> NATSMessage:
    """A customer's person_detected; the kiosk greets them."""
    came = await publish(kiosk.bus, PERSON_DETECTED, vision.PersonDetected())
    await kiosk.screen("greeting")
    return came


async def test_a_session_has_the_trace_of_what_brought_the_customer(kiosk: Kiosk) -> None:
    came = await begun(kiosk)
    assert (await kiosk.event(SESSION_STARTED)).trace_id == came.trace_id
    await kiosk.touch("cancel")
    assert (await kiosk.event(SESSION_ENDED)).trace_id == came.trace_id

    touched = await publish(kiosk.bus, TOUCH, customer.Touch(action="start"))
    assert (await kiosk.event(SESSION_STARTED)).trace_id == touched.trace_id != came.trace_id


async def test_all_that_the_orchestrator_says_and_asks_for_a_customer_is_one_trace(kiosk: Kiosk) -> None:
    """Whatever trace the customer's own messages had, and in asides, timers and lights, too."""
    listener = Client(kiosk.url, name="listener")
    await listener.connect(wait_s=PATIENT_S)
    ear = Ear(listener)
    await listener.settle()
    try:
        came = await begun(kiosk)
        await kiosk.cart("add", 101, 1, "Extra Cheese")
        await kiosk.screen("hero_grid", lambda screen: bool(screen.all("Suggestion")))
        await kiosk.say("checkout")
        await kiosk.screen("confirm")
        await kiosk.touch("pay")
        await kiosk.screen("payment")
        await kiosk.terminal.answer(paid(Money.of("14.49")))
        await kiosk.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
        await kiosk.touch("done")
        started = await ear.until(SESSION_STARTED.subject)
        ended = await ear.until(SESSION_ENDED.subject)
        theirs = [
            (subject, message)
            for subject, message in ear.between(started, ended)
            if message.session_id == started.session_id
        ]
        assert {message.trace_id for _, message in theirs} == {came.trace_id}
        assert {agent_of(subject) for subject, _ in theirs} == {None, "menu", "recsys", "payment", "hardware"}
        foreign = {m.trace_id for s, m in ear.heard if s not in (UI_UPDATE.subject, PERSON_DETECTED.subject)}
        assert len(foreign) > 3, "the test's own touches had traces of their own"
    finally:
        await ear.close()
        await listener.close()


async def test_a_foreign_trace_does_not_poison_the_sessions(kiosk: Kiosk) -> None:
    came = await begun(kiosk)
    foreign = str(uuid.uuid4())
    touch = await publish(kiosk.bus, TOUCH, customer.Touch(action="select_item", item_id=101), foreign)
    screen = await kiosk.screen("item")
    assert screen.message.trace_id == came.trace_id != foreign
    assert screen.message.session_id == kiosk.orchestrator.session_id != touch.session_id
    assert not envelope_faults(screen.message)
    await kiosk.touch("back")
    assert (await kiosk.screen("hero_grid")).message.trace_id == came.trace_id


async def test_what_comes_without_a_trace_gets_the_sessions(kiosk: Kiosk) -> None:
    """Section 10.2's messages by hand have none."""
    came = await begun(kiosk)
    await kiosk.bus.js.publish(TOUCH.subject, b'{"payload":{"event":"touch","action":"select_item","item_id":101}}')
    assert (await kiosk.screen("item")).message.trace_id == came.trace_id


async def test_no_customer_gets_the_trace_of_an_earlier_one(kiosk: Kiosk) -> None:
    """A page that was away still has it, and so has a camera that hasn't heard of the end yet."""
    first = await begun(kiosk)
    await kiosk.touch("cancel")
    await kiosk.screen("attract")
    await publish(kiosk.bus, TOUCH, customer.Touch(action="add_to_cart", item_id=101), first.trace_id)
    attract = await kiosk.screen("attract")
    assert attract.message.trace_id != first.trace_id, "nothing is said in it after its end"
    await publish(kiosk.bus, PERSON_DETECTED, vision.PersonDetected(), first.trace_id)
    await kiosk.screen("greeting")
    await kiosk.event(SESSION_STARTED)
    second = await kiosk.event(SESSION_STARTED)
    assert second.trace_id not in (first.trace_id, attract.message.trace_id)
    assert not envelope_faults(second)


async def test_between_customers_each_deed_has_a_trace_of_its_own(open_kiosk: OpenKiosk, bus: Client) -> None:
    ear = Ear(bus)
    kiosk = await open_kiosk("menu", "hardware")
    try:
        await kiosk.screen("attract", lambda screen: bool(screen.dishes))
        bare, with_dishes = [await ear.until(UI_UPDATE.subject, count) for count in (1, 2)]
        assert bare.trace_id == with_dishes.trace_id, "the dishes were looked for as part of the same deed"
        came = await begun(kiosk)
        await kiosk.touch("cancel")
        after = await kiosk.screen("attract")
        assert after.message.trace_id not in (bare.trace_id, came.trace_id)
    finally:
        await ear.close()


class TestTimers:
    @pytest.fixture
    def timing(self) -> Timing:
        return Timing(idle_s=0.2, idle_warning_s=0.1, goodbye_s=0.05)

    async def test_what_a_timer_does_is_in_the_sessions_trace(self, kiosk: Kiosk) -> None:
        came = await publish(kiosk.bus, PERSON_DETECTED, vision.PersonDetected())
        warned = await kiosk.screen("greeting", lambda screen: "still" in (screen.caption("warning") or "").lower())
        assert warned.message.trace_id == came.trace_id
        ended = await kiosk.event(SESSION_ENDED)
        assert (ended.trace_id, ended.payload["reason"]) == (came.trace_id, "timeout")


async def test_an_agent_that_closes_ends_its_session_in_its_trace(kiosk: Kiosk) -> None:
    came = await begun(kiosk)
    assert current.get() is None
    await kiosk.orchestrator.close()
    assert (await kiosk.event(SESSION_ENDED)).trace_id == came.trace_id
