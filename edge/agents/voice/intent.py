"""What a sentence asks for. Pure: it reads recognised speech and text typed on the bench page alike."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from edge.agents.voice.vocabulary import Dish, Phrase, Vocabulary
from edge.agents.voice.words import tokens

IntentType = Literal["search_menu", "add_item", "remove_item", "checkout", "confirm", "cancel", "help", "unknown"]

_NUMBERS: Final = {
    "a": 1, "an": 1, "one": 1, "another": 1, "two": 2, "couple": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "dozen": 12,
}  # fmt: skip
# Words that carry no meaning of their own in an order.
_PADDING: Final = frozenset(
    """
    a an the of and some any all your my please thanks thank you hi hello hey okay ok um uh er just also then with i i'd
    i'll i'm am we we'd we'll want wants would like love have has get got need take could can may give me us let to for
    order orders portion portions cup cups glass glasses bottle bottles piece pieces slice slices bowl bowls it one that
    this now do is are there something anything else food dishes things options kind kinds what's on menu more on add no
    """.split()
)
_CHANGES: Final = frozenset(("extra", "no", "without", "less", "light"))

_CANCEL: Final = re.compile(r"\b(cancel|start over|never ?mind|forget it)\b")
_CHECKOUT: Final = re.compile(
    r"\b(pay|check ?out|(that's|that is) (all|it)|(that will|that'll) be all|i'm (done|finished)|i am (done|finished)"
    r"|nothing else|the bill)\b"
)
_HELP: Final = re.compile(r"\b(help|what can i say|how does (this|it) work)\b")
_DECLINE: Final = re.compile(r"^(no|nope|stop)\b|\bthat's wrong\b")
_CONFIRM: Final = re.compile(
    r"^(yes|yeah|yep|yup|sure|correct|confirm|i confirm|of course|that's right|sounds good|go ahead|right|ok|okay)\b"
)
_REMOVE: Final = re.compile(
    r"\b(remove|delete|cancel|take (off|away)|take (it|that|the .+) (off|away)|(i don't|i do not) want)\b"
)
_REMOVE_THAT: Final = re.compile(
    r"\b((remove|delete|take off|take away) (it|that)|take (it|that) (off|away)|(i don't|i do not) want (it|that))\b"
)
_SEARCH: Final = re.compile(
    r"\b(show|let me see|can i see|find|search|i'm looking for|i am looking for|what|what's|which|do you have"
    r"|have you got|is there|are there|recommend|menu|something|anything|everything|about|kind of|to eat|to drink)\b"
)
_BROWSE: Final = re.compile(
    r"\b(menu|(what|anything) do you (have|recommend)|what (have you got|you have|can i (get|order|have)|is there to)"
    r"|show (me )?everything|let me see everything|can i see everything|(something|anything) to (eat|drink))\b"
)


@dataclass(frozen=True)
class Item:
    """Something that was named: a dish (then `item_id` is its number on the menu) or a kind of dish."""

    item: str
    item_id: int | None
    quantity: int
    modifiers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Meaning:
    """What a sentence asks for.

    `understood` is the share of its words that had a place in that, 0 to 1: 1 for anything the grammar produces.
    """

    intent_type: IntentType
    items: tuple[Item, ...] = ()
    tags: tuple[str, ...] = ()
    understood: float = 1.0


@dataclass
class _Named:
    """An item while it is being read."""

    name: str
    dish: Dish | None
    quantity: int
    modifiers: list[str] = field(default_factory=list)
    refused: bool = False  # "no cola"

    def finished(self) -> Item:
        return Item(self.name, self.dish.item_id if self.dish else None, self.quantity, tuple(self.modifiers))


def meaning_of(text: str, vocabulary: Vocabulary) -> Meaning:
    """What `text` asks for, in a kiosk with this menu."""
    said = tokens(text)
    sentence = " ".join(said)
    items, tags, loose = _named(said, vocabulary)
    kind = _intent_type(sentence, items, tags)
    if kind == "unknown":
        return Meaning(kind, understood=0.0)
    if not items and not tags:
        return Meaning(kind)
    cues = {"search_menu": _SEARCH, "remove_item": _REMOVE}.get(kind)
    cue_words = {word for match in cues.finditer(sentence) for word in match[0].split()} if cues else {"add"}
    puzzling = [word for word in loose if word not in _PADDING and word not in cue_words]
    return Meaning(kind, tuple(item.finished() for item in items), tags, understood=1 - len(puzzling) / len(said))


def _intent_type(sentence: str, items: Sequence[_Named], tags: Sequence[str]) -> IntentType:
    """The kind of a sentence, from what it names and the cues in it, the most specific first."""
    if items and (_REMOVE.search(sentence) or items[0].refused):
        return "remove_item"
    if items or tags:
        all_dishes = all(item.dish for item in items) and not tags
        return "add_item" if all_dishes and not _SEARCH.search(sentence) else "search_menu"
    for kind, cues in _WITHOUT_ITEMS:
        if cues.search(sentence):
            return kind
    return "unknown"


_WITHOUT_ITEMS: Final[tuple[tuple[IntentType, re.Pattern[str]], ...]] = (
    ("remove_item", _REMOVE_THAT),
    ("cancel", _CANCEL),
    ("checkout", _CHECKOUT),  # before "no": the answer to "Anything else?" is "No, that's all"
    ("help", _HELP),
    ("cancel", _DECLINE),
    ("search_menu", _BROWSE),
    ("confirm", _CONFIRM),
)


def _named(said: Phrase, vocabulary: Vocabulary) -> tuple[list[_Named], tuple[str, ...], list[str]]:
    """The items and tags that are named, with quantities and modifiers, and the words that are left over."""
    items: list[_Named] = []
    tags: list[str] = []
    loose: list[str] = []
    early: list[str] = []  # modifiers before any item: "no onions on my burger"
    quantity = 1
    refused = False
    for words, meant in _phrases(said, vocabulary):
        match meant:
            case Dish() | Kind() if refused and items:  # "a combo without cola"
                items[-1].modifiers.append(" ".join(("no", *words)))
            case Dish(name=name):
                items.append(_Named(name, meant, quantity, refused=refused))
            case Kind(name=name):
                items.append(_Named(name, None, quantity, refused=refused))
            case Modifier(name=name):
                (items[-1].modifiers if items else early).append(name)
            case Tag(name=name):
                tags.append(name)
            case None:
                loose += words
                refused = words[0] in ("no", "without") or (refused and words[0] in ("more", "the"))
                number = _NUMBERS.get(words[0], 1)
                quantity = number if number > 1 else quantity
                continue
        quantity, refused = 1, False
    if items:
        items[0].modifiers[:0] = early
    return items, tuple(dict.fromkeys(tags)), [word for word in loose if word not in _NUMBERS]


@dataclass(frozen=True)
class Kind:
    """A kind of dish that was named."""

    name: str


@dataclass(frozen=True)
class Modifier:
    """A modifier that was named."""

    name: str


@dataclass(frozen=True)
class Tag:
    """A tag that was named."""

    name: str


Meant = Dish | Kind | Modifier | Tag | None


def _phrases(said: Phrase, vocabulary: Vocabulary) -> Iterator[tuple[Phrase, Meant]]:
    """The sentence cut into what the menu knows, the longest phrase first, and single words in between."""
    at = 0
    while at < len(said):
        end, meant = _longest(said, at, vocabulary)
        if meant is None and said[at] in _CHANGES and at + 1 < len(said) and said[at + 1] not in _PADDING:
            _, known = _longest(said, at + 1, vocabulary)
            if known is None:  # "no nuts": nothing the menu offers, and too important to drop without a word
                end, meant = at + 2, Modifier(" ".join(said[at : at + 2]))
        yield said[at:end], meant
        at = end


def _longest(said: Phrase, at: int, vocabulary: Vocabulary) -> tuple[int, Meant]:
    """The longest phrase of the menu's that starts at `at`, and its end; a single word if there is none."""
    for end in range(len(said), at, -1):
        phrase = said[at:end]
        if (dish := vocabulary.dish_phrases.get(phrase)) is not None:
            return end, dish
        if (modifier := vocabulary.modifier_phrases.get(phrase)) is not None:
            return end, Modifier(modifier)
        if (kind := vocabulary.kind_phrases.get(phrase)) is not None:
            return end, Kind(kind)
        if (tag := vocabulary.tag_phrases.get(phrase)) is not None:
            return end, Tag(tag)
    return at + 1, None
