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
    likelihood = learned.likelihood(in_cart, situation.time_of_day)
    full = {category for category, pieces in situation.pieces.items() if pieces >= situation.people}
    paired = {other for offer, _ in situation.cart for other in offer.pairs_with}
    weights: dict[tuple[str, frozenset[str], bool], float] = {}  # offers that are alike to the rules are weighed once
    scored: list[tuple[float, int, Offer]] = []
    for place, offer in enumerate(offers):
        if offer.category in full or offer.item_id in in_cart or not allowed(offer, situation):
            continue
        alike = (offer.category, offer.speaking, offer.item_id in paired)
        weight = weights.get(alike)
        if weight is None:
            weight = weights[alike] = _weight(offer, situation, sure)
        score = weight + _LEARNED_WEIGHT * sure * likelihood(offer.item_id) if sure else weight
        scored.append((-score, place, offer))
    scored.sort()
    best: dict[str, Suggestion] = {}
    wanted = {offer.category for _, _, offer in scored}
    for _, _, offer in scored:
        if len(best) == min(at_most, len(wanted)):
            break
        if offer.category not in best and (reasons := _reasons(offer, situation, learned)):
            best[offer.category] = Suggestion(offer, max(reasons, key=lambda reason: reason.weight))
    return list(best.values())


def _weight(offer: Offer, situation: Situation, sure: float) -> float:
    """What the rules make of an offer."""
    said = ((rule, rule(offer, situation)) for rule in RULES)
    return sum(reason.weight * (1.0 - sure if rule in _FADING else 1.0) for rule, reason in said if reason)


def _reasons(offer: Offer, situation: Situation, learned: Learned) -> list[Reason]:
    by_rule = [reason for rule in RULES if (reason := rule(offer, situation))]
    return by_rule + (_learned_reasons(offer, situation, learned) if learned.orders else [])


def allowed(offer: Offer, situation: Situation) -> bool:
    """Whether the offer can be had and is what the customer may eat."""
    return offer.available and situation.diets <= offer.diets and not situation.avoided & offer.allergens


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
