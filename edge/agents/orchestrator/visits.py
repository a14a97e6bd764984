"""Beginning and ending sessions: presence, patience, and the time between two customers."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final, Literal

from edge.agents.orchestrator import phrases
from edge.agents.orchestrator.lights import DARK
from edge.agents.orchestrator.screens import hero_item
from edge.agents.orchestrator.session import Ending, Session
from edge.agents.orchestrator.stage import Stage
from edge.agents.orchestrator.states import AWAITING_CUSTOMER, State, Step
from edge.agents.orchestrator.timing import Deed, TimerName
from edge.bus.crashing import crash_point
from edge.contract import ui
from edge.contract.errors import AskError
from edge.contract.hardware import SetLed
from edge.contract.session import EndReason, SessionEnded, SessionStarted
from edge.contract.subjects import SESSION_ENDED, SESSION_STARTED

log = logging.getLogger(__name__)

BEGUN = crash_point("orchestrator.begun", "a session has begun, for the bus and on the screen; it is not on disk")
GOODBYE_SHOWN = crash_point("orchestrator.goodbye-shown", "the screen says goodbye; the session's end was not told")
END_TOLD = crash_point("orchestrator.end-told", "the session's end was told; on disk it wasn't")

EndKind = Literal["idle", "left", "finished"]
ATTRACT_DISHES: Final = 6
GREETING_DISHES: Final = 12
WELCOME_LIGHT: Final = SetLed(color="#FFFFFF", pattern="solid")


def clock_s() -> float:
    """The event loop's clock, by which sessions are measured."""
    return asyncio.get_running_loop().time()


class Visits:
    """Acts on whether there is a customer, and since when the kiosk waits for one to do something."""

    def __init__(self, stage: Stage, kiosk_id: str) -> None:
        self._stage = stage
        self._kiosk_id = kiosk_id
        self._popular: tuple[ui.HeroItem, ...] = ()

    # -- from the first to the last moment ----------------------------------------------------------------

    async def arrive(self, party_size: int) -> None:
        """Begin a session. Where one is running it goes on, whoever comes: there is one at a time."""
        stage = self._stage
        if not stage.session.allows(Step.ARRIVE):
            await self._come_back()
            return
        if not stage.open:
            return
        stage.timers.clear()
        stage.session = session = Session(
            state=stage.session.state, started_s=clock_s(), party_size=party_size, dishes=self._popular
        )
        session.step(Step.ARRIVE)
        stage.attention.forget()
        stage.begin_journey()
        self.stir()
        stage.light(WELCOME_LIGHT)
        session.said = phrases.WELCOME
        # Neither waits for the other's acknowledgement; they leave in this order.
        await asyncio.gather(stage.say(SESSION_STARTED, SessionStarted(kiosk_id=self._kiosk_id)), stage.show())
        BEGUN()
        stage.aside(self._find_dishes)

    async def _find_dishes(self) -> Deed:
        """Get more dishes than the attract screen had; the customer is greeted meanwhile."""
        try:
            popular = await self._stage.neighbours.popular(GREETING_DISHES)
        except AskError as error:
            log.warning("no dishes for the greeting: %s", error)
            return self._regret
        return partial(self._greet_with, tuple(hero_item(each) for each in popular))

    async def _greet_with(self, dishes: tuple[ui.HeroItem, ...]) -> None:
        session = self._stage.session
        if session.state is State.GREETING and session.dishes != dishes:
            session.dishes = dishes
            await self._stage.show()

    async def _regret(self) -> None:
        session = self._stage.session
        if session.state is State.GREETING and not session.dishes:
            session.warning = phrases.NO_MENU
            await self._stage.show()

    async def leave(self, reason: EndReason, words: str, step: Step = Step.LEAVE) -> None:
        """End the session, saying goodbye with `words`."""
        stage = self._stage
        if not stage.session.step(step):
            return
        stage.timers.clear()
        stage.session.hush()
        stage.session.ending = None
        stage.session.said = words
        stage.session.end = reason
        await stage.show()
        GOODBYE_SHOWN()
        await stage.keep()  # who is told of the end must not meet the session again
        await self.tell_end(reason)
        END_TOLD()
        stage.end_journey()
        stage.light(DARK)
        stage.timers.set("goodbye", stage.timing.goodbye_s, self.rest)

    async def tell_end(self, reason: EndReason) -> None:
        """Say that the session is over."""
        await self._stage.say(SESSION_ENDED, self.ended(reason))
        self._stage.session.end = None

    def ended(self, reason: EndReason) -> SessionEnded:
        """What is said of the session's end."""
        return SessionEnded(reason=reason, duration_seconds=round(clock_s() - self._stage.session.started_s, 3))

    # -- between two customers ----------------------------------------------------------------------------

    async def attract(self) -> None:
        """Show the attract screen, or where nobody can order that it is so."""
        stage = self._stage
        if stage.session.state is State.ATTRACT:
            stage.session = Session(said=phrases.ATTRACT, dishes=self._popular[:ATTRACT_DISHES])
            if not stage.open:
                stage.session.step(Step.CLOSE)
                stage.session.said = None
                stage.session.dishes = ()
            await stage.show()
            stage.aside(self._find_popular)

    async def review_service(self) -> None:
        """Open or close, where the kiosk is between two customers; one who is here is served to the end."""
        stage = self._stage
        state = stage.session.state
        if state is State.OUT_OF_SERVICE and not stage.open:
            await stage.show()  # it may be closed for another reason now
        elif (state is State.OUT_OF_SERVICE and stage.session.step(Step.OPEN)) or (
            state is State.ATTRACT and not stage.open
        ):
            await self.attract()

    async def rest(self) -> None:
        """The goodbye was long enough."""
        if self._stage.session.step(Step.REST):
            await self.attract()

    async def _find_popular(self) -> Deed:
        """Get popular dishes for the attract screen, and go on trying while the menu agent isn't there."""
        try:
            found = await self._stage.neighbours.popular(ATTRACT_DISHES)
        except AskError as error:
            log.info("no dishes for the attract screen yet: %s", error)
            return self._look_later
        return partial(self._attract_with, tuple(hero_item(each) for each in found))

    async def _look_later(self) -> None:
        self._stage.timers.set("look", self._stage.timing.look_again_s, self._look)

    async def _look(self) -> None:
        self._stage.aside(self._find_popular)

    async def _attract_with(self, dishes: tuple[ui.HeroItem, ...]) -> None:
        self._popular = dishes
        session = self._stage.session
        if session.state is State.ATTRACT and session.dishes != dishes:
            session.dishes = dishes
            await self._stage.show()

    # -- presence and patience ----------------------------------------------------------------------------

    async def miss(self) -> None:
        """The customer isn't seen any more."""
        session = self._stage.session
        session.person_gone = True
        if session.state is State.RECEIPT:
            await self.leave("completed", phrases.GOODBYE_PAID)
        elif session.state in AWAITING_CUSTOMER:
            self._await_return()

    async def be_looked_at(self, looks: bool) -> None:
        """Who reads is there too, for a while."""
        self._stage.attention.see(looks, clock_s())
        if looks and clock_s() - self._stage.session.stirred_s < self._stage.timing.gaze_holds_s:
            await self._be_awaited_anew()

    async def be_spoken_to(self) -> None:
        """Whether it was meant for the kiosk is yet to be heard; who looks elsewhere speaks with someone else."""
        if self._stage.attention.begin_speech(clock_s(), self._stage.timing.gaze_lapse_s):
            await self._be_awaited_anew()

    def listens(self) -> bool:
        """Whether what is said now is a customer's, and meant for the kiosk."""
        stage = self._stage
        return not stage.session.person_gone and stage.attention.means_us(clock_s(), stage.timing.gaze_lapse_s)

    def stir(self) -> None:
        """The customer did something."""
        self._stage.session.stirred_s = clock_s()
        self.await_customer()

    def touch(self) -> None:
        """The customer did something by hand: someone is there, whatever the camera says."""
        if self._stage.session.person_gone:
            self._stage.attention.forget()
        self._stage.session.person_gone = False
        self._stage.timers.cancel("left")
        self.stir()

    def await_customer(self) -> None:
        """Begin to wait for the customer's next deed, where it is the customer's turn."""
        stage = self._stage
        if stage.session.state not in AWAITING_CUSTOMER:
            stage.timers.cancel("idle")
            stage.timers.cancel("left")
            return
        stage.timers.set("idle", stage.timing.idle_s - stage.timing.idle_warning_s, self._warn_idle)
        if not stage.session.person_gone:
            self._stop_countdown()
        elif not stage.timers.is_set("left"):
            self._await_return()  # they went while the payment was running

    def end_soon(self, timer: TimerName, kind: EndKind, seconds: float, deed: Deed) -> None:
        """Count down on the screen, and do `deed` at the end."""
        session = self._stage.session
        if session.step(Step.WARN):
            session.ending = Ending(kind, clock_s() + seconds)
            self._stage.timers.set(timer, seconds, deed)

    async def _come_back(self) -> None:
        """Someone is seen again, or someone else with the customer."""
        stage = self._stage
        session = stage.session
        back, session.person_gone = session.person_gone, False
        stage.timers.cancel("left")
        if back and session.state in AWAITING_CUSTOMER:
            stage.attention.forget()
            self.stir()
            if session.cart and session.state is not State.REFUSED:
                session.hush()
                session.said = phrases.WELCOME_BACK
            await stage.show()

    async def _be_awaited_anew(self) -> None:
        counting = self._stage.session.ending
        self.await_customer()
        if self._stage.session.ending is not counting:
            await self._stage.show()

    def _stop_countdown(self) -> None:
        session = self._stage.session
        if session.ending is not None:
            session.ending = None
            if session.warning == phrases.STILL_THERE:
                session.warning = None

    def _await_return(self) -> None:
        timing = self._stage.timing
        before_s = timing.left_grace_s - timing.left_warning_s
        self._stage.timers.set("left", max(before_s, 0.0), self._warn_left)

    async def _warn_left(self) -> None:
        timing = self._stage.timing
        await self._warn("left", min(timing.left_warning_s, timing.left_grace_s))

    async def _warn_idle(self) -> None:
        if not self._stage.timers.is_set("left"):  # then a countdown runs or is near already
            await self._warn("idle", self._stage.timing.idle_warning_s)

    async def _warn(self, why: Literal["idle", "left"], seconds: float) -> None:
        session = self._stage.session
        session.hush()
        session.warning = phrases.STILL_THERE
        self.end_soon(why, why, seconds, self._give_up)
        await self._stage.show()

    async def _give_up(self) -> None:
        order = self._stage.session.order
        if self._stage.session.in_doubt and order is not None:
            await self.leave("timeout", phrases.goodbye_in_doubt(order.order_id), Step.EXPIRE)
        else:
            await self.leave("timeout", phrases.GOODBYE_TIMEOUT, Step.EXPIRE)
