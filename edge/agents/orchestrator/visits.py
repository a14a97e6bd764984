"""Beginning and ending sessions: presence, patience, and the time between two customers."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Final

from edge.agents.orchestrator import phrases
from edge.agents.orchestrator.screens import hero_item
from edge.agents.orchestrator.session import Session
from edge.agents.orchestrator.stage import Stage
from edge.agents.orchestrator.states import AWAITING_CUSTOMER, State, Step, after
from edge.agents.orchestrator.timing import Deed
from edge.contract import ui
from edge.contract.errors import AskError
from edge.contract.hardware import SetLed
from edge.contract.session import EndReason, SessionEnded, SessionStarted
from edge.contract.subjects import SESSION_ENDED, SESSION_STARTED

log = logging.getLogger(__name__)

ATTRACT_DISHES: Final = 6
GREETING_DISHES: Final = 12
WELCOME_LIGHT: Final = SetLed(color="#FFFFFF", pattern="solid")
DARK: Final = SetLed(color="#000000", pattern="solid")


def clock_s() -> float:
    """The event loop's clock, by which sessions are measured."""
    return asyncio.get_running_loop().time()


class Visits:
    """Acts on whether there is a customer, and since when the kiosk waits for one to do something."""

    def __init__(self, stage: Stage, kiosk_id: str) -> None:
        self._stage = stage
        self._kiosk_id = kiosk_id
        self._popular: tuple[ui.HeroItem, ...] = ()
        self._stirred_s = 0.0

    # -- from the first to the last moment ----------------------------------------------------------------

    async def arrive(self, party_size: int) -> None:
        """Begin a session; where one is running, someone being seen changes nothing."""
        stage = self._stage
        stage.session.person_gone = False
        stage.timers.cancel("left")
        if after(stage.session.state, Step.ARRIVE) is None:
            return
        stage.timers.clear()
        stage.session = session = Session(
            state=stage.session.state, started_s=clock_s(), party_size=party_size, dishes=self._popular
        )
        session.step(Step.ARRIVE)
        stage.begin_journey()
        await stage.say(SESSION_STARTED, SessionStarted(kiosk_id=self._kiosk_id))
        self.stir()
        stage.light(WELCOME_LIGHT)
        session.said = phrases.WELCOME
        try:
            popular = await stage.neighbours.popular(GREETING_DISHES)
            session.dishes = tuple(hero_item(each) for each in popular)
        except AskError as error:
            log.warning("no dishes for the greeting: %s", error)
            session.warning = None if self._popular else phrases.NO_MENU
        await stage.show()

    async def leave(self, reason: EndReason, words: str, step: Step = Step.LEAVE) -> None:
        """End the session, saying goodbye with `words`."""
        stage = self._stage
        if not stage.session.step(step):
            return
        stage.timers.clear()
        stage.session.hush()
        stage.session.said = words
        await stage.show()
        await stage.say(SESSION_ENDED, self.ended(reason))
        stage.end_journey()
        stage.light(DARK)
        stage.timers.set("goodbye", stage.timing.goodbye_s, self._rest)

    def ended(self, reason: EndReason) -> SessionEnded:
        """What is said of the session's end."""
        return SessionEnded(reason=reason, duration_seconds=round(clock_s() - self._stage.session.started_s, 3))

    # -- between two customers ----------------------------------------------------------------------------

    async def attract(self) -> None:
        """Show the attract screen."""
        stage = self._stage
        if stage.session.state is State.ATTRACT:
            stage.session = Session(said=phrases.ATTRACT, dishes=self._popular[:ATTRACT_DISHES])
            await stage.show()
            stage.aside(self._find_popular)

    async def _rest(self) -> None:
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

    async def be_looked_at(self) -> None:
        """Who reads is there too, for a while."""
        if clock_s() - self._stirred_s < self._stage.timing.gaze_holds_s:
            self.await_customer()

    async def be_spoken_to(self) -> None:
        """Whether it was meant for the kiosk is yet to be heard."""
        self.await_customer()

    def stir(self) -> None:
        """The customer did something."""
        self._stirred_s = clock_s()
        self.await_customer()

    def touch(self) -> None:
        """The customer did something by hand: someone is there, whatever the camera says."""
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
        stage.timers.set("idle", stage.timing.idle_s - stage.timing.idle_warning_s, self._warn)
        if stage.session.person_gone and not stage.timers.is_set("left"):
            self._await_return()  # they went while the payment was running

    def _await_return(self) -> None:
        self._stage.timers.set("left", self._stage.timing.left_grace_s, self._give_up)

    async def _warn(self) -> None:
        stage = self._stage
        stage.session.hush()
        stage.session.warning = phrases.STILL_THERE
        stage.timers.set("idle", stage.timing.idle_warning_s, self._give_up)
        await stage.show()

    async def _give_up(self) -> None:
        await self.leave("timeout", phrases.GOODBYE_TIMEOUT)
