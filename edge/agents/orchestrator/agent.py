"""The orchestrator on the bus: events in, one deed after the other, screens out."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

from edge.agents.orchestrator import phrases
from edge.agents.orchestrator.checkout import Checkout
from edge.agents.orchestrator.listening import Listening
from edge.agents.orchestrator.neighbours import Neighbours
from edge.agents.orchestrator.ordering import Ordering
from edge.agents.orchestrator.screens import render
from edge.agents.orchestrator.session import Session
from edge.agents.orchestrator.states import AWAITING_CUSTOMER, State
from edge.agents.orchestrator.timing import Deed, Timers, Timing
from edge.agents.orchestrator.visits import DARK, Visits
from edge.bus import BusUnreachable, NATSAgentBase, always, hears, telemetry
from edge.bus.client import current
from edge.contract import input as customer
from edge.contract import vision, voice
from edge.contract.envelope import NATSMessage, is_uuid4
from edge.contract.errors import AskError
from edge.contract.hardware import SetLed
from edge.contract.subjects import (
    CARD_TAP,
    CART_ACTION,
    GAZE_DETECTED,
    INTENT,
    PERSON_DETECTED,
    PERSON_LEFT,
    SESSION_ENDED,
    SET_LED,
    SPEECH_START,
    TOUCH,
    TRANSCRIPT,
    UI_UPDATE,
    Command,
    Event,
)
from edge.contract.wire import Payload

log = logging.getLogger(__name__)

P = TypeVar("P", bound=Payload)
Q = TypeVar("Q", bound=Payload)
A = TypeVar("A", bound=Payload)

_REMEMBERED_MESSAGES: Final = 512
_REMEMBERED_TRACES: Final = 64  # sessions; a page that was away may still have the trace of one of them
_CLOSE_LIMIT_S: Final = 5.0


async def _nothing() -> None:
    """Do nothing."""


def _local_now() -> datetime:
    return datetime.now(UTC).astimezone()


class OrchestratorAgent(NATSAgentBase):
    """Leads one customer at a time from greeting to goodbye.

    Every event becomes a deed in one queue, and one task does the deeds in order: no handler ever races
    another. What takes long (a payment, a print, suggestions) runs beside the queue, and what came of it
    joins the queue.

    `currency` is the ISO 4217 code of the amounts that the page shows; `now` tells the local time.
    """

    name = "orchestrator"

    def __init__(
        self,
        nats_url: str,
        *,
        kiosk_id: str,
        currency: str = "USD",
        timing: Timing | None = None,
        now: Callable[[], datetime] = _local_now,
    ) -> None:
        super().__init__(nats_url)
        self.session = Session()
        self.timing = timing or Timing()
        self.timers = Timers(self._enqueue)
        self.neighbours = Neighbours(self, now)
        self._currency = currency
        self._deeds: asyncio.Queue[tuple[NATSMessage | None, telemetry.Context | None, Deed]] = asyncio.Queue()
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._traces: deque[str] = deque(maxlen=_REMEMBERED_TRACES)  # of sessions, the newest last
        self._wanted_light = DARK
        self._light_changed = asyncio.Event()
        self._shown = 0  # screens so far
        self._closing = False
        self._at_rest = asyncio.Event()
        self._visits = Visits(self, kiosk_id)
        self._ordering = Ordering(self)
        self._checkout = Checkout(self, self._visits, self._ordering, currency)
        self._listening = Listening(self, self._ordering, self._checkout)

    async def connect(self) -> None:
        """Connect, and show the attract screen."""
        await super().connect()
        shown = asyncio.Event()

        async def begin() -> None:
            try:
                await self._visits.attract()
            finally:
                shown.set()

        self._enqueue(begin)
        await shown.wait()

    async def close(self) -> None:
        """Leave the bus; a session that is running ends: nobody leads it any more."""
        if self.client.connected and not self._closing:
            self._closing = True
            self._enqueue(_nothing)  # wakes the queue
            try:
                async with asyncio.timeout(_CLOSE_LIMIT_S):
                    await self._at_rest.wait()
                    if self.session.state not in (State.ATTRACT, State.GOODBYE):
                        paid = self.session.state is State.RECEIPT
                        await self.say(SESSION_ENDED, self._visits.ended("completed" if paid else "cancelled"))
            except TimeoutError:
                log.warning("session %s may have ended unsaid", self.session_id)
        self.timers.clear()
        await super().close()

    async def _hear_sessions(self) -> None:
        """Sessions are this agent's own: an echo of the last one's end must not end the next."""

    # -- events -------------------------------------------------------------------------------------------

    @hears(PERSON_DETECTED)
    async def hear_person_detected(self, event: vision.PersonDetected) -> None:
        """Someone came."""
        self._heed(partial(self._visits.arrive, event.estimated_party_size))

    @hears(PERSON_LEFT)
    async def hear_person_left(self, _: vision.PersonLeft) -> None:
        """Nobody is there any more."""
        self._heed(self._visits.miss)

    @hears(GAZE_DETECTED)
    async def hear_gaze(self, event: vision.GazeDetected) -> None:
        """Someone looks at the screen, or away."""
        if event.looking_at_screen:
            self._heed(self._visits.be_looked_at)

    @hears(SPEECH_START)
    async def hear_speech_start(self, _: voice.SpeechStart) -> None:
        """Someone began to speak."""
        self._heed(self._visits.be_spoken_to)

    @hears(TRANSCRIPT)
    async def hear_transcript(self, event: voice.Transcript) -> None:
        """Someone said something."""
        if event.is_final:
            self._heed(partial(self._by_voice, partial(self._listening.transcript, event)))

    @hears(INTENT)
    async def hear_intent(self, event: voice.Intent) -> None:
        """Someone wants something."""
        self._heed(partial(self._by_voice, partial(self._listening.intent, event)))

    @hears(TOUCH)
    async def hear_touch(self, event: customer.Touch) -> None:
        """The page was touched."""
        self._heed(partial(self._by_hand, partial(self._touch, event)))

    @hears(CART_ACTION)
    async def hear_cart_action(self, event: customer.CartAction) -> None:
        """The cart was changed on the page."""
        self._heed(partial(self._by_hand, partial(self._ordering.act, event)))

    @hears(CARD_TAP)
    async def hear_card_tap(self, event: customer.CardTap) -> None:
        """A card was held to the reader. A payment's tap is the payment agent's affair; loyalty is ours."""
        if event.loyalty_id is not None:
            self._heed(partial(self._by_loyalty_card, event.loyalty_id))

    # -- the queue ----------------------------------------------------------------------------------------

    def _enqueue(self, deed: Deed) -> None:
        """Have a deed of our own done in its turn."""
        self._deeds.put_nowait((None, None, deed))

    def _heed(self, deed: Deed) -> None:
        """Have `deed` done in its turn, for the message that is being heard.

        A message heard twice (its sender missed the stream's acknowledgement) is heeded once.
        """
        cause = current.get()
        if cause is not None and is_uuid4(cause.msg_id):
            if cause.msg_id in self._heard:
                return
            self._heard[cause.msg_id] = None
            if len(self._heard) > _REMEMBERED_MESSAGES:
                self._heard.popitem(last=False)
        self._deeds.put_nowait((cause, telemetry.here(), deed))

    @always
    async def do_deeds(self) -> None:
        """Do one deed after the other, until the agent closes."""
        while not self._closing:
            cause, where, deed = await self._deeds.get()
            token = current.set(cause)
            self._speak_in(self.session_id, self.client.trace_id)
            state = self.session.state
            try:
                with telemetry.under(where):
                    await deed()
            except Exception:
                log.exception("a fault in session %s", self.session_id)
                self.session.warning = phrases.FAULT
                await self.show()
            finally:
                if self.session.state is not state:
                    self._visits.await_customer()
                current.reset(token)
        self._at_rest.set()

    def aside(self, work: Callable[[], Coroutine[Any, Any, Deed]]) -> None:
        """Work beside the queue; what it returns is done in the queue, unless the session is over by then."""
        session = self.session

        async def work_and_report() -> None:
            try:
                deed = await work()
            except Exception:
                log.exception("a fault beside session %s", self.session_id)
                return

            async def in_its_session() -> None:
                if self.session is session:
                    await deed()

            self._deeds.put_nowait((current.get(), telemetry.here(), in_its_session))

        self._start(work_and_report())

    # -- what customers do --------------------------------------------------------------------------------

    async def _by_hand(self, deed: Deed) -> None:
        self._visits.touch()
        if self.session.state in AWAITING_CUSTOMER:
            self.session.hush()
            self.session.doubtful = None
        await self._do_and_show(deed)

    async def _by_voice(self, deed: Deed) -> None:
        if self.session.state in AWAITING_CUSTOMER or self.session.state is State.PAYING:
            self._visits.stir()
            await self._do_and_show(deed)

    async def _do_and_show(self, deed: Deed) -> None:
        """Show what came of `deed`, be it nothing: that puts a page right that lagged behind."""
        shown = self._shown
        await deed()
        if self._shown == shown:
            await self.show()

    async def _by_loyalty_card(self, loyalty_id: str) -> None:
        """For the order, also while the reader waits: the payment agent heard of the card, too."""
        session = self.session
        if session.state in AWAITING_CUSTOMER or session.state is State.PAYING:
            self._visits.stir()
            session.loyalty_id = loyalty_id
            if session.order is not None:
                session.order = replace(session.order, loyalty_card=loyalty_id)
            session.hush()
            session.said = phrases.loyalty(loyalty_id)
            await self.show()

    async def _touch(self, event: customer.Touch) -> None:
        match event.action:
            case "start":
                await self._visits.arrive(1)
            case "select_item" if event.item_id is not None:
                await self._ordering.select(event.item_id)
            case "add_to_cart":
                await self._ordering.add_one(event.item_id)
            case "show_everything":
                await self._ordering.search("")
            case "back":
                self._ordering.back()
            case "checkout":
                self._checkout.review()
            case "pay" | "confirm" | "try_again":
                await self._checkout.pay()
            case "cancel":
                await self._checkout.cancel()
            case "done":
                await self._checkout.done()
            case "help":
                self.session.said = phrases.HELP
            case _:
                log.info("an unknown touch: %s", event.action)

    # -- saying and asking --------------------------------------------------------------------------------

    async def ask(self, command: Command[Q, A], payload: Q) -> A:
        """Ask another agent.

        Raises:
            AskError: refused, or not there.
        """
        return await self.request(command, payload)

    async def say(self, event: Event[P], payload: P) -> None:
        """Publish an event; a bus that is away is logged, for it is no reason to lose the session."""
        try:
            await self.publish(event, payload)
        except BusUnreachable as error:
            log.error("%s", error)  # noqa: TRY400 - the bus is away; a traceback says no more
            if event is UI_UPDATE:
                self.timers.set("show", self.timing.show_again_s, self.show)

    async def show(self) -> None:
        """Publish the screen."""
        self._shown += 1
        await self.say(UI_UPDATE, render(self.session, self._currency))

    def light(self, ask: SetLed) -> None:
        """Have the LED strip show this, when it can."""
        self._wanted_light = ask
        self._light_changed.set()

    @always
    async def keep_lights(self) -> None:
        """Ask for each light that is wanted; one that was overtaken by the next is left out."""
        while True:
            await self._light_changed.wait()
            self._light_changed.clear()
            try:
                await self.request(SET_LED, self._wanted_light)
            except AskError as error:
                log.warning("the LED strip: %s", error)

    def begin_journey(self) -> None:
        """Give what is said from now on a session id of its own, and the trace of what brought the customer."""
        trace_id = self._unused_trace()
        self._traces.append(trace_id)
        self._speak_in(str(uuid.uuid4()), trace_id)

    def end_journey(self) -> None:
        """Give what is said from now on the id of no session in particular, and each deed a trace of its own."""
        self._speak_in(str(uuid.uuid4()), None)

    def _speak_in(self, session_id: str, trace_id: str | None) -> None:
        """What is said about a deed belongs to our session and its trace, whatever its cause had.

        Without `trace_id`, between customers, it belongs to its cause's trace; a deed of our own begins one.
        """
        self.session_id = session_id
        self.client.trace_id = trace_id
        trace_id = trace_id or self._unused_trace()
        cause = current.get()
        if cause is None:
            current.set(NATSMessage.create(session_id, {}, trace_id))
        else:
            current.set(replace(cause, session_id=session_id, trace_id=trace_id))

    def _unused_trace(self) -> str:
        """The trace of what is being done now, or a new one.

        A trace is one customer's: one that a session had (of a page that was away, of a camera that hasn't
        heard of the end yet) is not taken again.
        """
        cause = current.get()
        known = cause.trace_id if cause else ""
        return known if is_uuid4(known) and known not in self._traces else str(uuid.uuid4())
