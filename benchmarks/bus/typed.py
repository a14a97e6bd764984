"""The same messages as pydantic models, for FastStream."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from benchmarks.bus.messages import ENVELOPE


class Search(BaseModel):
    command: Literal["search"]
    query: str
    tags: list[str] = []
    dietary_filters: list[str] = []
    limit: int = Field(default=10, ge=1, le=100)


class FoundItem(BaseModel):
    id: int
    name: str
    price: float  # a Decimal, as money deserves, would be slower
    image: str
    tags: list[str]
    available: bool


class SearchResult(BaseModel):
    status: Literal["success"]
    items: list[FoundItem]
    total_matches: int


class Envelope(BaseModel):
    msg_id: str
    timestamp: str
    session_id: str
    trace_id: str
    version: str


class Ask(Envelope):
    payload: Search


class Answer(Envelope):
    payload: SearchResult


def ask() -> Ask:
    """The search, made anew as a caller does."""
    search = Search(command="search", query="spicy burger", tags=["spicy"], dietary_filters=["vegetarian"], limit=10)
    return Ask(payload=search, **ENVELOPE)


def answer() -> Answer:
    """Its answer, made anew as an agent does."""
    dish = FoundItem(
        id=101,
        name="Volcano Burger",
        price=12.99,
        image="/img/volcano.png",
        tags=["spicy", "popular"],
        available=True,
    )
    return Answer(payload=SearchResult(status="success", items=[dish], total_matches=5), **ENVELOPE)
