"""The contract as a page that people read: Markdown, drawn from the table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from edge.contract import examples
from edge.contract.asyncapi import PARTIES, stream_of, summary_of
from edge.contract.dead import DeadCommand
from edge.contract.envelope import DEADLINE, REPLY_TO, VERSION
from edge.contract.refusals import MEANINGS, codes_of
from edge.contract.schema import COMPONENTS, ENVELOPE, REFUSAL, Schema, fields_of, whole
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, STREAMS
from edge.contract.subjects import COMMANDS, DEAD, EVENTS, Command, Event
from edge.contract.wire import Payload

_SECOND = 1_000_000_000  # in nanoseconds


def page() -> str:
    """The whole page."""
    parts = [
        _HEAD.format(version=VERSION),
        _picture(),
        _ENVELOPE.format(
            example=_json(examples.enveloped(examples.EVENTS["kiosk.vision.person_left"])),
            fields=_fields(ENVELOPE),
        ),
        _ASKING.format(reply_to=REPLY_TO, deadline=DEADLINE, stream=COMMANDS_STREAM["name"]),
        "## Subjects\n\n" + _contents(),
        "## Events\n\n" + "\n\n".join(_event(event) for event in EVENTS),
        "### What the page shows\n\n"
        "`kiosk.ui.update` lists components; a page ignores types it doesn't know. `data` by `type`:\n\n"
        + "\n\n".join(_component(name, kind) for name, kind in COMPONENTS.items()),
        "## Commands\n\n" + "\n\n".join(_command(command) for command in COMMANDS),
        _refusals(),
        _streams(),
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


_HEAD = """# What is said on the bus (contract {version})

This page is drawn from the table in `edge/contract/subjects.py` by `kiosk contract write`; don't edit it.
Beside it:

| | |
|---|---|
| [asyncapi.json](asyncapi.json) | the same as an AsyncAPI 3.0 document, for tools |
| [streams/](streams) | streams and consumers, as `nats stream add --config` and `consumer add` take them |
| [permissions.json](permissions.json) | what each user of the bus may publish and subscribe to |
| [versions.md](versions.md) | what may change within {version}, and what may not |
| [{version}/messages.json]({version}/messages.json) | what {version} promises, for the test that holds it |

Try it with the `nats` command line on a running kiosk (`make run`):

```bash
nats sub "kiosk.>"
nats pub kiosk.vision.person_detected '{{"msg_id":"test","payload":{{"event":"person_detected"}}}}'
nats req kiosk.agent.menu.search '{{"payload":{{"command":"search","query":"burger"}}}}'
nats micro ls
```
"""

_ENVELOPE = """## The envelope

Every message, event, request or answer, is this JSON object:

```json
{example}
```

{fields}

A sender gives every field. A reader needs only `payload`: examples and foreign tools may leave out the rest. Fields
that a reader doesn't know are ignored, in the envelope as in a payload."""

_ASKING = """## Asking

There are two ways to ask; by either, one instance of the agent carries the command out:

| | live | durable |
|---|---|---|
| how | a plain NATS request: `nats req`, `nc.request()` | a publish with headers; our client does it |
| headers | none | `{reply_to}`: the asker's inbox; `{deadline}`: Unix time in ms |
| answered to | the request's reply subject | the inbox in `{reply_to}` |
| taken from | the agent's micro service | the agent's consumer on `{stream}` |
| the agent dies meanwhile | no answer; ask again | delivered again, up to `max_deliver` times |
| past the deadline | no deadline | not carried out; kept in KIOSK_DEAD |

An answer is the command's own or a [refusal](#refusals). Either has `status`."""


def _picture() -> str:
    """Who talks to whom, as a Mermaid flowchart: events as lines, commands as thick ones."""
    lines = ["```mermaid", "flowchart LR"]
    lines += [f"  {party}[{party}]" for party in PARTIES]
    told: dict[tuple[str, str], list[str]] = {}
    everyone = []
    for event in EVENTS:
        if len(event.heard_by) > len(PARTIES) / 2:
            everyone.append(event)
            continue
        for hearer in event.heard_by:
            told.setdefault((event.said_by, hearer), []).append(event.name)
    lines += [f'  {speaker} -- "{"<br>".join(names)}" --> {hearer}' for (speaker, hearer), names in told.items()]
    asked: dict[tuple[str, str], list[str]] = {}
    for command in COMMANDS:
        for asker in command.asked_by:
            asked.setdefault((asker, command.done_by), []).append(command.subject.rsplit(".", 1)[-1])
    lines += [f'  {asker} == "{"<br>".join(names)}" ==> {agent}' for (asker, agent), names in asked.items()]
    lines.append("```")
    words = "Thin arrows are events, thick ones commands."
    if everyone:
        said = " and ".join(f"`{event.subject}`" for event in everyone)
        words += f" Not drawn: every agent hears {said}, from {everyone[0].said_by}."
    return "## Who talks to whom\n\n" + "\n".join(lines) + f"\n\n{words}"


def _contents() -> str:
    rows = [
        (f"[`{event.subject}`](#{_anchor(event.subject)})", event.said_by, ", ".join(event.heard_by))
        for event in EVENTS
    ]
    events = _table(("event", "said by", "heard by"), rows)
    asked = [
        (
            f"[`{command.subject}`](#{_anchor(command.subject)})",
            ", ".join(command.asked_by),
            command.done_by,
            f"{command.timeout_s:g} s",
        )
        for command in COMMANDS
    ]
    return events + "\n\n" + _table(("command", "asked by", "done by", "within"), asked)


def _event(event: Event[Any]) -> str:
    return "\n\n".join(
        [
            f"### {event.subject}",
            _words(event.payload),
            f"Said by **{event.said_by}**, heard by **{', '.join(event.heard_by)}**; "
            f"kept in {stream_of(event.subject)}"
            + (f", read there by **{', '.join(event.read_by)}**." if event.read_by else "."),
            _fields(whole(event.payload)),
            _example(examples.EVENTS.get(event.subject)),
        ]
    )


def _command(command: Command[Any, Any]) -> str:
    consumer = CONSUMERS[command.done_by]
    tries = consumer["max_deliver"]
    times = "never delivered again" if tries == 1 else f"delivered up to {tries} times"
    also = f" Also as {', '.join(f'`{alias}`' for alias in command.aliases)}." if command.aliases else ""
    return "\n\n".join(
        [
            f"### {command.subject}",
            _words(command.request) + also,
            f"Asked by **{', '.join(command.asked_by)}**, done by **{command.done_by}** within "
            f"**{command.timeout_s:g} s**; asked durably it is {times}.",
            _fields(whole(command.request)),
            _example(examples.ASKS.get(command.subject)),
            f"Answer: {_words(command.reply)}",
            _fields(whole(command.reply)),
            _example(examples.ANSWERS.get(command.subject)),
            "Refusals: " + ", ".join(f"`{code}`" for code in codes_of(command)) + ".",
        ]
    )


def _component(name: str, kind: type[Payload]) -> str:
    return f"#### {name}\n\n{_words(kind)}\n\n{_fields(whole(kind))}"


def _refusals() -> str:
    rows = [(f"`{code}`", words, "yes" if code.retryable else "no") for code, words in MEANINGS.items()]
    return "\n\n".join(
        [
            "## Refusals",
            "What any agent answers when it can't do as asked (section 8.1):",
            _example(examples.REFUSAL),
            _fields(REFUSAL),
            _table(("code", "meaning", "ask again?"), rows),
        ]
    )


def _streams() -> str:
    rows = [
        (
            f"`{stream['name']}`",
            ", ".join(f"`{subject}`" for subject in stream["subjects"]),
            str(stream["retention"]),
            _duration(stream["max_age"]),
            f"{stream['max_msgs']:,} messages" if "max_msgs" in stream else "",
            str(stream["storage"]),
        )
        for stream in STREAMS
    ]
    consumers = [
        (
            agent,
            f"`{consumer['durable_name']}`",
            ", ".join(f"`{subject}`" for subject in consumer["filter_subjects"]),
            str(consumer["max_deliver"]),
            _duration(consumer["ack_wait"]),
        )
        for agent, consumer in CONSUMERS.items()
    ]
    return "\n\n".join(
        [
            "## Streams and consumers",
            _table(("stream", "subjects", "retention", "kept for", "at most", "storage"), rows),
            _table(("agent", "consumer", "takes", "deliveries", "acknowledged within"), consumers),
            f"### {DEAD}",
            _words(DeadCommand),
            _fields(whole(DeadCommand)),
        ]
    )


# -- pieces ----------------------------------------------------------------------------------------------------


def _words(kind: type[Payload]) -> str:
    text = (kind.__doc__ or "").strip()
    rest = " ".join(text.split()).removeprefix(summary_of(kind)).strip()
    return f"{summary_of(kind)} {rest}".strip()


def _fields(schema: Schema) -> str:
    rows = [
        (
            f"`{path}`",
            _kind(field),
            "yes" if needed else _default(field),
            " ".join(str(field.get("description", "")).split()),
        )
        for path, field, needed in fields_of(schema)
    ]
    return _table(("field", "type", "needed", "what it is"), rows)


def _kind(field: Schema) -> str:
    """A field's type and limits in words."""
    if "anyOf" in field:
        return " or ".join(_kind(part) for part in field["anyOf"])
    if "enum" in field:
        return " / ".join(f"`{value}`" for value in field["enum"])
    name = str(field.get("type", "anything"))
    if name == "array":
        return f"list of {_plural(_kind(field['items']))}" + (", not empty" if field.get("minItems") == 1 else "")
    return name + _limits(field)


def _plural(kind: str) -> str:
    return kind if "`" in kind or " " in kind else kind + "s"


def _limits(field: Schema) -> str:
    said = []
    low, high, under = field.get("minimum"), field.get("maximum"), field.get("exclusiveMaximum")
    if low is not None and high is not None:
        said.append(f"{low:g} to {high:g}" if high < 1_000_000 else f"{low} to {high}")
    elif low is not None:
        said.append(f"at least {low:g}")
    if under is not None:
        said.append(f"under {under:,}")
    if "maxLength" in field:
        said.append(f"{field.get('minLength', 0)} to {field['maxLength']} characters")
    if field.get("format") == "uuid":
        said.append("UUID v4")
    elif field.get("format"):
        said.append(str(field["format"]))
    elif "pattern" in field:
        said.append(f"`{field['pattern']}`")
    return f" ({', '.join(said)})" if said else ""


def _default(field: Schema) -> str:
    if "default" not in field or isinstance(field["default"], dict):
        return "no"
    return f"no: `{json.dumps(field['default'])}`"


def _example(payload: dict[str, Any] | None) -> str:
    return "" if payload is None else f"```json\n{_json({'payload': payload})}\n```"


def _json(value: Any, indent: int = 0) -> str:
    """`value` as JSON: what is short on one line, what isn't on several."""
    line = json.dumps(value, ensure_ascii=False)
    deep = isinstance(value, dict) and any(isinstance(each, dict | list) and each for each in value.values())
    if not isinstance(value, dict | list) or not value or (len(line) + indent <= 100 and not (deep and indent == 0)):
        return line
    inside = " " * (indent + 2)
    if isinstance(value, dict):
        rows = [f"{inside}{json.dumps(name)}: {_json(each, indent + 2)}" for name, each in value.items()]
        return "{\n" + ",\n".join(rows) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(inside + _json(each, indent + 2) for each in value) + "\n" + " " * indent + "]"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _anchor(subject: str) -> str:
    """The anchor that Markdown viewers give a heading: no full stops."""
    return subject.replace(".", "")


def _duration(nanoseconds: int) -> str:
    seconds = nanoseconds // _SECOND
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size and seconds % size == 0:
            return f"{seconds // size} {name}"
    return f"{seconds} s"
