"""Every word of the menu has a pronunciation, by hint, dictionary or rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.voice.grammar import kiosk_grammar
from edge.agents.voice.jsgf import Grammar
from edge.agents.voice.pronunciation import ARPABET, Lexicon, Unpronounceable, dictionary_text
from edge.agents.voice.vocabulary import Vocabulary
from edge.agents.voice.words import plain


def test_the_shipped_menu_can_be_said(menu_words: Vocabulary) -> None:
    wanted = Grammar(kiosk_grammar(menu_words)).words
    found = Lexicon(menu_words.sounds_like).pronunciations(wanted)
    assert {plain(word) for word in wanted} == set(found)
    assert all(set(phones) <= ARPABET for ways in found.values() for phones in ways)


@pytest.mark.parametrize(
    ("word", "phones"),
    [("burger", "B ER G ER"), ("jalapeño", "P IY N Y OW"), ("kombucha", "B UW CH AH"), ("teriyaki", "Y AA K IY")],
)
def test_words_sound_as_people_say_them(word: str, phones: str) -> None:
    ways = [" ".join(each) for each in Lexicon().pronunciations([word])[plain(word)]]
    assert any(phones in way for way in ways), ways


def test_a_hint_wins() -> None:
    found = Lexicon({"quesadilla": "kay sah dee yah"}).pronunciations(["quesadilla"])["quesadilla"]
    assert [" ".join(way)[:4] for way in found] == ["K EY"]
    arpabet = Lexicon({"phở": "F AH"}).pronunciations(["phở"])
    assert list(arpabet.values()) == [[("F", "AH")]]


def test_what_has_nothing_to_say_is_refused() -> None:
    with pytest.raises(Unpronounceable):
        Lexicon({"burger": "!!!"}).pronunciations(["burger"])


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyzéñü", min_size=1, max_size=12))
def test_any_word_can_be_said(word: str) -> None:
    found = Lexicon().pronunciations([word])
    assert all(way and set(way) <= ARPABET for ways in found.values() for way in ways)


def test_the_dictionary_numbers_alternatives() -> None:
    assert dictionary_text({"a": [("AH",), ("EY",)]}) == "a AH\na(2) EY\n"
