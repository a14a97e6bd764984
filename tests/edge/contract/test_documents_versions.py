"""The comparer of versions: every rule broken on purpose is found by name, every allowed change passes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.contract import versions
from edge.contract.versions import Rule, breaks, released
from edge.contract.wire import Payload

VERSIONS_PAGE = Path(__file__).resolve().parents[3] / "docs" / "contract" / "versions.md"
NOW = released()

SEARCH = "kiosk.agent.menu.search"
SUGGEST = "kiosk.agent.recsys.suggest"
PROCESS = "kiosk.agent.payment.process"
INTENT = "kiosk.voice.intent"
GAZE = "kiosk.vision.gaze_detected"
TAP = "kiosk.input.card_tap"

Drawn = dict[str, Any]
Change = Callable[[Drawn], object]


def ask(drawn: Drawn, subject: str = SEARCH) -> Drawn:
    found: Drawn = drawn["commands"][subject]["ask"]
    return found


def answer(drawn: Drawn, subject: str = SEARCH) -> Drawn:
    found: Drawn = drawn["commands"][subject]["answer"]
    return found


def event(drawn: Drawn, subject: str = INTENT) -> Drawn:
    found: Drawn = drawn["events"][subject]["payload"]
    return found


def add(schema: Drawn, name: str, field: Drawn, *, needed: bool = False) -> None:
    schema["properties"][name] = field
    if needed:
        schema["required"].append(name)


def rename(schema: Drawn, old: str, new: str) -> None:
    schema["properties"][new] = schema["properties"].pop(old)


def field(schema: Drawn, name: str) -> Drawn:
    found: Drawn = schema["properties"][name]
    return found


BROKEN: list[tuple[str, Change, Rule, str]] = [
    ("an event is gone", lambda d: d["events"].pop(TAP), Rule.SUBJECT_STAYS, TAP),
    ("a command is gone", lambda d: d["commands"].pop(SEARCH), Rule.SUBJECT_STAYS, SEARCH),
    (
        "an alias is gone",
        lambda d: d["commands"]["kiosk.agent.hardware.led"]["aliases"].clear(),
        Rule.SUBJECT_STAYS,
        "kiosk.hardware.led",
    ),
    ("a component is gone", lambda d: d["ui_components"].pop("Cart"), Rule.SUBJECT_STAYS, "component Cart"),
    ("another speaker", lambda d: d["events"][TAP].update(said_by="vision"), Rule.PARTIES_STAY, "said_by vision"),
    ("a hearer less", lambda d: d["events"][TAP]["heard_by"].remove("payment"), Rule.PARTIES_STAY, "payment"),
    ("another agent", lambda d: d["commands"][SEARCH].update(done_by="recsys"), Rule.PARTIES_STAY, "done_by recsys"),
    ("an asker less", lambda d: d["commands"][SEARCH]["asked_by"].clear(), Rule.PARTIES_STAY, "orchestrator"),
    ("a shorter timeout", lambda d: d["commands"][SEARCH].update(timeout_s=1), Rule.TIMEOUT_STAYS, "1 s, not 2"),
    ("a longer timeout", lambda d: d["commands"][SEARCH].update(timeout_s=9), Rule.TIMEOUT_STAYS, "9 s, not 2"),
    ("a field of a request is gone", lambda d: ask(d)["properties"].pop("tags"), Rule.FIELD_STAYS, "`tags`"),
    ("a field of an event is gone", lambda d: event(d)["properties"].pop("raw_text"), Rule.FIELD_STAYS, "`raw_text`"),
    (
        "a field deep inside is gone",
        lambda d: field(answer(d), "items")["items"]["properties"].pop("price"),
        Rule.FIELD_STAYS,
        "`items[].price`",
    ),
    (
        "a field inside one that may be null is gone",
        lambda d: field(event(d, GAZE), "gaze_point")["anyOf"][0]["properties"].pop("y"),
        Rule.FIELD_STAYS,
        "`gaze_point.y`",
    ),
    (
        "a component's field is gone",
        lambda d: d["ui_components"]["Cart"]["properties"].pop("total"),
        Rule.FIELD_STAYS,
        "`total`",
    ),
    (
        "an envelope's field is gone",
        lambda d: d["envelope"]["properties"].pop("trace_id"),
        Rule.FIELD_STAYS,
        "`trace_id`",
    ),
    (
        "a refusal's field is gone",
        lambda d: d["refusal"]["properties"].pop("retryable"),
        Rule.FIELD_STAYS,
        "`retryable`",
    ),
    ("a field is renamed", lambda d: rename(ask(d), "query", "text"), Rule.FIELD_STAYS, "`query`"),
    (
        "a new needed field in a request",
        lambda d: add(ask(d), "shop", {"type": "string"}, needed=True),
        Rule.NEW_IS_OPTIONAL,
        "`shop`",
    ),
    (
        "a new needed field in an answer",
        lambda d: add(answer(d), "shop", {"type": "string"}, needed=True),
        Rule.NEW_IS_OPTIONAL,
        "`shop`",
    ),
    ("an optional field is needed", lambda d: ask(d)["required"].append("limit"), Rule.OPTIONAL_STAYS, "`limit`"),
    (
        "an event's field is no longer sure",
        lambda d: event(d)["required"].remove("raw_text"),
        Rule.NEEDED_STAYS,
        "`raw_text`",
    ),
    (
        "an answer's field is no longer sure",
        lambda d: answer(d)["required"].remove("items"),
        Rule.NEEDED_STAYS,
        "`items`",
    ),
    ("another default", lambda d: field(ask(d), "limit").update(default=20), Rule.DEFAULT_STAYS, "default 20, not 10"),
    ("a default less", lambda d: field(ask(d), "limit").pop("default"), Rule.DEFAULT_STAYS, "`limit`"),
    (
        "another type",
        lambda d: field(ask(d), "query").update(type="integer"),
        Rule.NOTHING_LESS,
        "no longer hold string",
    ),
    ("null no more", lambda d: field(ask(d, PROCESS), "loyalty_card")["anyOf"].pop(), Rule.NOTHING_LESS, "null"),
    ("a lower maximum", lambda d: field(ask(d), "limit").update(maximum=50), Rule.NOTHING_LESS, "maximum 50, not 100"),
    ("a higher minimum", lambda d: field(ask(d), "limit").update(minimum=5), Rule.NOTHING_LESS, "minimum 5, not 1"),
    ("a new limit", lambda d: field(ask(d), "query").update(maxLength=50), Rule.NOTHING_LESS, "maxLength 50"),
    (
        "a value less in a request",
        lambda d: field(ask(d, "kiosk.agent.hardware.led"), "pattern")["enum"].remove("pulse"),
        Rule.NOTHING_LESS,
        "'pulse'",
    ),
    (
        "a value less in an event",
        lambda d: field(event(d), "intent_type")["enum"].remove("help"),
        Rule.NOTHING_LESS,
        "'help'",
    ),
    ("a word becomes one of a list", lambda d: field(ask(d), "query").update(enum=["a"]), Rule.NOTHING_LESS, "'a'"),
    ("another pattern", lambda d: field(event(d, TAP), "card").update(pattern="^x$"), Rule.NOTHING_LESS, "pattern"),
    (
        "any number where a whole one was",
        lambda d: field(event(d, "kiosk.input.cart_action"), "quantity").update(type="number"),
        Rule.NOTHING_MORE,
        "whole",
    ),
    ("whole numbers only", lambda d: field(event(d), "confidence").update(type="integer"), Rule.NOTHING_LESS, "number"),
    ("other items", lambda d: field(ask(d), "tags")["items"].update(type="integer"), Rule.NOTHING_LESS, "`tags[]`"),
    (
        "a value more in an event",
        lambda d: field(event(d), "intent_type")["enum"].append("pay"),
        Rule.NOTHING_MORE,
        "'pay'",
    ),
    (
        "a value more in an answer",
        lambda d: field(answer(d, PROCESS), "status")["enum"].append("pending"),
        Rule.NOTHING_MORE,
        "'pending'",
    ),
    (
        "a list no more",
        lambda d: field(event(d), "intent_type").update(enum=None, type="string"),
        Rule.NOTHING_MORE,
        "list",
    ),
    (
        "null in an answer",
        lambda d: answer(d)["properties"].update(items={"anyOf": [field(answer(d), "items"), {"type": "null"}]}),
        Rule.NOTHING_MORE,
        "null",
    ),
    (
        "a wider limit in an event",
        lambda d: field(event(d), "confidence").update(maximum=2),
        Rule.NOTHING_MORE,
        "maximum 2",
    ),
    (
        "a pattern less in an event",
        lambda d: field(event(d, TAP), "card").pop("pattern"),
        Rule.NOTHING_MORE,
        "no pattern",
    ),
    ("a code is gone", lambda d: d["codes"].pop("TIMEOUT"), Rule.CODE_STAYS, "TIMEOUT"),
    ("retry turned round", lambda d: d["codes"]["TIMEOUT"].update(retryable=False), Rule.CODE_STAYS, "TIMEOUT"),
]

ALLOWED: list[tuple[str, Change]] = [
    ("nothing", lambda d: None),
    ("a new event", lambda d: d["events"].update({"kiosk.vision.waved": d["events"][GAZE]})),
    ("a new command", lambda d: d["commands"].update({"kiosk.agent.menu.find": d["commands"][SEARCH]})),
    ("a new alias", lambda d: d["commands"][SEARCH]["aliases"].append("kiosk.agent.menu.find")),
    ("a new hearer", lambda d: d["events"][TAP]["heard_by"].append("voice")),
    ("a new asker", lambda d: d["commands"][SEARCH]["asked_by"].append("voice")),
    ("a new component", lambda d: d["ui_components"].update(Banner={"type": "object"})),
    ("a new code", lambda d: d["codes"].update(OVEN_COLD={"retryable": True})),
    ("an optional field in a request", lambda d: add(ask(d), "shop", {"type": "string", "default": ""})),
    ("an optional field in an answer", lambda d: add(answer(d), "shop", {"type": "string", "default": ""})),
    ("an optional field in an event", lambda d: add(event(d), "shop", {"type": "string", "default": ""})),
    (
        "an optional field deep inside",
        lambda d: add(field(event(d), "entities"), "size", {"type": "string", "default": ""}),
    ),
    (
        "a value more in a request",
        lambda d: field(ask(d, "kiosk.agent.hardware.led"), "pattern")["enum"].append("spin"),
    ),
    ("a wider limit in a request", lambda d: field(ask(d), "limit").update(maximum=1000)),
    ("no limit in a request", lambda d: field(ask(d), "limit").pop("maximum")),
    ("any number in a request", lambda d: field(ask(d), "limit").update(type="number")),
    (
        "a further type in a request",
        lambda d: ask(d)["properties"].update(query={"anyOf": [field(ask(d), "query"), {"type": "null"}]}),
    ),
    ("a needed field of a request becomes optional", lambda d: ask(d)["required"].remove("query")),
    ("anything at all in a request", lambda d: ask(d)["properties"].update(query={})),
]


@pytest.mark.parametrize(("change", "rule", "words"), [pytest.param(*rest, id=name) for name, *rest in BROKEN])
def test_a_break_is_found_with_its_field_and_rule(change: Change, rule: Rule, words: str) -> None:
    later = copy.deepcopy(NOW)
    change(later)
    found = breaks(NOW, later)
    assert rule in {each.rule for each in found}
    assert any(words in str(each) and str(rule) in str(each) for each in found), [str(each) for each in found]


@pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in ALLOWED])
def test_an_allowed_change_passes(change: Change) -> None:
    later = copy.deepcopy(NOW)
    change(later)
    assert [str(each) for each in breaks(NOW, later)] == []


def test_every_rule_has_a_break_and_a_line_on_the_page() -> None:
    assert {rule for _, _, rule, _ in BROKEN} == set(Rule)
    text = VERSIONS_PAGE.read_text(encoding="utf-8")
    for rule in Rule:
        assert f"| {rule} |" in text


def test_words_for_people_are_no_promise() -> None:
    assert '"description": "' not in str(NOW).replace("'", '"')
    # ... but fields of those names are.
    assert "title" in NOW["ui_components"]["HeroItem"]["properties"]
    assert "description" in answer(NOW, "kiosk.agent.menu.details")["properties"]["item"]["properties"]


def test_two_kinds_of_object_in_one_field_are_both_compared() -> None:
    before, later = copy.deepcopy(NOW), copy.deepcopy(NOW)
    for drawn in (before, later):
        sort = {"type": "object", "properties": {"size": {"type": "string"}}, "required": []}
        add(ask(drawn), "sort", {"anyOf": [sort, {"type": "object", "properties": {}, "required": []}]})
    field(ask(later), "sort")["anyOf"][0]["properties"].clear()
    assert [each.rule for each in breaks(before, later)] == [Rule.FIELD_STAYS]


def test_a_default_keeps_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    inner = msgspec.defstruct("Inner", [("title", str, "no title"), ("description", str, "none")], frozen=True)
    outer = msgspec.defstruct("Outer", [("inner", inner, inner())], bases=(Payload,), frozen=True, kw_only=True)
    monkeypatch.setattr(versions, "COMPONENTS", {"Outer": outer})
    drawn = released()["ui_components"]["Outer"]["properties"]["inner"]
    assert drawn["default"] == {"title": "no title", "description": "none"}
    assert set(drawn["properties"]) == {"title", "description"}
