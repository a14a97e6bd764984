"""The queue, the traces, and what happens when something breaks."""

from __future__ import annotations

import asyncio
import logging

import pytest

from edge.agents.orchestrator.screens import _ACTIONS, action_of
from edge.bus import EmbeddedServer
from edge.contract.envelope import NATSMessage
from edge.contract.session import SessionEnded, SessionStarted
from edge.contract.subjects import SESSION_ENDED, SESSION_STARTED, TOUCH, UI_UPDATE
from tests.edge.agents.orchestrator.conftest import Kiosk


class Ears(logging.Handler):
    """Waits for words in the bus's log."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words
        self.heard = asyncio.Event()
        log = logging.getLogger("edge.bus.connection")
        log.setLevel(logging.INFO)
        log.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        if self._words in record.getMessage():
            self.heard.set()
            logging.getLogger("edge.bus.connection").removeHandler(self)


async def test_a_message_heard_twice_is_heeded_once(kiosk: Kiosk) -> None:
    await kiosk.order()
    add = NATSMessage.create(kiosk.bus.session_id, {"event": "touch", "action": "add_to_cart", "item_id": 201})
    for _ in range(3):
        await kiosk.bus.nc.publish(TOUCH.subject, add.to_json().encode())
    assert (await kiosk.now()).cart == [(101, 1), (201, 1)]


async def test_messages_by_hand_have_whatever_id_and_are_all_heeded(kiosk: Kiosk) -> None:
    """Section 10.2 has `"msg_id":"test"`."""
    await kiosk.order()
    add = b'{"msg_id":"test","payload":{"event":"touch","action":"add_to_cart","item_id":201}}'
    for _ in range(3):
        await kiosk.bus.js.publish(TOUCH.subject, add)
    assert (await kiosk.now()).cart == [(101, 1), (201, 3)]


async def test_many_touches_at_once_are_done_in_order(kiosk: Kiosk) -> None:
    await kiosk.come()
    await asyncio.gather(*(kiosk.cart("add", 101) for _ in range(20)), *(kiosk.cart("add", 201) for _ in range(20)))
    screen = await kiosk.now()
    assert sorted(screen.cart) == [(101, 20), (201, 20)]


async def test_a_fault_is_logged_told_and_survived(
    kiosk: Kiosk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await kiosk.order()

    async def break_down(_: int) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(kiosk.orchestrator.neighbours, "dish", break_down)
    await kiosk.touch("select_item", 101)
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") is not None)
    assert screen.caption("warning") == "Sorry, something went wrong. Please try again."
    assert "secret detail" in caplog.text
    monkeypatch.undo()
    await kiosk.touch("select_item", 101)
    await kiosk.screen("item")


async def test_a_session_outlives_the_bus(kiosk: Kiosk, nats_server: EmbeddedServer) -> None:
    await kiosk.order()
    session_id = kiosk.orchestrator.session_id
    back = [Ears(f"{each}: back on the bus") for each in ("orchestrator", "test")]
    await nats_server.kill()
    await nats_server.start()
    for ears in back:
        await asyncio.wait_for(ears.heard.wait(), 20)
    screen = await kiosk.now()
    assert (screen.cart, screen.message.session_id) == ([(101, 1)], session_id)


async def test_a_late_echo_of_an_ended_session_changes_nothing(kiosk: Kiosk) -> None:
    await kiosk.order()
    session_id = kiosk.orchestrator.session_id
    await kiosk.bus.publish(SESSION_ENDED, SessionEnded(reason="completed", duration_seconds=1))
    await kiosk.bus.publish(SESSION_STARTED, SessionStarted(kiosk_id="kiosk-002"))
    screen = await kiosk.now()
    assert screen.message.session_id == kiosk.orchestrator.session_id == session_id


async def test_each_customer_has_a_session_of_their_own(kiosk: Kiosk) -> None:
    for _ in range(5):
        await kiosk.come()
        started = await kiosk.event(SESSION_STARTED)
        await kiosk.touch("cancel")
        await kiosk.screen("goodbye")
        await kiosk.come()
        screen = await kiosk.screen("greeting")
        second = await kiosk.event(SESSION_STARTED)
        assert screen.message.session_id == second.session_id != started.session_id
        await kiosk.touch("show_everything")
        assert (await kiosk.screen("hero_grid")).message.session_id == second.session_id
        await kiosk.touch("cancel")
        await kiosk.screen("attract")


async def test_every_button_is_understood(kiosk: Kiosk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    await kiosk.touch("dance")
    for label in {label for labels in _ACTIONS.values() for label in labels}:
        await kiosk.touch(action_of(label), 101)
    await kiosk.screen("attract")
    await kiosk.now()
    assert caplog.text.count("an unknown touch") == 1


async def test_the_last_screen_is_kept_for_a_page_that_comes_later(kiosk: Kiosk) -> None:
    await kiosk.order()
    shown: set[str] = set()
    async with asyncio.timeout(20):
        while not shown >= {"HeroItem", "Cart", "Suggestion"}:  # a screen is heard before the disk has it
            kept = await kiosk.bus.js.get_last_msg("KIOSK_EVENTS", UI_UPDATE.subject)
            assert kept.data is not None
            payload = NATSMessage.from_json(kept.data).payload
            assert payload["layout_mode"] == "hero_grid"
            shown = {each["type"] for each in payload["components"]}
