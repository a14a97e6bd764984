"""What can be offered, as suggestions see it. Whoever starts the agent makes these from the menu."""

from __future__ import annotations

from dataclasses import dataclass, field

# The tags that rules look at: offers that have the same of these are alike to them, but for what pairs with what.
SPEAKING_TAGS = frozenset(
    ("cold", "hot", "combo", "sharing", "popular", "breakfast", "lunch", "afternoon", "dinner", "night")
)


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
    speaking: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Pick out the tags that rules look at."""
        object.__setattr__(self, "speaking", self.tags & SPEAKING_TAGS)
