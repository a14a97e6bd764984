"""What can be asked of the menu agent (section 7.1)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from edge.contract.money import Money
from edge.contract.wire import Payload


class Search(Payload, frozen=True, kw_only=True):
    """Find dishes. An empty query with no tags and filters is the whole menu, up to `limit`."""

    command: Literal["search"] = "search"
    query: str
    tags: list[str] = []
    dietary_filters: list[str] = []
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 10


class FoundItem(msgspec.Struct, frozen=True, kw_only=True):
    """A dish as a search shows it."""

    id: int
    name: str
    price: Money
    image: str
    tags: list[str]
    available: bool


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
    """Everything about one dish."""

    command: Literal["get_details"] = "get_details"
    item_id: int


class Customization(msgspec.Struct, frozen=True, kw_only=True):
    """A way to have a dish, and what it adds to the price."""

    name: str
    price: Money


class ItemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A dish with all that is known of it. `image`, `tags` and `available` are ours."""

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


class DetailsResult(Payload, frozen=True, kw_only=True):
    """The dish that was asked for."""

    status: Literal["success"] = "success"
    item: ItemDetails
