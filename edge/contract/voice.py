"""What the voice agent says (section 6.2)."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.contract.wire import Count, Fraction, Payload

# What a customer may want. The specification shows search_menu; the others are ours.
IntentType = Literal["search_menu", "add_item", "remove_item", "checkout", "confirm", "cancel", "help", "unknown"]


class SpeechStart(Payload, frozen=True, kw_only=True):
    """Someone began to speak."""

    event: Literal["speech_start"] = "speech_start"


class Transcript(Payload, frozen=True, kw_only=True):
    """What was said. `source` is ours: the bench's typed text is marked as such."""

    event: Literal["transcript"] = "transcript"
    text: str
    confidence: Fraction
    language: str = "en-US"
    is_final: bool = True
    source: Literal["microphone", "typed"] = "microphone"


class SpokenItem(msgspec.Struct, frozen=True, kw_only=True):
    """A dish that was named, with what was said about it."""

    item: str
    item_id: int | None = None
    quantity: Count = 1
    modifiers: list[str] = []


class Entities(msgspec.Struct, frozen=True, kw_only=True):
    """What an intent is about. `item` and `modifiers` are the specification's; the rest is ours.

    The first dish stands in `item`, `item_id`, `quantity` and `modifiers`, further ones in `also`.
    `tags` are menu tags or diets that were asked for ("spicy", "vegetarian").
    """

    item: str | None = None
    item_id: int | None = None
    quantity: Count | None = None
    modifiers: list[str] = []
    tags: list[str] = []
    also: list[SpokenItem] = []


class Intent(Payload, frozen=True, kw_only=True):
    """What the speaker wants."""

    event: Literal["intent"] = "intent"
    intent_type: IntentType
    entities: Entities = Entities()
    raw_text: str
    confidence: Fraction
