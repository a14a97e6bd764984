"""What a day brings, decided by a seed: how each customer comes, orders, pays, and what goes wrong meanwhile."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

DISHES: Final = (101, 102, 103, 104, 105, 201)

# How it ends, with how often in 100.
ENDINGS: Final[dict[str, int]] = {
    "pays": 74,
    "pays after a declined card": 8,
    "cancels the order": 6,
    "cancels the payment": 5,
    "never shows a card": 2,
    "walks away": 5,
}

# What goes wrong, with how often in 100; the rest of the customers have none of it.
ACCIDENTS: Final[dict[str, int]] = {
    "torn cards": 8,
    "empty roll": 6,
    "open cover": 5,
    "printer unplugged": 4,
    "printer stalled": 2,
    "reader unplugged": 6,
    "camera unplugged": 3,
    "microphone unplugged": 3,
    "lights unplugged": 3,
    "server killed": 4,
}
MOMENTS: Final = ("before ordering", "before paying", "while paying")


@dataclass(frozen=True)
class Visit:
    """One customer."""

    number: int
    seen: bool  # by the camera, or begins by touching the screen
    says: bool  # orders by voice as well
    loyalty: bool
    dishes: tuple[int, ...]
    ending: str
    accident: str | None
    moment: str  # of the accident


def plan(customers: int, seed: int) -> list[Visit]:
    """The day's customers, the same for the same seed."""
    drawn = random.Random(seed)  # noqa: S311 - to be repeatable
    accidents = [*ACCIDENTS, None]
    weights = [*ACCIDENTS.values(), 100 - sum(ACCIDENTS.values())]
    visits = []
    for number in range(1, customers + 1):
        ending = drawn.choices(list(ENDINGS), list(ENDINGS.values()))[0]
        visits.append(
            Visit(
                number=number,
                seen=ending == "walks away" or drawn.random() < 0.2,
                says=drawn.random() < 0.05,
                loyalty=drawn.random() < 0.3,
                dishes=tuple(drawn.choice(DISHES) for _ in range(drawn.randint(1, 3))),
                ending=ending,
                accident=drawn.choices(accidents, weights)[0],
                moment=drawn.choice(MOMENTS),
            )
        )
    return visits
