"""JSGF, the grammar notation that pocketsphinx reads: as much of it as our grammars use.

The decoder answers with its best guess even where the sentence is not finished, so a hypothesis is checked against the
same text that the decoder was given. Weights, tags and repetition are not read.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(r"\s+|//[^\n]*|(<[\w.]+>|[()\[\]|=;]|[^\s()\[\]|=;<>]+)")


@dataclass(frozen=True)
class Word:
    """One word."""

    word: str


@dataclass(frozen=True)
class Rule:
    """A reference to a rule, ``<name>``."""

    name: str


@dataclass(frozen=True)
class Sequence:
    """One part after the other."""

    parts: tuple[Expansion, ...]


@dataclass(frozen=True)
class Choice:
    """One of several parts, ``a | b``; an empty sequence among them makes it optional, ``[a]``."""

    parts: tuple[Expansion, ...]


Expansion = Word | Rule | Sequence | Choice


class GrammarInvalid(ValueError):
    """The text is no grammar of the kind we read."""


class Grammar:
    """A grammar in memory.

    Args:
        text: a JSGF file with one public rule.

    Raises:
        GrammarInvalid: it can't be read, lacks a rule, or a rule contains itself.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._rules: dict[str, Expansion] = {}
        public: list[str] = []
        body = re.sub(r"\A\s*#JSGF[^;]*;\s*grammar\s+[\w.]+\s*;", "", text)
        tokens = [match[1] for match in _TOKEN.finditer(body) if match[1]]
        while tokens:
            head = tokens.pop(0)
            if head == "public":
                head = tokens.pop(0) if tokens else ""
                public.append(head)
            if not head.startswith("<") or not tokens or tokens.pop(0) != "=":
                raise GrammarInvalid(f"a rule must begin with '<name> =', not {head!r}")
            self._rules[head] = _choice(tokens)
            if not tokens or tokens.pop(0) != ";":
                raise GrammarInvalid(f"the rule {head} doesn't end with ';'")
        if len(public) != 1:
            raise GrammarInvalid(f"a grammar has one public rule, this one {len(public)}")
        self._top = Rule(public[0])
        self.words: frozenset[str] = frozenset(self._words(self._top, ()))

    def accepts(self, words: tuple[str, ...]) -> bool:
        """Whether `words` are a complete sentence of this grammar."""
        return len(words) in self._ends(self._top, words, 0)

    def sentence(self, chance: random.Random) -> tuple[str, ...]:
        """A random sentence: what it is allowed to say here."""
        return tuple(self._random(self._top, chance))

    def _ends(self, part: Expansion, words: tuple[str, ...], start: int) -> set[int]:
        """Where in `words` a part that starts at `start` may end."""
        match part:
            case Word(word):
                return {start + 1} if start < len(words) and words[start] == word else set()
            case Rule(name):
                return self._ends(self._rules[name], words, start)
            case Choice(parts):
                return {end for option in parts for end in self._ends(option, words, start)}
            case Sequence(parts):
                ends = {start}
                for step in parts:
                    ends = {end for begin in ends for end in self._ends(step, words, begin)}
                return ends

    def _random(self, part: Expansion, chance: random.Random) -> Iterator[str]:
        match part:
            case Word(word):
                yield word
            case Rule(name):
                yield from self._random(self._rules[name], chance)
            case Choice(parts):
                yield from self._random(chance.choice(parts), chance)
            case Sequence(parts):
                for step in parts:
                    yield from self._random(step, chance)

    def _words(self, part: Expansion, within: tuple[str, ...]) -> Iterator[str]:
        match part:
            case Word(word):
                yield word
            case Rule(name):
                if name not in self._rules:
                    raise GrammarInvalid(f"there is no rule {name}")
                if name in within:
                    raise GrammarInvalid(f"the rule {name} contains itself")
                yield from self._words(self._rules[name], (*within, name))
            case Choice(parts) | Sequence(parts):
                for step in parts:
                    yield from self._words(step, within)


def _choice(tokens: list[str]) -> Expansion:
    options = [_sequence(tokens)]
    while tokens and tokens[0] == "|":
        tokens.pop(0)
        options.append(_sequence(tokens))
    return options[0] if len(options) == 1 else Choice(tuple(options))


def _sequence(tokens: list[str]) -> Expansion:
    parts: list[Expansion] = []
    while tokens and tokens[0] not in ("|", ";", ")", "]"):
        token = tokens.pop(0)
        if token in ("(", "["):
            inner = _choice(tokens)
            closing = ")" if token == "(" else "]"
            if not tokens or tokens.pop(0) != closing:
                raise GrammarInvalid(f"a {token!r} is not closed")
            parts.append(inner if token == "(" else Choice((Sequence(()), inner)))
        elif token == "=":
            raise GrammarInvalid("a '=' out of place")
        else:
            parts.append(Rule(token) if token.startswith("<") else Word(token))
    return parts[0] if len(parts) == 1 else Sequence(tuple(parts))
