"""The recommendation agent (section 7.2)."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from edge.agents.recsys.offers import Offer
from edge.agents.recsys.rules import Situation
from edge.agents.recsys.suggest import suggest
from edge.bus import NATSAgentBase, does
from edge.contract import recsys as said
from edge.contract.subjects import RECSYS_SUGGEST

log = logging.getLogger(__name__)


class RecsysAgent(NATSAgentBase):
    """Suggests what would go well with the cart.

    `offers` is read at every ask: a mapping that follows the stock keeps what is sold out from being offered.
    """

    name = "recsys"

    def __init__(self, nats_url: str, offers: Mapping[int, Offer], *, at_most: int = 2) -> None:
        super().__init__(nats_url)
        self._offers = offers
        self._at_most = at_most

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
        situation = Situation(tuple(cart), ask.context.time_of_day, ask.context.weather, ask.context.party_size)
        return said.Suggestions(
            suggestions=[
                said.SuggestedItem(
                    item_id=each.offer.item_id,
                    name=each.offer.name,
                    pitch=each.reason.pitch,
                    reason=each.reason.code,
                )
                for each in suggest(self._offers.values(), situation, self._at_most)
            ]
        )
