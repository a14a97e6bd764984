"""Going on after a restart of our own: with the session that ran, where its customer may still be there."""

from __future__ import annotations

import logging
from enum import Enum, auto

from edge.agents.orchestrator import phrases
from edge.agents.orchestrator.checkout import Checkout
from edge.agents.orchestrator.keeping import Kept, same_boot
from edge.agents.orchestrator.ordering import Ordering
from edge.agents.orchestrator.stage import Stage
from edge.agents.orchestrator.states import AWAITING_CUSTOMER, State, Step
from edge.agents.orchestrator.visits import Visits, clock_s
from edge.bus.crashing import crash_point

log = logging.getLogger(__name__)


RESUMING = crash_point("orchestrator.resuming", "a session was read from disk; nothing was done about it")


class Way(Enum):
    """How to go on."""

    ANEW = auto()  # nobody was there
    GO_ON = auto()  # the customer waits before the screen
    WIND_UP = auto()  # they will have left: end what they began


def way_on(kept: Kept, now_s: float, resume_s: float) -> Way:
    """How to go on with what was kept, at `now_s` of the event loop's clock."""
    if kept.session.end is not None:
        return Way.WIND_UP
    if kept.session.state in (State.ATTRACT, State.OUT_OF_SERVICE, State.GOODBYE):
        return Way.ANEW
    if same_boot(kept) and 0 <= now_s - kept.session.stirred_s <= resume_s:
        return Way.GO_ON
    return Way.WIND_UP


class Resuming:
    """Acts on a session that an earlier run of ours has led so far.

    A payment that was asked for is asked for again, as the same order: the payment agent tells what became of it. A
    receipt that may not be printed is asked for again: the printer has it once.
    """

    def __init__(self, stage: Stage, visits: Visits, ordering: Ordering, checkout: Checkout) -> None:
        self._stage = stage
        self._visits = visits
        self._ordering = ordering
        self._checkout = checkout

    async def go_on(self, way: Way) -> None:
        """Go on with the stage's session, which is the one that was kept."""
        stage = self._stage
        session = stage.session
        state = session.state
        if way is Way.ANEW:
            await self._visits.attract()
            return
        RESUMING()
        log.warning("session in state %s after a restart: %s", state, way.name.lower())
        session.ending = None
        if session.end is not None:
            await self._visits.tell_end(session.end)
            stage.end_journey()
            await self._visits.rest()
            return
        if state not in AWAITING_CUSTOMER:
            await self._checkout.resume(call_off=way is Way.WIND_UP)
        elif way is Way.GO_ON:
            session.hush()
            session.said = phrases.AFTER_RESTART if session.cart else phrases.WELCOME
            session.stirred_s = clock_s()
            self._visits.await_customer()
            if session.cart and state is not State.REFUSED:
                self._ordering.suggest_again()
            await stage.show()
        elif session.in_doubt:
            await self._checkout.cancel()
        else:
            await self._visits.leave("timeout", phrases.GOODBYE_TIMEOUT, Step.EXPIRE)
