"""The till: takes an order's money through the journal and the gateway, and mends what went wrong on the way.

It knows nothing of the bus. Everything here may be cut off at any moment; the journal is written before each
step that can't be taken back, and `reconcile` goes on from whatever it says.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from edge.agents.payment import crashes
from edge.agents.payment.gateway import Approved, Charge, Declined, Gateway, GatewayError
from edge.agents.payment.journal import Attempt, Journal
from edge.agents.payment.states import State, Why
from edge.agents.payment.waiting import CardWait, NoCard
from edge.contract.errors import AskError, ErrorCode

log = logging.getLogger(__name__)

GATEWAY_LIMIT_S: Final = 20.0  # a gateway has its own, shorter limits; this only keeps a hung one from holding all
_STOP_LIMIT_S: Final = 3.0  # what a terminal gets to say that it stopped

WITHOUT_CARD: Final = {
    NoCard.CANCELLED: Why.CUSTOMER,
    NoCard.TIMED_OUT: Why.NO_TAP,
    NoCard.STOPPED: Why.STOPPED,
    NoCard.LEFT: Why.LEFT,
}


class DoubtRemains(AskError):
    """Whether an order was charged isn't known yet."""

    def __init__(self, order_id: str, reason: str) -> None:
        super().__init__(ErrorCode.UNAVAILABLE, f"whether order {order_id} was paid is not known yet: {reason}")


class Till:
    """Takes money through `gateway`, and writes down in `journal` what it is about to do and what came of it."""

    def __init__(self, journal: Journal, gateway: Gateway) -> None:
        self.journal = journal
        self.gateway = gateway
        self._deciding = asyncio.Lock()  # between telling an asker of a charge and giving it back

    async def open(self) -> None:
        """Take the journal, and settle what an earlier run left open, as far as the gateway answers.

        Raises:
            JournalError: the journal can't be used, or another agent has it.
            GatewayError: the gateway can never work as it is configured.
        """
        await self.journal.open()
        await self.gateway.open()
        await self.reconcile()

    async def close(self) -> None:
        """Let go of journal and gateway."""
        await self.gateway.close()
        await self.journal.close()

    # -- charging -----------------------------------------------------------------------------------------

    async def charge(self, attempt: Attempt, card: str) -> Attempt:
        """Have the gateway charge the card whose token that is.

        Raises:
            DoubtRemains: it gave no answer, and doesn't say what became of it either.
        """
        attempt = await self.journal.move(attempt, State.AUTHORISING)
        crashes.AUTHORISING_WRITTEN()
        try:
            async with asyncio.timeout(GATEWAY_LIMIT_S):
                charge = await self.gateway.charge(attempt.key, attempt.amount, card, self._remember(attempt))
        except (GatewayError, TimeoutError) as error:
            return await self._doubt(attempt, error, Why.UNREACHED)
        crashes.GATEWAY_ANSWERED()
        return await self._record(attempt, charge, Why.UNREACHED)

    async def converse(self, attempt: Attempt, wait: CardWait, patience_s: float) -> Attempt:
        """Have the gateway's own terminal ask for a card and charge it, until `wait` ends otherwise.

        A cancel is asked of the terminal, and may lose to an approval: what the attempt became says who won.

        Raises:
            DoubtRemains: as for `charge`.
        """
        attempt = await self.journal.move(attempt, State.AUTHORISING)
        crashes.AUTHORISING_WRITTEN()
        asking = asyncio.create_task(
            self.gateway.charge(attempt.key, attempt.amount, None, self._remember(attempt)), name=attempt.key
        )
        ending = asyncio.create_task(wait.end(patience_s))
        why = Why.UNREACHED
        try:
            await asyncio.wait({asking, ending}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                end = ending.result()
                why = WITHOUT_CARD[end] if isinstance(end, NoCard) else why
                await self._stop(attempt, asking)
            wait.decide()
        finally:
            for task in (asking, ending):
                task.cancel()
            await asyncio.wait({asking, ending})
        if asking.cancelled():
            return await self._doubt(attempt, TimeoutError("the terminal didn't stop in time"), why)
        error = asking.exception()
        if isinstance(error, GatewayError | TimeoutError):
            return await self._doubt(attempt, error, why)
        charge = asking.result()
        crashes.GATEWAY_ANSWERED()
        return await self._record(attempt, charge, why)

    async def _stop(self, attempt: Attempt, asking: asyncio.Task[Charge]) -> None:
        now = await self.journal.last(attempt.order_id)
        try:
            await self.gateway.cancel(attempt.key, now.reference if now else None)
        except GatewayError as error:
            log.warning("order %s: the terminal could not be stopped: %s", attempt.order_id, error)
        crashes.CANCEL_ASKED()
        await asyncio.wait({asking}, timeout=_STOP_LIMIT_S)
        if not asking.done():
            asking.cancel()
            await asyncio.wait({asking})

    def _remember(self, attempt: Attempt) -> Callable[[str], Awaitable[None]]:
        async def remember(reference: str) -> None:
            await self.journal.remember(attempt, reference)
            crashes.REFERENCE_WRITTEN()

        return remember

    # -- mending ------------------------------------------------------------------------------------------

    async def settle(self, attempt: Attempt, why: Why = Why.UNREACHED) -> Attempt:
        """End an open attempt by what the gateway knows of it, never by charging. `why` if nothing was charged.

        Raises:
            DoubtRemains: the gateway doesn't answer; the attempt stays in doubt.
        """
        if attempt.state is State.INTENT:
            return await self._end(attempt, State.CANCELLED, Why.STOPPED)
        if attempt.state is State.AUTHORISING:
            attempt = await self._end(attempt, State.IN_DOUBT)
            crashes.DOUBT_WRITTEN()
        if attempt.state is not State.IN_DOUBT:
            return attempt
        try:
            async with asyncio.timeout(GATEWAY_LIMIT_S):
                charge = await self.gateway.settle(attempt.key, attempt.reference)
        except (GatewayError, TimeoutError) as error:
            raise DoubtRemains(attempt.order_id, str(error) or "no answer") from error
        crashes.DOUBT_ANSWERED()
        return await self._record(attempt, charge, why)

    async def claim(self, attempt: Attempt) -> Attempt:
        """The asker is told now: a charge that is claimed isn't given back for want of an asker."""
        async with self._deciding:
            return await self.journal.claim(attempt)

    async def refund(self, attempt: Attempt, why: Why) -> Attempt:
        """Give a charge back; where the gateway doesn't answer it is owed, and tried again by `reconcile`.

        One that somebody was told of meanwhile stays, if it was to be given back because nobody was.
        """
        async with self._deciding:
            attempt = await self._now(attempt)
            if attempt.state is State.CAPTURED:
                if why is Why.UNCLAIMED and attempt.claimed:
                    return attempt
                log.warning("order %s: %s is given back: %s", attempt.order_id, attempt.amount, why)
                attempt = await self.journal.move(attempt, State.REFUNDING, why)
        if attempt.state is not State.REFUNDING:
            return attempt
        crashes.REFUND_WRITTEN()
        try:
            async with asyncio.timeout(GATEWAY_LIMIT_S):
                await self.gateway.refund(attempt.key, attempt.reference or "")
        except (GatewayError, TimeoutError) as error:
            log.warning("order %s: can't be given back yet: %s", attempt.order_id, str(error) or "no answer")
            return attempt
        crashes.REFUND_ANSWERED()
        return await self._end(attempt, State.REFUNDED, attempt.why)

    async def reconcile(
        self,
        *,
        busy: Collection[str] = (),
        left: Callable[[str], bool] = lambda _: False,
        unclaimed_s: float | None = None,
    ) -> None:
        """Go on with everything that isn't as it should be: doubts, and refunds that are owed.

        Orders in `busy` are at work and left alone; a charge of a session whose customer has `left` by the time that it
        is found is given back, as is one that nobody has asked for within `unclaimed_s`.
        """
        for attempt in await self.journal.unfinished():
            if attempt.order_id in busy:
                continue
            try:
                settled = await self.settle(attempt)
            except DoubtRemains as error:
                log.warning("%s", error.message)
                continue
            log.warning("order %s was left open: %s", settled.order_id, settled.state)
            if settled.state is State.CAPTURED and left(settled.session_id):
                await self.refund(settled, Why.LEFT)
        if unclaimed_s is not None:
            for attempt in await self.journal.unclaimed(unclaimed_s):
                if attempt.order_id not in busy:
                    await self.refund(attempt, Why.UNCLAIMED)
        for attempt in await self.journal.in_state(State.REFUNDING):
            await self.refund(attempt, attempt.why or Why.CLERK)

    # -- writing down -------------------------------------------------------------------------------------

    async def _doubt(self, attempt: Attempt, error: Exception, why: Why) -> Attempt:
        log.warning("order %s: the gateway: %s; asking what became of it", attempt.order_id, str(error) or "no answer")
        return await self.settle(await self._now(attempt), why)

    async def _record(self, attempt: Attempt, charge: Charge, why: Why) -> Attempt:
        match charge:
            case Approved(reference, amount):
                captured = await self._end(attempt, State.CAPTURED, reference=reference)
                crashes.OUTCOME_WRITTEN()
                if amount != attempt.amount:
                    log.error("order %s: %s was charged, not %s", attempt.order_id, amount, attempt.amount)
                    return await self.refund(captured, Why.WRONG_AMOUNT)
                return captured
            case Declined(reason):
                log.info("order %s: declined: %s", attempt.order_id, reason)
                return await self._end(attempt, State.DECLINED)
            case _:
                log.info("order %s: not charged: %s", attempt.order_id, charge.reason)
                return await self._end(attempt, State.CANCELLED, why)

    async def _end(
        self, attempt: Attempt, state: State, why: Why | None = None, *, reference: str | None = None
    ) -> Attempt:
        """Move, unless someone else who asked the same gateway was faster: then what they wrote stands."""
        async with self._deciding:
            now = await self._now(attempt)
            if now.state is not attempt.state:
                return now
            return await self.journal.move(now, state, why, reference=reference)

    async def _now(self, attempt: Attempt) -> Attempt:
        return await self.journal.attempt(attempt.key)
