"""What can be offered, as suggestions see it. Whoever starts the agent makes these from the menu."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Offer:
    """A dish: `tags` and `pairs_with` (ids) are what the rules go by; `category` is mains, drinks, ..."""

    item_id: int
    name: str
    category: str
    tags: frozenset[str] = frozenset()
    pairs_with: tuple[int, ...] = ()
    available: bool = True
    diets: frozenset[str] = frozenset()
    allergens: frozenset[str] = frozenset()
