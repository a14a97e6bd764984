"""Every sentence of the grammar can be said, is accepted, and means something."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.agents.menu.catalogue import Menu
from edge.agents.voice.grammar import kiosk_grammar
from edge.agents.voice.intent import meaning_of
from edge.agents.voice.jsgf import Grammar, GrammarInvalid
from edge.agents.voice.vocabulary import Dish, Vocabulary
from edge.assembly import vocabulary

WORDS = vocabulary(Menu.load())
GRAMMAR = Grammar(kiosk_grammar(WORDS))


@given(st.integers(min_value=0, max_value=2**32))
def test_what_the_grammar_says_it_accepts_and_intents_understand(seed: int) -> None:
    sentence = GRAMMAR.sentence(random.Random(seed))  # noqa: S311 - a test's sentences, not secrets
    assert GRAMMAR.accepts(sentence)
    meaning = meaning_of(" ".join(sentence), WORDS)
    assert meaning.intent_type != "unknown", sentence
    assert meaning.understood == 1, sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "i want a volcano burger with extra cheese",
        "two iced colas please",
        "show me something vegetarian",
        "what do you have",
        "i want to pay",
        "yes",
        "no thanks",
    ],
)
def test_a_kiosks_sentences_are_in_it(sentence: str) -> None:
    assert GRAMMAR.accepts(tuple(sentence.split()))


@pytest.mark.parametrize("sentence", ["", "i want a", "burger volcano", "the weather is nice", "yes yes yes cola"])
def test_others_are_not(sentence: str) -> None:
    assert not GRAMMAR.accepts(tuple(sentence.split()))


def test_a_menu_without_dishes_has_no_grammar() -> None:
    with pytest.raises(ValueError, match="no dish"):
        kiosk_grammar(Vocabulary(dishes=()))


def test_a_menu_of_one_dish_has_one() -> None:
    grammar = Grammar(kiosk_grammar(Vocabulary(dishes=(Dish(1, "Soup"),))))
    assert grammar.accepts(("a", "soup"))
    assert not grammar.accepts(("a", "burger"))


@pytest.mark.parametrize("text", ["public <a> = (x;", "public <a> = <b>;", "nonsense"])
def test_a_broken_grammar_is_refused(text: str) -> None:
    with pytest.raises(GrammarInvalid):
        Grammar(f"#JSGF V1.0;\ngrammar x;\n{text}\n")
