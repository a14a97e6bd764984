"""Sessions begin and end as customers come, hesitate and go."""

from __future__ import annotations

import asyncio

import pytest

from edge.agents.orchestrator import Timing
from edge.contract.envelope import envelope_faults, is_uuid4
from edge.contract.subjects import GAZE_DETECTED, SESSION_ENDED, SESSION_STARTED
from edge.contract.vision import GazeDetected
from tests.edge.agents.orchestrator.conftest import Kiosk, OpenKiosk
from tests.edge.agents.orchestrator.stand_ins import Kitchen, unpaid


async def test_the_attract_screen_comes_up_by_itself(open_kiosk: OpenKiosk) -> None:
    kiosk = await open_kiosk("menu")
    assert (await kiosk.screen("attract")).actions == ["Start"]
    screen = await kiosk.screen("attract", lambda screen: bool(screen.dishes))
    assert screen.dishes == ["Volcano Burger", "Iced Cola"]  # popular, and not sold out
    assert screen.caption("said")
    assert kiosk.kitchen.asked[0].tags == ["popular"]


async def test_a_person_begins_a_session_and_is_greeted(kiosk: Kiosk) -> None:
    idle = kiosk.orchestrator.session_id
    await kiosk.come(party_size=2)
    started = await kiosk.event(SESSION_STARTED)
    assert started.payload == {"event": "session_started", "kiosk_id": "kiosk-001"}
    assert is_uuid4(started.session_id)
    assert started.session_id != idle
    screen = await kiosk.screen("greeting")
    assert screen.message.session_id == started.session_id
    assert screen.caption("said") == "Welcome! Touch a dish, or say what you would like."
    assert screen.dishes == ["Volcano Burger", "Iced Cola"]
    assert screen.cart == []
    await kiosk.peripherals.lights_up("#FFFFFF", "solid")
    assert not envelope_faults(started)


async def test_touching_start_does_the_same(kiosk: Kiosk) -> None:
    await kiosk.touch("start")
    await kiosk.event(SESSION_STARTED)
    await kiosk.screen("greeting")


async def test_a_second_person_changes_nothing(kiosk: Kiosk) -> None:
    await kiosk.order()
    session_id = kiosk.orchestrator.session_id
    await kiosk.come()
    await kiosk.touch("start")
    assert (await kiosk.now()).cart == [(101, 1)]
    await kiosk.event(SESSION_STARTED)
    assert kiosk.unread(SESSION_STARTED) == 0
    assert kiosk.orchestrator.session_id == session_id


async def test_cancel_ends_the_session_and_the_next_begins_anew(kiosk: Kiosk) -> None:
    await kiosk.order()
    first = await kiosk.event(SESSION_STARTED)
    await kiosk.touch("cancel")
    goodbye = await kiosk.screen("goodbye")
    assert goodbye.message.session_id == first.session_id
    ended = await kiosk.event(SESSION_ENDED)
    assert ended.session_id == first.session_id
    assert ended.payload["reason"] == "cancelled"
    assert 0 < ended.payload["duration_seconds"] < 60
    await kiosk.peripherals.lights_up("#000000", "solid")
    attract = await kiosk.screen("attract")
    assert attract.dishes
    assert attract.message.session_id not in (first.session_id, "")
    await kiosk.come()
    assert (await kiosk.screen("greeting")).cart == []
    second = await kiosk.event(SESSION_STARTED)
    assert second.session_id not in (first.session_id, attract.message.session_id)


async def test_without_any_neighbour_the_customer_is_still_greeted(open_kiosk: OpenKiosk) -> None:
    kiosk = await open_kiosk()
    await kiosk.come()
    screen = await kiosk.screen("greeting", lambda screen: screen.caption("warning") is not None)
    assert screen.caption("warning") == "The menu can't be reached right now. Please try again in a moment."
    await kiosk.touch("cancel")
    await kiosk.screen("attract")


class TestPatience:
    @pytest.fixture
    def timing(self) -> Timing:
        return Timing(idle_s=0.2, idle_warning_s=0.1, goodbye_s=0.05, look_again_s=0.05)

    async def test_an_idle_customer_is_warned_before_the_session_ends(self, kiosk: Kiosk) -> None:
        await kiosk.come()
        warned = await kiosk.screen("greeting", lambda screen: screen.caption("warning") is not None)
        assert warned.caption("warning") == "Are you still there? Touch the screen to keep your order."
        assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "timeout"
        await kiosk.screen("attract")

    async def test_a_menu_that_comes_up_later_is_found(
        self, open_kiosk: OpenKiosk, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO")
        kiosk = await open_kiosk()
        assert (await kiosk.screen("attract")).dishes == []
        async with asyncio.timeout(10):
            while "no dishes for the attract screen yet" not in caplog.text:
                await kiosk.bus.settle()
        await kiosk.start(Kitchen(kiosk.url))
        await kiosk.screen("attract", lambda screen: bool(screen.dishes))

    async def test_a_customer_who_left_ends_the_session(self, kiosk: Kiosk) -> None:
        kiosk.orchestrator.timing = Timing(left_grace_s=0.05, goodbye_s=0.05)
        await kiosk.come()
        await kiosk.go()
        ended = await kiosk.event(SESSION_ENDED)
        assert ended.payload["reason"] == "timeout"
        assert ended.payload["duration_seconds"] >= 0.05


async def test_a_touch_ends_the_warning(kiosk: Kiosk) -> None:
    kiosk.orchestrator.timing = Timing(idle_s=10.05, idle_warning_s=10)
    await kiosk.come()
    screen = await kiosk.screen("greeting", lambda screen: screen.caption("warning") is not None)
    assert screen.one("Countdown") == {"kind": "idle", "seconds": pytest.approx(10, abs=1)}
    kiosk.orchestrator.timing = Timing()
    screen = await kiosk.now()
    assert screen.caption("warning") is None
    assert not screen.all("Countdown")


async def test_who_comes_back_or_touches_in_time_keeps_the_session(kiosk: Kiosk) -> None:
    await kiosk.order()
    timers = kiosk.orchestrator.timers

    async def leaving(wanted: bool) -> None:
        async with asyncio.timeout(10):
            while timers.is_set("left") is not wanted:
                await kiosk.bus.settle()

    await kiosk.go()
    await leaving(True)
    await kiosk.come()
    await leaving(False)
    await kiosk.go()
    await leaving(True)
    patience = timers._handles["left"]
    await kiosk.hear("chatter of people passing by")  # proves nothing: the camera sees nobody
    await kiosk.say("cancel")
    await kiosk.tap(None)
    await kiosk.bus.settle()
    assert timers._handles["left"] is patience
    assert kiosk.orchestrator.session.heard is None
    await kiosk.touch("show_everything")
    await leaving(False)
    assert kiosk.unread(SESSION_ENDED) == 0


async def test_looking_at_the_screen_is_not_idling(kiosk: Kiosk) -> None:
    await kiosk.come()
    await kiosk.screen("greeting")
    patience = kiosk.orchestrator.timers._handles
    before = patience["idle"]
    await kiosk.bus.publish(GAZE_DETECTED, GazeDetected(looking_at_screen=False))
    await kiosk.bus.publish(GAZE_DETECTED, GazeDetected(looking_at_screen=True))
    async with asyncio.timeout(10):
        while patience["idle"] is before:
            await kiosk.bus.settle()


async def test_looking_away_or_for_too_long_is_idling(kiosk: Kiosk) -> None:
    await kiosk.come()
    await kiosk.now()
    orchestrator = kiosk.orchestrator
    before = orchestrator.timers._handles["idle"]
    await orchestrator.hear_gaze(GazeDetected(looking_at_screen=False))
    orchestrator.timing = Timing(gaze_holds_s=1e-9)
    await orchestrator.hear_gaze(GazeDetected(looking_at_screen=True))
    done = asyncio.Event()

    async def finish() -> None:
        done.set()

    orchestrator._enqueue(finish)
    await asyncio.wait_for(done.wait(), 10)
    assert orchestrator.timers._handles["idle"] is before


async def test_who_left_while_the_payment_ran_is_not_waited_for_longer(kiosk: Kiosk) -> None:
    kiosk.orchestrator.timing = Timing(left_grace_s=0.05, goodbye_s=0.05)
    await kiosk.pay()
    await kiosk.go()
    await kiosk.now()
    assert kiosk.unread(SESSION_ENDED) == 0
    await kiosk.go()
    await kiosk.terminal.answer(unpaid(code=None))
    assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "timeout"


async def test_closing_ends_the_session_that_runs(kiosk: Kiosk) -> None:
    await kiosk.order()
    started = await kiosk.event(SESSION_STARTED)
    await kiosk.orchestrator.close()
    ended = await kiosk.event(SESSION_ENDED)
    assert (ended.session_id, ended.payload["reason"]) == (started.session_id, "cancelled")
