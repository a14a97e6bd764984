"""What the customer touches belongs to the trace of their session, which the page knows from the screen."""

from __future__ import annotations

import uuid

import pytest

from edge.bus.client import current
from edge.contract.envelope import NATSMessage, envelope_faults
from edge.contract.subjects import UI_UPDATE
from edge.contract.ui import UiUpdate
from edge.contract.wire import to_fields, to_json

from . import samples
from .conftest import OpenKiosk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def show_in(opened: OpenKiosk, update: UiUpdate, trace_id: str) -> None:
    """Show `update` in a message of that trace."""
    token = current.set(NATSMessage.create(str(uuid.uuid4()), {}, trace_id))
    try:
        await opened.show(update)
    finally:
        current.reset(token)


async def touched(opened: OpenKiosk, button: str) -> str:
    """Touch a button; return the trace that the page gives it. Twice the same would be a bounce to the page."""
    await opened.page.get_by_role("button", name=button).click()
    _, message = await opened.kiosk.heard()
    assert envelope_faults(message) == []
    return message.trace_id


async def test_touches_have_the_trace_of_the_screen(opened: OpenKiosk) -> None:
    for button in ("Confirm", "Back"):
        trace_id = str(uuid.uuid4())
        await show_in(opened, samples.CONFIRM, trace_id)
        assert await touched(opened, button) == trace_id


@pytest.mark.parametrize("screen", [samples.ATTRACT, samples.GOODBYE], ids=["attract", "goodbye"])
async def test_before_there_is_a_session_a_touch_begins_a_trace(opened: OpenKiosk, screen: UiUpdate) -> None:
    """Else the customer's journey would begin with a screen of hours ago, or go on in the last one's."""
    last = str(uuid.uuid4())
    await show_in(opened, samples.CONFIRM, last)
    assert await touched(opened, "Confirm") == last
    await show_in(opened, screen, last)
    assert await touched(opened, "Start" if screen is samples.ATTRACT else "New order") != last


async def test_a_screen_without_a_proper_trace_gives_none(opened: OpenKiosk) -> None:
    last = str(uuid.uuid4())
    await show_in(opened, samples.DISHES, last)
    by_hand = {"trace_id": "test", "payload": to_fields(samples.CONFIRM)}
    await opened.kiosk.bus.js.publish(UI_UPDATE.subject, to_json(by_hand))
    assert await touched(opened, "Back") not in (last, "test")
