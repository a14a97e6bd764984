"""The sentences a kiosk understands, with the menu's words filled in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from edge.agents.voice.vocabulary import Phrase, Vocabulary

# Rules that hold for every menu. The menu's own rules come from `kiosk_grammar`.
_SENTENCES: Final = """
public <said> = [<opening>] (<order> | <search> | <remove> | <checkout>) [<polite>]
              | (<confirm> | <cancel> | <help>) [<polite>];
<opening> = hi | hello | okay | and;
<polite> = please | thanks | thank you;

<order> = [<wish>] <items>;
<wish> = <want> [to (order | have | get)] | (can | could | may) i (have | get) | give me | get me | add | order
       | we want | let me have;
<want> = i want | i'd like | i would like | i'll have | i'll take | i need | we'd like | we'll have | i'd love;
<items> = <item> [and <item> [and <item>]];
<item> = <named> [<with>];
<named> = [<one>] <thing> | [<every>] <things> | <several> <things>
        | <one> (cup | glass | bottle) of <thing> | <several> (cups | glasses | bottles) of <thing>
        | <one> (order | portion) of <things> | <several> (orders | portions) of <things>;
<one> = a | an | one | the | another;
<every> = the | some;
<several> = two | three | four | five | six | seven | eight | nine | ten | a couple of;
"""

_WITH: Final = """
<with> = <change> [and <change>];
<change> = [with] <modifier> | <omission>;
"""

_SEARCHES: Final = """
<search> = <show> <menu> | <show> <sought> | <ask> <sought> | [<want>] <something> | <whatkinds>
         | what do you have | what have you got | what can i (get | order | have) | what's on the menu
         | what is on the menu | what do you recommend;
<show> = show me | let me see | can i see | show;
<ask> = do you have | have you got | is there | are there | i'm looking for | i am looking for | what about | find me;
<menu> = the menu | your menu | everything | what you have;
"""

_COMMANDS: Final = """
<remove> = <removing> [the | my | one] <thing> | <removing> [the | my] <things> | <removing> (it | that);
<removing> = remove | delete | take off | take away | i don't want | i do not want;

<checkout> = <want> to (pay [now | for (it | this)] | check out | checkout) | (can | could) i pay [now]
           | let me pay | pay [now]
           | pay for (it | this) | checkout | check out | [no] that's all | that is all
           | that's it | that will be all | that'll be all | i'm done | i am done | i'm finished | nothing else;
<confirm> = yes | yes [that's] (right | correct) | yeah | yep | sure | correct | that's right | of course
          | confirm | i confirm | sounds good | go ahead;
<cancel> = cancel | cancel (it | that | everything | [my | the] order) | start over | never mind | forget it
         | stop | no | nope | no thanks | no thank you | no that's wrong | that's wrong;
<help> = help | help me | i need help | can you help me | what can i say | how does (this | it) work;
"""


def kiosk_grammar(vocabulary: Vocabulary) -> str:
    """The JSGF of everything that can be said to a kiosk with this menu.

    Raises:
        ValueError: the menu has no dish with a name that can be spoken.
    """
    if not vocabulary.dish_phrases:
        raise ValueError("the menu has no dish with a name that can be spoken")
    one: list[Phrase] = []
    many: list[Phrase] = []
    for phrase in (*vocabulary.dish_phrases, *vocabulary.kind_phrases):
        (many if phrase[-1].endswith("s") and not phrase[-1].endswith(("ss", "us")) else one).append(phrase)
    kinds = vocabulary.kind_phrases
    tags = list(vocabulary.tag_phrases)
    modifiers = list(vocabulary.modifier_phrases)
    rules = [
        _SENTENCES if modifiers else _SENTENCES.replace(" [<with>]", ""),
        _rule("thing", one or many),
        _rule("things", many or one),
        _SEARCHES,
        _COMMANDS,
    ]
    if modifiers:
        omissions = [phrase for phrase in modifiers if phrase[0] == "without"]
        rules += [_WITH if omissions else _WITH.replace(" | <omission>", "")]
        rules += [_rule("modifier", [phrase for phrase in modifiers if phrase not in omissions])]
        rules += [_rule("omission", omissions)] if omissions else []
    kind = _rule("kind", kinds) if kinds else ""
    sought = [
        "[the | your | a | an | any] <thing>",
        "[the | your | all the | all your | some | any] <things>",
    ]
    something = []
    whatkinds = []
    if tags:
        rules.append(_rule("tag", tags))
        sought.append("<something>")
        something.append("(something | anything) [else] <tag> [to (eat | drink)]")
        whatkinds.append("what <tag> (food | dishes | things | options) do you have")
    if tags and kinds:
        something.append("[a | an | some] <tag> <kind>")
        sought.append("[the | your | all the | all your | some | any | a | an] <tag> <kind>")
        whatkinds.append("what <tag> <kind> do you have")
    if kinds:
        rules.append(kind)
        whatkinds.append("what [kind of] <kind> do you have")
    something.append("something to (eat | drink)")
    whatkinds.append("what is there to (eat | drink)")
    rules.append(f"<sought> = {' | '.join(sought)};")
    rules.append(f"<something> = {' | '.join(something)};")
    rules.append(f"<whatkinds> = {' | '.join(whatkinds)};")
    return "#JSGF V1.0;\ngrammar kiosk;\n" + "\n".join(rule.strip() for rule in rules) + "\n"


def _rule(name: str, phrases: Iterable[Phrase]) -> str:
    return f"<{name}> = " + " | ".join(sorted(" ".join(phrase) for phrase in phrases)) + ";"
