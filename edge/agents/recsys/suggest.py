"""Choosing what to offer. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from edge.agents.recsys.learned import Learned
from edge.agents.recsys.offers import Offer
from edge.agents.recsys.rules import RULES, Reason, Rule, Situation, combo, missing, pairs, popular, time

_LEARNED_WEIGHT = 3.0  # what a factor of e in likelihood weighs beside the rules
_LEAST_TOGETHER = 3  # orders, before "often bought together" is said
_LEAST_LIFT = 0.2  # a fifth more often than by chance
# What orders tell better than a rule: these rules fade as orders are learned. Weather and party are never learned.
_FADING: frozenset[Rule] = frozenset((combo, missing, pairs, popular, time))


@dataclass(frozen=True)
class Suggestion:
    """A dish to offer, and why."""

    offer: Offer
    reason: Reason


def suggest(
    offers: Iterable[Offer], situation: Situation, at_most: int = 2, learned: Learned | None = None
) -> list[Suggestion]:
    """At most `at_most` dishes that would go well, best first, no two of one category.

    Never offered: what is in the cart, what isn't available, what isn't of the diets that were asked for or has an
    allergen to avoid, and a category of which the cart has a piece for everyone already. A dish for which neither a
    rule nor past orders speak isn't offered either, so the list may be short or empty. Equal scores keep the order of
    `offers`. Without past orders only the rules speak; the more orders, the less those that orders tell better.
    """
    learned = learned or Learned()
    sure = learned.sureness
    in_cart = {offer.item_id for offer, _ in situation.cart}
    scored: list[tuple[float, Suggestion]] = []
    for offer in offers:
        if offer.item_id in in_cart or not allowed(offer, situation):
            continue
        reasons = []
        score = 0.0
        for rule in RULES:
            if reason := rule(offer, situation):
                reasons.append(reason)
                score += reason.weight * (1.0 - sure if rule in _FADING else 1.0)
        if sure:
            score += _LEARNED_WEIGHT * sure * learned.likelihood(offer.item_id, in_cart, situation.time_of_day)
            reasons += _learned_reasons(offer, situation, learned)
        if reasons:
            scored.append((score, Suggestion(offer, max(reasons, key=lambda reason: reason.weight))))
    scored.sort(key=lambda one: -one[0])
    best: dict[str, Suggestion] = {}
    for _, suggestion in scored:
        best.setdefault(suggestion.offer.category, suggestion)
    return list(best.values())[:at_most]


def allowed(offer: Offer, situation: Situation) -> bool:
    """Whether the offer can be had, is what the customer may eat, and isn't one too many of its category."""
    return (
        offer.available
        and situation.diets <= offer.diets
        and not situation.avoided & offer.allergens
        and situation.pieces[offer.category] < situation.people
    )


def _learned_reasons(offer: Offer, situation: Situation, learned: Learned) -> list[Reason]:
    """What past orders say for the offer, in words."""
    reasons = []
    for other, _ in situation.cart:
        lift = learned.lift(offer.item_id, other.item_id)
        if lift >= _LEAST_LIFT and learned.together(offer.item_id, other.item_id) >= _LEAST_TOGETHER:
            pitch = f"Often ordered with {other.name}: {offer.name}."
            reasons.append(Reason(f"bought_with_{other.item_id}", pitch, 2.5 * learned.sureness + lift))
    if learned.bought(offer.item_id) >= _LEAST_TOGETHER:
        reasons.append(Reason("often_bought", f"Many choose it: {offer.name}.", 0.4 * learned.sureness))
    return reasons
