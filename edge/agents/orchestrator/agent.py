"""The orchestrator on the bus: events in, one deed after the other, screens out."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urljoin, urlsplit

from edge.agents.orchestrator import phrases
from edge.agents.orchestrator.attending import Attention
from edge.agents.orchestrator.checkout import Checkout
from edge.agents.orchestrator.insisting import Insisting
from edge.agents.orchestrator.journey import Journey
from edge.agents.orchestrator.keeping import Keeper, Kept
from edge.agents.orchestrator.lights import Lights
from edge.agents.orchestrator.listening import Listening
from edge.agents.orchestrator.neighbours import Neighbours
from edge.agents.orchestrator.ordering import Ordering
from edge.agents.orchestrator.resuming import Resuming, Way, way_on
from edge.agents.orchestrator.screens import render
from edge.agents.orchestrator.service import Service
from edge.agents.orchestrator.session import Session
from edge.agents.orchestrator.states import AWAITING_CUSTOMER, State
from edge.agents.orchestrator.surroundings import Lookout, Surroundings
from edge.agents.orchestrator.timing import Deed, Timers, Timing
from edge.agents.orchestrator.visits import Visits, clock_s
from edge.bus import BusUnreachable, NATSAgentBase, always, does, hears, telemetry
from edge.bus.client import current
from edge.bus.deadline import boot_id
from edge.contract import input as customer
from edge.contract import session as sessions
from edge.contract import vision, voice
from edge.contract.envelope import NATSMessage, is_uuid4
from edge.contract.hardware import SetLed
from edge.contract.subjects import (
    CARD_TAP,
    CART_ACTION,
    GAZE_DETECTED,
    INTENT,
    PERSON_DETECTED,
    PERSON_LEFT,
    SESSION_ENDED,
    SET_SERVICE,
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
_KEPT_MESSAGES: Final = 16  # of the customer's, beyond a restart: a page sends again what it got no answer to
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

    `currency` is the ISO 4217 code of the amounts that the page shows; `now` tells the local time. With a
    `state_file` the session outlives this process; a kiosk's agent always has one. `receipts_url` is what a relative
    receipt_url is joined to for a customer's phone. `reads_cards`: payments come through the hardware agent's reader.
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
        state_file: Path | None = None,
        receipts_url: str | None = None,
        reads_cards: bool = True,
    ) -> None:
        super().__init__(nats_url)
        self.session = Session()
        self.timing = timing or Timing()
        self.timers = Timers(self._enqueue)
        self.neighbours = Neighbours(self, now)
        self.insisting = Insisting(self)
        self.attention = Attention()
        self.around = Surroundings()
        self._journey = Journey(self.client)
        self._lookout = Lookout(self, reads_cards=reads_cards)
        self._keeper = Keeper(state_file)
        self._receipts_url = receipts_url
        self._currency = currency
        self._deeds: asyncio.Queue[tuple[NATSMessage | None, telemetry.Context | None, Deed]] = asyncio.Queue()
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._heeded: deque[str] = deque(maxlen=_KEPT_MESSAGES)  # what the customer did, by the message that told
        self._lights = Lights(self)
        self._shown = 0  # screens so far
        self._closing = False
        self._at_rest = asyncio.Event()
        self._visits = Visits(self, kiosk_id)
        self._ordering = Ordering(self)
        self._checkout = Checkout(self, self._visits, self._ordering, currency)
        self._listening = Listening(self, self._ordering, self._checkout)
        self._opening = Service(self, self._visits)
        self._resuming = Resuming(self, self._visits, self._ordering, self._checkout)

    async def connect(self) -> None:
        """Connect, and show the attract screen, or go on with the session that an earlier run was leading."""
        way = self._take_up(await asyncio.to_thread(self._keeper.load))
        shown = asyncio.Event()

        async def begin() -> None:
            try:
                await self._resuming.go_on(way)
                if self._opening.closure is not None:
                    await self._opening.close_by(self._opening.closure)
            finally:
                shown.set()

        self._enqueue(begin)  # before anything can be heard
        await super().connect()
        await shown.wait()

    def _take_up(self, kept: Kept | None) -> Way:
        """Make what was kept ours, before anything is heard."""
        if kept is None:
            return Way.ANEW
        self._heard.update(dict.fromkeys(kept.heard))
        self._heeded.extend(kept.heard)
        if kept.closure is not None and kept.boot == boot_id() and kept.closure.ends_s > clock_s():
            self._opening.closure = kept.closure
        way = way_on(kept, clock_s(), self.timing.resume_s)
        if way is not Way.ANEW:
            self.session = kept.session
            self._journey.take_up(kept.session_id, kept.trace_id)
        return way

    async def close(self) -> None:
        """Leave the bus. A session that is running is kept for the next run; where nothing is kept, it ends."""
        if self.client.connected and not self._closing:
            self._closing = True
            self._enqueue(_nothing)  # wakes the queue
            try:
                async with asyncio.timeout(_CLOSE_LIMIT_S):
                    await self._at_rest.wait()
                    if self._keeper.keeps:
                        await self.keep()
                    elif self.session.state not in (State.ATTRACT, State.GOODBYE, State.OUT_OF_SERVICE):
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
        self._heed(partial(self._visits.be_looked_at, event.looking_at_screen))

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
            self._journey.go_on()
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
                self._keeper.keep(self._to_keep())
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

    @always
    async def look_around(self) -> None:
        """Follow which neighbours and devices there are."""
        while True:
            around = await self._lookout.look(self.around, self.timing.missing_after_s)
            if around != self.around:
                self._enqueue(partial(self._opening.notice, around))
            await asyncio.sleep(self.timing.surroundings_s)

    @does(SET_SERVICE)
    async def set_service(self, ask: sessions.SetService) -> sessions.Service:
        """Close, open, or just tell whether a customer is being served."""
        answered: asyncio.Future[sessions.Service] = asyncio.get_running_loop().create_future()

        async def answer() -> None:
            told = await self._opening.be_asked(ask)
            if not answered.done():  # an asker may have left
                answered.set_result(told)

        self._enqueue(answer)
        return await answered

    def _remember(self) -> None:
        cause = current.get()
        if cause is not None:
            self._heeded.append(cause.msg_id)

    async def _by_hand(self, deed: Deed) -> None:
        self._remember()
        self._visits.touch()
        if self.session.state in AWAITING_CUSTOMER:
            self.session.hush()
            self.session.doubtful = None
        await self._do_and_show(deed)

    async def _by_voice(self, deed: Deed) -> None:
        if not self._visits.listens():
            log.debug("said to someone else")
        elif self.session.state in AWAITING_CUSTOMER or self.session.state is State.PAYING:
            self._remember()
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
                await self._ordering.show_everything()
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
        closed = self._opening.closed_for
        await self.say(UI_UPDATE, render(self.session, self._currency, self.around, now_s=clock_s(), closed_for=closed))

    @property
    def open(self) -> bool:
        """Whether someone who comes now can order."""
        return self._opening.open

    def address(self, receipt_url: str | None) -> str | None:
        """Where a customer's phone finds the receipt; None where it can't."""
        if not receipt_url:
            return None
        address = urljoin(self._receipts_url or "", receipt_url)
        return address if urlsplit(address).scheme in ("http", "https") else None

    async def keep(self) -> None:
        """Return once the session is on disk as it is now."""
        self._keeper.keep(self._to_keep())
        await self._keeper.settle()

    def _to_keep(self) -> Kept:
        return Kept(
            session=self.session,
            session_id=self._journey.ids[0],
            trace_id=self._journey.ids[1],
            heard=tuple(self._heeded),
            closure=self._opening.closure,
            boot=boot_id(),
        )

    def light(self, ask: SetLed) -> None:
        """Have the LED strip show this, when it can."""
        self._lights.want(ask)

    @always
    async def keep_lights(self) -> None:
        """Have the LED strip follow."""
        await self._lights.keep()

    def begin_journey(self) -> None:
        """Give what is said from now on a session id of its own, and the trace of what brought the customer."""
        self._journey.begin()

    def end_journey(self) -> None:
        """Give what is said from now on the id of no session in particular, and each deed a trace of its own."""
        self._journey.end()
