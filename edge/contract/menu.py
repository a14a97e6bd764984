"""What can be asked of the menu agent (section 7.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

import msgspec

from edge.contract.money import Money
from edge.contract.wire import Payload

# What people call an allergen, and the words that menus mark dishes with. A word that isn't here means itself.
ALLERGENS: Mapping[str, tuple[str, ...]] = {
    "nut": ("nuts", "peanuts"),
    "nuts": ("nuts", "peanuts"),
    "peanut": ("peanuts",),
    "milk": ("dairy",),
    "lactose": ("dairy",),
    "wheat": ("gluten",),
    "eggs": ("egg",),
    "soya": ("soy",),
    "crustaceans": ("shellfish",),
    "molluscs": ("shellfish",),
    "seafood": ("shellfish", "fish"),
}


def allergens_meant(asked: Iterable[str]) -> frozenset[str]:
    """The allergens that `asked` are about, as a menu writes them: who avoids nuts avoids peanuts as well."""
    said = ("-".join(each.casefold().replace("_", " ").split()) for each in asked)
    return frozenset(meant for each in said for meant in ALLERGENS.get(each, (each,)))


class Search(Payload, frozen=True, kw_only=True):
    """Find dishes. An empty query with no conditions is the whole menu, up to `limit`.

    Ours: `avoid_allergens` (a dish that has one is not shown), `min_price` and `max_price`, and `language`, in which
    names are told where the menu has them.
    """

    command: Literal["search"] = "search"
    query: str
    tags: list[str] = []
    dietary_filters: list[str] = []
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10
    avoid_allergens: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    min_price: Money | msgspec.UnsetType | None = msgspec.UNSET
    max_price: Money | msgspec.UnsetType | None = msgspec.UNSET
    language: str | msgspec.UnsetType | None = msgspec.UNSET


class FoundItem(msgspec.Struct, frozen=True, kw_only=True):
    """A dish as a search shows it. `left` (ours) is how many can still be had, where that is counted."""

    id: int
    name: str
    price: Money
    image: str
    tags: list[str]
    available: bool
    left: int | msgspec.UnsetType = msgspec.UNSET


class SearchResult(Payload, frozen=True, kw_only=True):
    """The best matches; `total_matches` counts those beyond the limit too."""

    status: Literal["success"] = "success"
    items: list[FoundItem]
    total_matches: int = -1

    def __post_init__(self) -> None:
        """Count the items where a foreign agent didn't (section 10.2's `nats reply` example)."""
        if self.total_matches < 0:
            msgspec.structs.force_setattr(self, "total_matches", len(self.items))


class GetDetails(Payload, frozen=True, kw_only=True):
    """Everything about one dish; `language` (ours) is that of its name."""

    command: Literal["get_details"] = "get_details"
    item_id: int
    language: str | msgspec.UnsetType | None = msgspec.UNSET


class Customization(msgspec.Struct, frozen=True, kw_only=True):
    """A way to have a dish, and what it adds to the price."""

    name: str
    price: Money


class ItemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A dish with all that is known of it.

    `image`, `tags`, `available`, `diets` and `left` are ours; `left` is how many can still be had, where that is
    counted.
    """

    id: int
    name: str
    description: str
    price: Money
    calories: int
    allergens: list[str]
    customizations: list[Customization]
    image: str = ""
    tags: list[str] = []
    available: bool = True
    diets: list[str] = []
    left: int | msgspec.UnsetType = msgspec.UNSET


class DetailsResult(Payload, frozen=True, kw_only=True):
    """The dish that was asked for."""

    status: Literal["success"] = "success"
    item: ItemDetails
