"""The sentences a kiosk understands, with the menu's words filled in.

Numbers between slashes are weights: how much likelier one alternative is than another. They keep the decoder from
preferring a rare sentence that fits the sound by a hair. The decoder expands a rule wherever it is named, so the rules
with the menu's words are named once or twice: written the obvious way, recognition takes longer than the sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from edge.agents.voice.vocabulary import WAYS_TO_SAY, Phrase, Vocabulary, singular_and_plural
from edge.agents.voice.words import tokens

# Rules that hold for every menu. The menu's own rules come from `kiosk_grammar`.
_SENTENCES: Final = """
public <said> = (/20/ <NULL> | /1/ <opening>) <asking> (/2/ <NULL> | /1/ <polite>)
              | /1/ <confirm> | /1/ <cancel> | /0.5/ <help>;
<asking> = /6/ <order> | /3/ <search> | /1/ <remove> | /2/ <checkout>;
<opening> = hi | hello | okay;
<polite> = /4/ please | thanks | thank you;

<order> = (/3/ <NULL> | /5/ <wish>) <items>;
<wish> = /6/ <want> | /0.5/ <want> to (order | have | get) | /3/ (can | could | may) i (have | get)
       | /2/ give me | get me | /2/ add | order | we want | let me have;
<want> = /4/ i want | /4/ i'd like | /2/ i would like | /2/ i'll have | i'll take | i need | we'd like | we'll have;
<items> = <named> (/4/ <NULL> | /1/ <changes>) (/3/ <NULL> | /1/ and <items>);
"""

_CHANGED: Final = " (/4/ <NULL> | /1/ <changes>)"  # of no use where the menu has no modifiers

_SEARCHES: Final = """
<search> = /2/ <show> <menu> | /8/ (/2/ <show> | /1/ <ask>) <sought> | /3/ <whatkinds>
         | /5/ (/2/ <NULL> | /1/ <want> | /2/ <show> | /1/ <ask>) <something>
         | /2/ what do you have | what have you got | what can i (get | order | have)
         | what's on the menu | what is on the menu | what do you recommend;
<show> = /5/ show me | let me see | can i see | show;
<ask> = /4/ do you have | have you got | is there | are there | i'm looking for | i am looking for | what about
      | find me;
<menu> = /4/ the menu | your menu | everything | what you have;
"""

_COMMANDS: Final = """
<remove> = <removing> (it | that | /6/ <sought>);
<removing> = /4/ remove | delete | take off | take away | i don't want | i do not want;

<checkout> = /4/ <want> to (/4/ pay | pay now | pay for (it | this) | check out | checkout) | (can | could) i pay [now]
           | let me pay | pay [now] | pay for (it | this) | /3/ checkout | check out | /2/ that's all | no that's all
           | that is all | that's it | that will be all | that'll be all | i'm done | i am done | i'm finished
           | nothing else;
<confirm> = /6/ yes | /3/ yes please | yes that's (right | correct) | yes (right | correct) | yeah | yep | sure
          | correct | that's right | of course | confirm | i confirm | sounds good | go ahead;
<cancel> = /3/ cancel | cancel (it | that | everything) | cancel [my | the] order | start over | never mind | forget it
         | stop | /4/ no | nope | no thanks | no thank you | no that's wrong | that's wrong;
<help> = /3/ help | help me | i need help | can you help me | what can i say | how does (this | it) work;
"""


def kiosk_grammar(vocabulary: Vocabulary) -> str:
    """The JSGF of everything that can be said to a kiosk with this menu.

    Raises:
        ValueError: the menu has no dish with a name that can be spoken.
    """
    if not vocabulary.dish_phrases:
        raise ValueError("the menu has no dish with a name that can be spoken")
    rules = [
        _SENTENCES if vocabulary.modifier_phrases else _SENTENCES.replace(_CHANGED, ""),
        _SEARCHES,
        _COMMANDS,
        *_things(vocabulary),
        *_changes(vocabulary),
        *_searches(vocabulary),
    ]
    return "#JSGF V1.0;\ngrammar kiosk;\n" + "\n".join(rule.strip() for rule in rules) + "\n"


def _things(vocabulary: Vocabulary) -> Iterable[str]:
    """The rules of what can be had: one of it, after "a" or "an", or several; and of what there is or can go."""
    ends = {tokens(dish.name)[-1:] for dish in vocabulary.dishes}
    weights = {phrase: 4.0 if len(phrase) > 1 else 2.0 for phrase in vocabulary.dish_phrases}
    for phrase in vocabulary.kind_phrases:  # "a burger" is an order, "a main" hardly
        weights[phrase] = 1.0 if any(phrase[-1:] in singular_and_plural(end) for end in ends) else 0.2
    many = [each for each in weights if each[-1].endswith("s") and not each[-1].endswith(("ss", "us"))]
    after_an = [each for each in weights if each not in many and each[0][0] in "aeiou"]
    after_a = [each for each in weights if each not in many and each not in after_an]
    one = "/4/ (one | the | another) | /0.2/ (a | one) <container> of | /0.2/ <several> <containers> of"
    named, gone = [], []
    if after_a:
        named.append(f"/4/ (/4/ <NULL> | /8/ a | {one}) <athing>")
        yield _rule("athing", after_a, weights)
    if after_an:
        named.append(f"/1/ (/4/ <NULL> | /8/ an | {one}) <anthing>")
        yield _rule("anthing", after_an, weights)
    if after_a or after_an:
        single = " | ".join(name for name, of in (("<athing>", after_a), ("<anthing>", after_an)) if of)
        gone.append(f"[the | my | your | one | a | any] ({single})")
        yield "<container> = cup | glass | bottle;"
        yield "<containers> = cups | glasses | bottles;"
    if many:
        portions = "/0.2/ (an | one) order of | /0.2/ a portion of | /0.2/ <several> (orders | portions) of"
        named.append(f"/4/ (/3/ <NULL> | /2/ (the | some) | /5/ <several> | {portions}) <things>")
        gone.append("[the | my | your | all the | all your | any | some] <things>")
        yield _rule("things", many, weights)
    yield "<several> = /6/ two | /4/ three | /2/ four | five | six | seven | eight | nine | ten | a couple of;"
    yield f"<named> = {' | '.join(named)};"
    yield f"<sought> = {' | '.join(gone)};"


def _changes(vocabulary: Vocabulary) -> Iterable[str]:
    """The rules of what can be asked for with a dish."""
    weights = {"more": 2, "less": 2, "other": 1}
    change = []
    for how, what in vocabulary.changes.items():
        if what:
            leads = " | ".join(" ".join(lead) or "<NULL>" for lead in WAYS_TO_SAY[how])
            change.append(f"/{weights[how]}/ ({leads}) <{how}>")
            yield _rule(how, what)
    if change:
        yield f"<changes> = ({' | '.join(change)}) (/4/ <NULL> | /1/ and <changes>);"


def _searches(vocabulary: Vocabulary) -> Iterable[str]:
    """The rules of what can be looked for by its kind or property."""
    kinds, tags = vocabulary.kind_phrases, vocabulary.tag_phrases
    something = ["/0.5/ (something | anything) to (eat | drink)"]
    whatkinds = ["what is there to (eat | drink)"]
    if kinds:
        yield _rule("kind", kinds)
    if tags:
        yield _rule("tag", tags)
        something.append("/4/ (something | anything) <tag> (/9/ <NULL> | /1/ to (eat | drink))")
        whatkinds.append("/2/ what <tag> (food | dishes | things | options) do you have")
    if kinds and tags:
        something.append("[a | an | some | the | your | any | all the | all your] <tag> <kind>")
        whatkinds.append("/4/ what (/4/ <NULL> | /1/ <tag>) <kind> do you have")
    elif kinds:
        whatkinds.append("/4/ what <kind> do you have")
    yield f"<something> = {' | '.join(something)};"
    yield f"<whatkinds> = {' | '.join(whatkinds)};"


def _rule(name: str, phrases: Iterable[Phrase], weights: Mapping[Phrase, float] | None = None) -> str:
    options = [
        f"/{weights[phrase]:g}/ {' '.join(phrase)}" if weights else " ".join(phrase) for phrase in sorted(phrases)
    ]
    return f"<{name}> = {' | '.join(options)};"
