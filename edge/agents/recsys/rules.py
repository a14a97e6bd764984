"""Why a dish may be offered: each rule looks at one dish in a situation. Pure.

A rule's weight says how good a reason it is. A dish's score is the sum of its rules' weights; its `reason`
and `pitch` are those of the heaviest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edge.agents.recsys.offers import Offer

# What a weather service may say, and the tag that helps against it. Other words change nothing.
_WEATHER: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("hot", "warm", "sunny", "heat", "heatwave"), "cold")
    | dict.fromkeys(("cold", "chilly", "freezing", "rain", "rainy", "snow", "snowy"), "hot")
)
_TIME_PITCH: Mapping[str, str] = MappingProxyType(
    {
        "breakfast": "A good start to the day: {name}.",
        "lunch": "A favourite at lunch: {name}.",
        "afternoon": "Just right for the afternoon: {name}.",
        "dinner": "A favourite for dinner: {name}.",
        "night": "Good at this hour: {name}.",
    }
)
_SHARERS = 3  # from this many people on, dishes to share are offered


@dataclass(frozen=True)
class Situation:
    """What is in the cart (dishes and how many of each) and what is known of the moment.

    `diets` are those that a suggestion must have, `avoided` the allergens that it must not.
    """

    cart: tuple[tuple[Offer, int], ...] = ()
    time_of_day: str | None = None
    weather: str | None = None
    party_size: int | None = None
    diets: frozenset[str] = frozenset()
    avoided: frozenset[str] = frozenset()
    pieces: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        """Count the cart's pieces by category."""
        pieces: Counter[str] = Counter()
        for offer, quantity in self.cart:
            pieces[offer.category] += quantity
        object.__setattr__(self, "pieces", pieces)

    @property
    def people(self) -> int:
        """For how many the order seems to be: the party, or as many as there are mains."""
        return max(self.party_size or 1, self.pieces["mains"])

    @property
    def main(self) -> Offer | None:
        """The first main in the cart."""
        return next((offer for offer, _ in self.cart if offer.category == "mains"), None)


@dataclass(frozen=True)
class Reason:
    """Why: for machines (`code`), for people (`pitch`, a sentence), and how good a reason it is."""

    code: str
    pitch: str
    weight: float


Rule = Callable[[Offer, Situation], Reason | None]


def weather(offer: Offer, situation: Situation) -> Reason | None:
    """Cold things on a hot day and hot things on a cold one. Nobody begins an order with that, so it
    weighs little for an empty cart."""
    helps = _WEATHER.get((situation.weather or "").strip().casefold())
    if helps is None or helps not in offer.tags:
        return None
    what = situation.main.name if situation.main else None
    weight = 4.0 if situation.cart else 1.0
    if helps == "cold":
        pitch = f"Perfect to cool down with your {what}!" if what else f"Cool down with {offer.name}!"
        return Reason("weather_hot", pitch, weight)
    pitch = f"Warms you up with your {what}!" if what else f"Warm up with {offer.name}!"
    return Reason("weather_cold", pitch, weight)


def combo(offer: Offer, situation: Situation) -> Reason | None:
    """A combo for a main."""
    if "combo" in offer.tags and situation.main:
        return Reason("upsell_combo", f"Make it a meal: add {offer.name} to your {situation.main.name}.", 3.0)
    return None


def pairs(offer: Offer, situation: Situation) -> Reason | None:
    """What the menu says goes well with a dish in the cart."""
    for other, _ in situation.cart:
        if offer.item_id in other.pairs_with:
            return Reason(f"pairs_with_{other.item_id}", f"{offer.name} goes well with your {other.name}.", 2.5)
    return None


def missing(offer: Offer, situation: Situation) -> Reason | None:
    """A category that a meal usually has and this cart hasn't."""
    if not situation.cart or situation.pieces[offer.category]:
        return None
    match offer.category:
        case "mains":
            return Reason("missing_main", f"Hungry? Try {offer.name}.", 2.0)
        case "drinks":
            return Reason("missing_drink", f"Something to drink? {offer.name} is waiting.", 2.0)
        case "desserts" if situation.pieces["mains"]:
            return Reason("missing_dessert", f"Room for something sweet? Try {offer.name}.", 0.5)
    return None


def time(offer: Offer, situation: Situation) -> Reason | None:
    """What people have at this time of day."""
    moment = situation.time_of_day
    if moment is None or moment not in offer.tags or moment not in _TIME_PITCH:
        return None
    weight = 1.0 if situation.cart else 2.0
    return Reason(f"time_{moment}", _TIME_PITCH[moment].format(name=offer.name), weight)


def sharing(offer: Offer, situation: Situation) -> Reason | None:
    """Dishes to share, for a group."""
    if (situation.party_size or 1) >= _SHARERS and "sharing" in offer.tags:
        return Reason("party_sharing", f"Good for sharing: {offer.name}.", 1.5)
    return None


def popular(offer: Offer, _: Situation) -> Reason | None:
    """What others like."""
    return Reason("popular", f"A favourite here: {offer.name}.", 1.0) if "popular" in offer.tags else None


RULES: tuple[Rule, ...] = (weather, combo, pairs, missing, time, sharing, popular)
