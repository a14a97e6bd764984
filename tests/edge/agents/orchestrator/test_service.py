"""In service and out of it, and what a customer sees of devices that aren't there."""

from __future__ import annotations

import asyncio

import pytest

from edge.agents.orchestrator import Timing
from edge.contract.hardware import Condition
from edge.contract.money import Money
from edge.contract.session import Service, SetService
from edge.contract.subjects import GAZE_DETECTED, SESSION_ENDED, SESSION_STARTED, SET_SERVICE, SPEECH_START
from edge.contract.vision import GazeDetected
from edge.contract.voice import SpeechStart
from tests.edge.agents.orchestrator.conftest import Kiosk, OpenKiosk, Screen
from tests.edge.agents.orchestrator.stand_ins import Kitchen, Peripherals, Terminal, paid

NO_CARDS = "Cards can't be taken right now. You can look around; please order at the counter."
UPDATING = SetService(wanted=False, reason="This kiosk is being updated.")


@pytest.fixture
def timing() -> Timing:
    return Timing(goodbye_s=0.05, missing_after_s=0.05, surroundings_s=0.02)


def closed(screen: Screen) -> bool:
    return bool(screen.all("OutOfService"))


class TestByRequest:
    @pytest.fixture
    def timing(self) -> Timing:
        return Timing(goodbye_s=0.05, missing_after_s=600)

    async def test_a_kiosk_nobody_uses_closes_at_once_and_opens_again(self, kiosk: Kiosk) -> None:
        told = await kiosk.bus.request(SET_SERVICE, UPDATING)
        assert told == Service(in_service=False, serving=False, closing=True)
        screen = await kiosk.screen("attract", closed)
        assert screen.one("OutOfService") == {"message": "This kiosk is being updated.", "missing": []}
        assert screen.caption("warning") == "This kiosk is out of service."
        assert (screen.actions, screen.dishes) == ([], [])
        await kiosk.come()
        await kiosk.touch("start")
        assert closed(await kiosk.now())
        assert kiosk.unread(SESSION_STARTED) == 0
        told = await kiosk.bus.request(SET_SERVICE, SetService(wanted=True))
        assert told == Service(in_service=True, serving=False, closing=False)
        assert (await kiosk.screen("attract", lambda screen: not closed(screen))).actions == ["Start"]
        await kiosk.order()

    async def test_a_customer_is_served_to_the_end_first(self, kiosk: Kiosk) -> None:
        await kiosk.pay()
        told = await kiosk.bus.request(SET_SERVICE, UPDATING)
        assert told == Service(in_service=True, serving=True, closing=True)
        await kiosk.terminal.answer(paid(Money.of("14.49")))
        await kiosk.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
        await kiosk.touch("done")
        await kiosk.screen("goodbye")
        await kiosk.come()  # too late for another order
        await kiosk.screen("attract", closed)
        assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "completed"
        told = await kiosk.bus.request(SET_SERVICE, SetService())
        assert told == Service(in_service=False, serving=False, closing=True)

    async def test_it_changes_its_mind_before_the_customer_has_left(self, kiosk: Kiosk) -> None:
        await kiosk.order()
        await kiosk.bus.request(SET_SERVICE, UPDATING)
        await kiosk.bus.request(SET_SERVICE, SetService(wanted=True))
        await kiosk.touch("cancel")
        assert not closed(await kiosk.screen("attract"))

    async def test_who_asked_and_is_gone_closes_nothing_for_ever(self, kiosk: Kiosk) -> None:
        await kiosk.bus.request(SET_SERVICE, SetService(wanted=False, for_s=0.05))
        await kiosk.screen("attract", closed)
        await kiosk.screen("attract", lambda screen: not closed(screen))

    async def test_it_outlives_the_restart_that_an_update_brings(self, lasting: Kiosk) -> None:
        await lasting.bus.request(SET_SERVICE, UPDATING)
        await lasting.screen("attract", closed)
        await lasting.die_and_come_back()
        assert (await lasting.screen("attract", closed)).one("OutOfService")["message"] == UPDATING.reason
        assert not (await lasting.bus.request(SET_SERVICE, SetService())).in_service
        await lasting.bus.request(SET_SERVICE, SetService(wanted=True))
        await lasting.die_and_come_back()
        await lasting.screen("attract", lambda screen: bool(screen.dishes))


@pytest.mark.parametrize("name", ["menu", "payment"])
async def test_without_what_it_cannot_do_without_it_is_out_of_service(open_kiosk: OpenKiosk, name: str) -> None:
    kiosk = await open_kiosk(*({"menu", "payment", "hardware", "recsys"} - {name}))
    screen = await kiosk.screen("attract", closed)
    assert screen.one("OutOfService") == {"message": "Please order at the counter.", "missing": [name]}
    assert (await kiosk.bus.request(SET_SERVICE, SetService())).missing == [name]
    await kiosk.start(Kitchen(kiosk.url) if name == "menu" else Terminal(kiosk.url))
    assert (await kiosk.screen("attract", lambda screen: not closed(screen))).actions == ["Start"]
    await kiosk.come()
    await kiosk.screen("greeting")


async def test_a_neighbour_that_goes_in_a_session_costs_the_checkout_not_the_cart(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.terminal.close()
    screen = await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") == NO_CARDS)
    assert screen.cart == [(101, 1)]
    assert screen.actions == ["Show everything", "Cancel"]
    await kiosk.start(Terminal(kiosk.url))
    await kiosk.screen("hero_grid", lambda screen: "Checkout" in screen.actions)


async def test_without_a_reader_nobody_gets_as_far_as_paying_and_is_told_early(kiosk: Kiosk) -> None:
    kiosk.peripherals.devices["reader"] = (Condition.ABSENT, "absent")
    assert (await kiosk.screen("attract", lambda screen: screen.caption("warning") == NO_CARDS)).actions == ["Start"]
    await kiosk.come()
    assert (await kiosk.screen("greeting")).caption("warning") == NO_CARDS
    await kiosk.cart("add", 101)
    screen = await kiosk.screen("hero_grid", lambda screen: screen.cart == [(101, 1)])
    assert screen.actions == ["Show everything", "Cancel"]
    await kiosk.touch("checkout")  # a page that lags behind
    assert (await kiosk.now()).layout == "hero_grid"
    await kiosk.say("checkout")
    assert (await kiosk.now()).layout == "hero_grid"
    del kiosk.peripherals.devices["reader"]
    await kiosk.screen("hero_grid", lambda screen: "Checkout" in screen.actions)
    await kiosk.touch("checkout")
    assert "Pay" in (await kiosk.screen("confirm")).actions
    kiosk.peripherals.devices["reader"] = (Condition.ABSENT, "absent")
    screen = await kiosk.screen("confirm", lambda screen: screen.caption("warning") == NO_CARDS)
    assert screen.actions == ["Back", "Cancel"]
    await kiosk.touch("pay")
    assert (await kiosk.now()).layout == "confirm"
    assert kiosk.terminal.asked == []


async def test_a_terminal_of_its_own_needs_no_reader(kiosk: Kiosk) -> None:
    kiosk.orchestrator._lookout._reads_cards = False
    kiosk.peripherals.devices["reader"] = (Condition.ABSENT, "absent")
    kiosk.peripherals.devices["printer"] = (Condition.ABSENT, "absent")
    await kiosk.order()
    await kiosk.touch("checkout")
    screen = await kiosk.screen("confirm", lambda screen: "printer" in (screen.caption("warning") or ""))
    assert "Pay" in screen.actions


@pytest.mark.parametrize("code", ["out_of_paper", "cover_open", "absent"])
async def test_without_paper_the_receipt_is_a_code(kiosk: Kiosk, code: str) -> None:
    condition = Condition.ABSENT if code == "absent" else Condition.DEGRADED
    kiosk.peripherals.devices["printer"] = (condition, code)
    kiosk.peripherals.problem = "the printer is out of paper"
    kiosk.peripherals.hold = asyncio.Event()
    await kiosk.order()
    await kiosk.touch("checkout")
    await kiosk.screen("confirm", lambda screen: "can't print" in (screen.caption("warning") or ""))
    await kiosk.touch("pay")
    await kiosk.terminal.answer(paid(Money.of("12.99")))
    early = await kiosk.screen("receipt")
    kiosk.peripherals.hold.set()
    late = await kiosk.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is False)
    for screen in (early, late):
        code_shown = screen.one("QrCode")
        assert code_shown["url"] == "https://kiosk.example/receipts/txn-1.pdf"
        size = len(code_shown["rows"])
        assert size >= 21
        assert (size - 21) % 4 == 0
        assert all(len(row) == size and set(row) <= {"0", "1"} for row in code_shown["rows"])
        assert all(code_shown["rows"][0][x] == "1" for x in range(7)), "a finder pattern"


async def test_with_paper_there_is_no_code(kiosk: Kiosk) -> None:
    await kiosk.pay()
    await kiosk.terminal.answer(paid(Money.of("14.49")))
    screen = await kiosk.screen("receipt", lambda screen: screen.one("ReceiptInfo")["printed"] is True)
    assert screen.all("QrCode") == []
    assert screen.one("Countdown") == {"kind": "finished", "seconds": pytest.approx(8, abs=1)}


async def test_a_hardware_agent_that_is_gone_is_a_reader_and_a_printer_that_are(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.peripherals.close()
    await kiosk.screen("hero_grid", lambda screen: screen.caption("warning") == NO_CARDS)
    await kiosk.start(Peripherals(kiosk.url))
    await kiosk.screen("hero_grid", lambda screen: "Checkout" in screen.actions)


async def test_a_camera_that_went_took_nobody_with_it(kiosk: Kiosk) -> None:
    await kiosk.order()
    await kiosk.go()
    await kiosk.dealt_with()
    assert kiosk.orchestrator.timers.is_set("left")
    kiosk.peripherals.devices["camera"] = (Condition.ABSENT, "lost")
    async with asyncio.timeout(10):
        while kiosk.orchestrator.timers.is_set("left"):
            await kiosk.bus.settle()
    assert kiosk.orchestrator.session.cart


class TestWhoIsSpokenWith:
    @pytest.fixture
    def timing(self) -> Timing:
        return Timing(goodbye_s=0.05, missing_after_s=600, gaze_lapse_s=1e-6)

    async def look(self, kiosk: Kiosk, at_screen: bool) -> None:
        await kiosk.bus.publish(GAZE_DETECTED, GazeDetected(looking_at_screen=at_screen))

    async def test_who_looks_elsewhere_speaks_with_someone_else(self, kiosk: Kiosk) -> None:
        await kiosk.order()
        await self.look(kiosk, True)
        await self.look(kiosk, False)
        await kiosk.bus.publish(SPEECH_START, SpeechStart())
        await kiosk.hear("cancel all of it")
        await kiosk.say("cancel")
        assert (await kiosk.now()).cart == [(101, 1)]
        await self.look(kiosk, True)
        await kiosk.say("checkout")
        await kiosk.screen("confirm")

    async def test_who_began_to_speak_with_it_may_look_away_while_speaking(self, kiosk: Kiosk) -> None:
        await kiosk.order()
        await self.look(kiosk, True)
        await kiosk.bus.publish(SPEECH_START, SpeechStart())
        await self.look(kiosk, False)
        await kiosk.say("checkout")
        await kiosk.screen("confirm")

    async def test_where_gaze_is_not_known_everyone_is_listened_to(self, kiosk: Kiosk) -> None:
        await kiosk.order()
        await kiosk.say("checkout")
        await kiosk.screen("confirm")

    async def test_nobody_is_listened_to_who_is_not_there(self, kiosk: Kiosk) -> None:
        await kiosk.order()
        await kiosk.go()
        await kiosk.say("checkout")
        await kiosk.dealt_with()
        assert kiosk.orchestrator.session.state == "cart"
        await kiosk.touch("back")  # a hand: someone is there
        await kiosk.say("checkout")
        await kiosk.screen("confirm")


class TestGoing:
    @pytest.fixture
    def timing(self) -> Timing:
        return Timing(goodbye_s=0.05, missing_after_s=600, left_grace_s=0.4, left_warning_s=0.3)

    async def test_who_walks_away_is_called_and_loses_the_cart(self, kiosk: Kiosk) -> None:
        await kiosk.order()
        await kiosk.go()
        screen = await kiosk.screen("hero_grid", lambda screen: bool(screen.all("Countdown")))
        assert screen.one("Countdown") == {"kind": "left", "seconds": pytest.approx(0.3, abs=0.05)}
        assert screen.caption("warning") == "Are you still there? Touch the screen to keep your order."
        assert (await kiosk.event(SESSION_ENDED)).payload["reason"] == "timeout"
        await kiosk.screen("attract")
        await kiosk.come()
        assert (await kiosk.screen("greeting")).cart == []

    async def test_who_comes_back_in_time_is_welcomed_with_their_order(self, kiosk: Kiosk) -> None:
        await kiosk.order()
        kiosk.orchestrator.timing = Timing(left_grace_s=600.1, left_warning_s=600)
        await kiosk.go()
        await kiosk.screen("hero_grid", lambda screen: bool(screen.all("Countdown")))
        await kiosk.come()
        screen = await kiosk.screen("hero_grid", lambda screen: not screen.all("Countdown"))
        assert screen.caption("said") == "Welcome back! Your order is still here. Touch Cancel to start anew."
        assert (screen.caption("warning"), screen.cart) == (None, [(101, 1)])
        assert not kiosk.orchestrator.timers.is_set("left")
        assert kiosk.unread(SESSION_ENDED) == 0
