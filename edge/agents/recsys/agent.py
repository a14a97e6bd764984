"""The recommendation agent (section 7.2)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, tzinfo

from edge.agents.recsys.memory import Memory
from edge.agents.recsys.offers import Offer
from edge.agents.recsys.rules import Situation
from edge.agents.recsys.suggest import suggest
from edge.bus import BusError, NATSAgentBase, always, does, hears
from edge.bus.history import read_back
from edge.contract import recsys as said
from edge.contract.envelope import NATSMessage
from edge.contract.menu import allergens_meant
from edge.contract.recsys import PaidOrders
from edge.contract.session import SessionEnded
from edge.contract.subjects import RECSYS_SUGGEST, SESSION_ENDED, UI_UPDATE

log = logging.getLogger(__name__)

# An order's cart is on the screen before its receipt: as long as a customer may take from one to the other.
_OVERLAP = timedelta(minutes=30)
_MOMENTS = ((5, "night"), (11, "breakfast"), (15, "lunch"), (17, "afternoon"), (22, "dinner"), (24, "night"))


def moment_of(at: datetime) -> str:
    """The part of the day that `at` is in, as an ask's `time_of_day` says it (the orchestrator's hours)."""
    return next(name for until, name in _MOMENTS if at.hour < until)


class RecsysAgent(NATSAgentBase):
    """Suggests what would go well with the cart, by rules and by what past orders tell.

    `offers` is read at every ask: a mapping that follows the stock keeps what is sold out from being offered. Past
    orders are read out of KIOSK_EVENTS when the agent starts, whenever a customer has left, and every `read_every_s`.
    `zone` is the kiosk's, to know an order's time of day.
    """

    name = "recsys"

    def __init__(
        self,
        nats_url: str,
        offers: Mapping[int, Offer],
        *,
        at_most: int = 2,
        memory: Memory | None = None,
        zone: tzinfo = UTC,
        read_every_s: float = 600.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(nats_url)
        self._offers = offers
        self._at_most = at_most
        self.memory = memory or Memory()
        self._zone = zone
        self._read_every_s = read_every_s
        self._now = now
        self._wanted = asyncio.Event()
        self._complained = False

    async def close(self) -> None:
        """Leave the bus and close the memory."""
        await super().close()
        self.memory.close()

    @does(RECSYS_SUGGEST)
    def suggest(self, ask: said.Suggest) -> said.Suggestions:
        """Dishes to offer; a dish in the cart that isn't known says nothing about what goes with it."""
        cart = []
        for entry in ask.cart:
            offer = self._offers.get(entry.item_id)
            if offer is None:
                log.info("recsys: the cart has item %d, which is no offer", entry.item_id)
            else:
                cart.append((offer, entry.quantity))
        situation = Situation(
            tuple(cart),
            ask.context.time_of_day,
            ask.context.weather,
            ask.context.party_size,
            frozenset("-".join(each.casefold().replace("_", " ").split()) for each in ask.dietary_filters or ()),
            allergens_meant(ask.avoid_allergens or ()),
        )
        return said.Suggestions(
            suggestions=[
                said.SuggestedItem(
                    item_id=each.offer.item_id,
                    name=each.offer.name,
                    pitch=each.reason.pitch,
                    reason=each.reason.code,
                )
                for each in suggest(self._offers.values(), situation, self._at_most, self.memory.learned)
            ]
        )

    @hears(SESSION_ENDED)
    async def learn_soon(self, _: SessionEnded) -> None:
        """A customer may have left an order behind, however the session ended."""
        self._wanted.set()

    @always
    async def keep_learning(self) -> None:
        """Read what was ordered, now and from time to time."""
        while True:
            self._wanted.clear()
            try:
                await self.learn()
            except BusError as error:
                log.log(
                    logging.DEBUG if self._complained else logging.WARNING,
                    "recsys: past orders can't be read, suggestions go by what is known: %s",
                    error,
                )
                self._complained = True
            try:
                async with asyncio.timeout(self._read_every_s):
                    await self._wanted.wait()
            except TimeoutError:
                continue

    async def learn(self) -> int:
        """Learn the orders that KIOSK_EVENTS holds and that aren't known yet; how many.

        Raises:
            BusUnreachable: the stream doesn't answer, or this agent has no right to read it.
        """
        until = self.memory.read_until
        since = None if until is None else min(until, self._now()) - _OVERLAP  # a clock may have been put back
        orders = PaidOrders()
        new = 0
        async for entry in read_back(self.client, UI_UPDATE.subject, since=since):
            message = entry.message
            if entry.replay_of or not isinstance(message, NATSMessage):
                continue  # a replay is no order
            paid = orders.read(message.session_id, message.payload)
            if paid is not None:
                moment = moment_of(entry.at.astimezone(self._zone))
                new += self.memory.remember(paid.order_id, entry.at, moment, paid.pieces)
            until = entry.at
        if until is not None:
            self.memory.read_until = until
        self.memory.forget_old(self._now())
        if new:
            log.info("recsys: %d orders learned, %d known", new, self.memory.learned.orders)
        return new
