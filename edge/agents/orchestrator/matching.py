"""Matching spoken words with what the menu and the cart call things."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

from edge.agents.orchestrator.cart import Line
from edge.contract import menu

T = TypeVar("T")

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_NEGATIVE: Final = frozenset({"no", "without", "minus", "hold", "skip"})
_FILLER: Final = frozenset({"with", "add", "and", "a", "an", "any", "the", "some", "of", "please", "my"})


def words(text: str) -> tuple[str, ...]:
    """The words of `text`, in lower case and without the plural's s."""
    return tuple(_singular(word) for word in _WORD.findall(text.casefold()))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def match_customization(modifier: str, names: Iterable[str]) -> str | None:
    """The customization that `modifier` means: "without onion" is "No Onions", "cheese" the only one with it.

    What is wished away never matches what is wished for: "no cheese" is not "Extra Cheese".
    """
    wanted = words(modifier)
    kept = frozenset(wanted) - _NEGATIVE - _FILLER
    if not kept:
        return None
    negative = not _NEGATIVE.isdisjoint(wanted)
    near: list[str] = []
    for name in names:
        offered = words(name)
        if (not _NEGATIVE.isdisjoint(offered)) != negative:
            continue
        its = frozenset(offered) - _NEGATIVE - _FILLER
        if its == kept:
            return name
        if kept < its:
            near.append(name)
    return near[0] if len(near) == 1 else None


def pick_dish(name: str, found: Sequence[menu.FoundItem]) -> menu.FoundItem | None:
    """The dish that `name` surely means among those a search found; None where it could be several."""
    return found[0] if len(found) == 1 else _surely(name, found, lambda dish: dish.name)


def find_line(name: str, lines: Sequence[Line]) -> Line | None:
    """The line of the cart that `name` surely means."""
    return _surely(name, lines, lambda line: line.title)


def _surely(name: str, choices: Sequence[T], title: Callable[[T], str]) -> T | None:
    wanted = frozenset(words(name)) - _FILLER
    if not wanted:
        return None
    exact = [each for each in choices if frozenset(words(title(each))) - _FILLER == wanted]
    if len(exact) == 1:
        return exact[0]
    near = [each for each in choices if wanted <= frozenset(words(title(each)))]
    return near[0] if len(near) == 1 else None
