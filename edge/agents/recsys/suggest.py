"""Choosing what to offer. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.agents.recsys.offers import Offer
from edge.agents.recsys.rules import RULES, Reason, Situation


@dataclass(frozen=True)
class Suggestion:
    """A dish to offer, and why."""

    offer: Offer
    reason: Reason


def suggest(offers: Iterable[Offer], situation: Situation, at_most: int = 2) -> list[Suggestion]:
    """At most `at_most` dishes that would go well, best first, no two of one category.

    Never offered: what is in the cart, what isn't available, and a category of which the cart has a piece for
    everyone already. A dish for which no rule speaks isn't offered either, so the list may be short or empty.
    Equal scores keep the order of `offers`.
    """
    in_cart = {offer.item_id for offer, _ in situation.cart}
    scored: list[tuple[float, Suggestion]] = []
    for offer in offers:
        if not offer.available or offer.item_id in in_cart:
            continue
        if situation.pieces[offer.category] >= situation.people:
            continue
        reasons = [reason for rule in RULES if (reason := rule(offer, situation))]
        if reasons:
            heaviest = max(reasons, key=lambda reason: reason.weight)
            scored.append((sum(reason.weight for reason in reasons), Suggestion(offer, heaviest)))
    scored.sort(key=lambda one: -one[0])
    best: dict[str, Suggestion] = {}
    for _, suggestion in scored:
        best.setdefault(suggestion.offer.category, suggestion)
    return list(best.values())[:at_most]
