"""docs/contract says what the table says today; and what that check is worth."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from edge.contract import asyncapi, page, schema, versions, vision
from edge.contract.documents import RELEASED, documents, stale, streams
from edge.contract.errors import ErrorCode
from edge.contract.permissions import USERS
from edge.contract.refusals import MEANINGS
from edge.contract.streams import CONSUMERS, STREAMS
from edge.contract.subjects import COMMANDS, EVENTS, PERSON_LEFT, Event
from edge.contract.versions import Rule, breaks, released
from edge.contract.wire import Payload, Seconds

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "contract"


def committed() -> dict[str, str]:
    drawn = [FOLDER / path for path in documents()]
    return {
        path.relative_to(FOLDER).as_posix(): path.read_text(encoding="utf-8")
        for path in {*drawn, *FOLDER.glob("streams/*.json")}
        if path.is_file()
    }


def promised() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / RELEASED).read_text(encoding="utf-8"))
    return found


@pytest.fixture
def altered_payload(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table as it were if someone changed a payload: person_left counts its seconds up to an hour."""
    kind = msgspec.defstruct(
        "PersonLeft",
        [
            ("event", Literal["person_left"], "person_left"),
            ("duration_seconds", Annotated[Seconds, msgspec.Meta(le=3600)]),
        ],
        bases=(Payload,),
        frozen=True,
        kw_only=True,
    )
    kind.__doc__ = vision.PersonLeft.__doc__
    changed = Event[Any](PERSON_LEFT.subject, kind, PERSON_LEFT.said_by, PERSON_LEFT.heard_by)
    table = tuple(changed if event is PERSON_LEFT else event for event in EVENTS)
    for module in (schema, asyncapi, page, versions):
        monkeypatch.setattr(module, "EVENTS", table)


def test_the_documents_are_fresh() -> None:
    wrong = stale(documents(), committed())
    assert not wrong, f"in docs/contract: {'; '.join(wrong)}. Run: kiosk contract write"


def test_the_version_keeps_its_promises() -> None:
    broken = [str(each) for each in breaks(promised(), released())]
    assert not broken, f"{'; '.join(broken)}. See docs/contract/versions.md"


@pytest.mark.usefixtures("altered_payload")
def test_a_changed_payload_makes_documents_stale_and_breaks_the_version() -> None:
    assert stale(documents(), committed()) == ["README.md is stale", "asyncapi.json is stale", f"{RELEASED} is stale"]
    (broken,) = breaks(promised(), released())
    assert broken.where == "kiosk.vision.person_left: field `duration_seconds`"
    assert (broken.words, broken.rule) == ("has maximum 3600, not none", Rule.NOTHING_LESS)


def test_a_changed_a_missing_and_a_left_over_document_are_named() -> None:
    drawn = documents()
    found = drawn | {"README.md": drawn["README.md"].replace("2 s", "3 s"), "streams/KIOSK_OLD.json": "{}"}
    del found["permissions.json"]
    assert stale(drawn, found) == [
        "README.md is stale",
        "permissions.json is missing",
        "streams/KIOSK_OLD.json is not drawn any more",
    ]
    assert stale(drawn, drawn) == []


def test_drawing_twice_gives_the_same() -> None:
    assert documents() == documents()


def test_every_stream_and_consumer_has_its_file() -> None:
    names = {stream["name"] for stream in STREAMS}
    names |= {f"KIOSK_COMMANDS.{consumer['durable_name']}" for consumer in CONSUMERS.values()}
    assert set(streams()) == names
    assert {f"streams/{name}.json" for name in names} <= set(documents())


def test_permissions_name_every_user() -> None:
    drawn = json.loads(documents()["permissions.json"])
    assert tuple(drawn) == USERS
    assert "kiosk.input.touch" in drawn["frontend"]["publish"]


def test_the_page_has_every_subject_with_its_fields_and_an_example() -> None:
    text = documents()["README.md"]
    sections = {part.partition("\n")[0]: part for part in re.split(r"^##+ ", text, flags=re.MULTILINE)[1:]}
    for event in EVENTS:
        assert f"Said by **{event.said_by}**" in sections[event.subject]
        assert '"payload": {' in sections[event.subject]
        for field in event.payload.__struct_fields__:
            assert f"| `{field}` |" in sections[event.subject]
    for command in COMMANDS:
        section = sections[command.subject]
        assert f"within **{command.timeout_s:g} s**" in section
        assert section.count('"payload": {') == 2
        for field in (*command.request.__struct_fields__, *command.reply.__struct_fields__):
            assert f"| `{field}` |" in section


def test_the_pages_links_lead_somewhere() -> None:
    text = documents()["README.md"]
    headings = [heading.lower() for heading in re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)]
    anchors = {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors
        else:
            assert (FOLDER / target).exists(), target


def test_no_cell_of_a_table_holds_a_line_end_or_a_loose_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MEANINGS, ErrorCode.TIMEOUT, "late | later")
    rows: list[list[int]] = [[]]
    text = page.page()
    assert "late \\| later" in text
    for line in text.splitlines():
        if line.startswith("|"):
            rows[-1].append(len(re.findall(r"(?<!\\)\|", line)))
            assert line.endswith("|")
        elif rows[-1]:
            rows.append([])
    assert all(len(set(table)) <= 1 for table in rows)
