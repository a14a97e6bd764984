"""The contract as an AsyncAPI 3.0 document, drawn from the table.

A channel is a subject and has its name. Operations are named by who does what: `vision_says_...`,
`orchestrator_hears_...`, `orchestrator_asks_...`, `menu_does_...`; what ends in `_live` is a command asked
without headers (decision 2). JSON rather than YAML: every AsyncAPI tool takes it, no dependency is needed to
write it, and docs/contract/README.md is the page for people.
"""

from __future__ import annotations

from typing import Any

from edge.contract import examples
from edge.contract.dead import DeadCommand
from edge.contract.envelope import DEADLINE, REPLY_TO, VERSION
from edge.contract.permissions import OPERATOR
from edge.contract.refusals import MEANINGS, codes_of
from edge.contract.schema import COMPONENTS, ENVELOPE, REFUSAL, Schema, payload_types, schemas_of
from edge.contract.streams import CONSUMERS, DEAD_STREAM, STREAMS
from edge.contract.subjects import COMMANDS, DEAD, EVENTS, FRONTEND, Command, Event
from edge.contract.wire import Payload

MSG_ID = "Nats-Msg-Id"

PARTIES = {
    "vision": "Sees who stands before the kiosk.",
    "voice": "Hears what is said.",
    "menu": "Knows the menu.",
    "recsys": "Knows what goes well with a cart.",
    "payment": "Takes the money.",
    "hardware": "Owns the peripherals.",
    "orchestrator": "Leads a customer through the order.",
    FRONTEND: "The page on the kiosk's screen.",
    "monitor": "Tells a keeper whether the kiosk is well.",
    OPERATOR: "Whoever tends the kiosk: the `kiosk` command, a rollout.",
}

_SCHEMAS = "#/components/schemas/"
_DEAD_CHANNEL = DEAD.partition(".{")[0]
_DURABLE_HEADERS: Schema = {
    "type": "object",
    "properties": {
        REPLY_TO: {
            "type": "string",
            "description": "an inbox of the asker's: the answer goes there, for JetStream keeps no reply subject",
        },
        DEADLINE: {
            "type": "string",
            "pattern": "^[0-9]+( [0-9a-f-]+:[0-9]+)?$",
            "description": (
                "Unix time in ms; past it the command is not carried out any more. An asker on the kiosk adds the same "
                "moment as BOOT_ID:ms since boot, which no clock jump moves"
            ),
        },
    },
    "required": [REPLY_TO, DEADLINE],
}
_EVENT_HEADERS: Schema = {
    "type": "object",
    "properties": {MSG_ID: {"type": "string", "description": "the msg_id: of two with the same one is kept"}},
}


def asyncapi() -> dict[str, Any]:
    """The document, ready to be written as JSON."""
    names, schemas = schemas_of(payload_types(), _SCHEMAS)
    schemas = {"Envelope": ENVELOPE, "Refusal": REFUSAL} | schemas
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {
        "refusal": _message(
            "Refusal",
            "An agent can't do as asked (section 8.1).",
            "Refusal",
            examples.REFUSAL,
            **{"x-error-codes": {str(code): _code(code) for code in MEANINGS}},
        )
    }
    for event in EVENTS:
        _add_event(event, names[event.payload], channels, operations, messages)
    for command in COMMANDS:
        _add_command(command, names, channels, operations, messages)
    _add_dead(names[DeadCommand], channels, messages)
    return {
        "asyncapi": "3.0.0",
        "id": "urn:kiosk-edge:bus",
        "info": {
            "title": "kiosk-edge: the bus",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": name, "description": words} for name, words in PARTIES.items()],
        },
        "defaultContentType": "application/json",
        "servers": {
            "kiosk": {
                "host": "localhost:4222",
                "protocol": "nats",
                "description": (
                    "The kiosk's own nats-server (2.10 or newer) with JetStream. As shipped it listens on loopback "
                    "without keys; with `kiosk bus keys` each agent signs in with an nkey of its own."
                ),
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "schemas": schemas,
            "messages": messages,
            "correlationIds": {
                "trace": {
                    "location": "$message.payload#/trace_id",
                    "description": "the same in everything that one event led to",
                }
            },
        },
        "x-ui-components": {
            "description": "What `data` of a component in kiosk.ui.update is, by the component's `type`.",
            **{name: {"$ref": _SCHEMAS + names[kind]} for name, kind in COMPONENTS.items()},
        },
    }


_DESCRIPTION = """What is said on a kiosk's bus, by whom, to whom.

Events are published to KIOSK_EVENTS, which acknowledges each once it is on the disk. Commands are asked in one of
two ways; each is carried out once, whichever way it is asked:

- **Live**: a plain NATS request. The answer comes to the request's reply subject. Any NATS client asks like this.
- **Durable**: a publish with the headers `Kiosk-Reply-To` and `Kiosk-Deadline`. The agent takes it from its work
  queue, answers to the inbox that the header names, then acknowledges. It outlives an agent that restarts, and is
  never carried out past its deadline.
"""


def key(subject: str) -> str:
    """A subject's part of the names in the document: `kiosk.agent.menu.search` is `menu_search`."""
    words = subject.removeprefix("kiosk.").removeprefix("agent.").split(".")
    return "_".join(words)


def stream_of(subject: str) -> str:
    """The name of the stream that keeps what is said on `subject`."""
    return next(
        str(stream["name"])
        for stream in STREAMS
        if any(subject.startswith(pattern.removesuffix(">")) for pattern in stream["subjects"])
    )


def summary_of(kind: type[Payload]) -> str:
    """The first paragraph of what `kind` says of itself."""
    return " ".join((kind.__doc__ or "").strip().partition("\n\n")[0].split())


def _code(code: Any) -> dict[str, Any]:
    return {"meaning": MEANINGS[code], "retryable": code.retryable}


def _message(title: str, summary: str, schema: str, example: dict[str, Any] | None, **more: Any) -> dict[str, Any]:
    message = {
        "name": title,
        "title": title,
        "summary": summary,
        "contentType": "application/json",
        "correlationId": {"$ref": "#/components/correlationIds/trace"},
        "payload": {
            "allOf": [
                {"$ref": f"{_SCHEMAS}Envelope"},
                {"type": "object", "properties": {"payload": {"$ref": _SCHEMAS + schema}}},
            ]
        },
        **more,
    }
    if example is not None:
        message["examples"] = [{"name": title, "payload": examples.enveloped(example)}]
    return message


def _tags(*parties: str) -> list[dict[str, str]]:
    return [{"name": party} for party in dict.fromkeys(parties)]


def _channel(subject: str, summary: str, **messages: str) -> dict[str, Any]:
    return {
        "address": subject,
        "summary": summary,
        "messages": {name: {"$ref": f"#/components/messages/{target}"} for name, target in messages.items()},
        "x-stream": stream_of(subject),
    }


def _operation(action: str, channel: str, message: str, party: str, summary: str, **more: Any) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{message}"}],
        "summary": summary,
        "tags": _tags(party),
        **more,
    }


def _add_event(
    event: Event[Any], schema: str, channels: dict[str, Any], operations: dict[str, Any], messages: dict[str, Any]
) -> None:
    name, summary = key(event.subject), summary_of(event.payload)
    messages[name] = _message(event.name, summary, schema, examples.EVENTS.get(event.subject), headers=_EVENT_HEADERS)
    channels[event.subject] = _channel(event.subject, summary, event=name)
    operations[f"{event.said_by}_says_{name}"] = _operation(
        "send", event.subject, "event", event.said_by, f"{event.said_by} says it"
    )
    for party in event.heard_by:
        operations[f"{party}_hears_{name}"] = _operation("receive", event.subject, "event", party, f"{party} hears it")


def _add_command(
    command: Command[Any, Any],
    names: dict[type[Payload], str],
    channels: dict[str, Any],
    operations: dict[str, Any],
    messages: dict[str, Any],
) -> None:
    name, summary = key(command.subject), summary_of(command.request)
    ask, answer = examples.ASKS.get(command.subject), examples.ANSWERS.get(command.subject)
    messages[f"{name}_ask"] = _message(f"{name}_ask", summary, names[command.request], ask, headers=_DURABLE_HEADERS)
    messages[f"{name}_ask_live"] = _message(f"{name}_ask_live", summary, names[command.request], ask)
    messages[f"{name}_answer"] = _message(f"{name}_answer", summary_of(command.reply), names[command.reply], answer)
    reply_channel = f"reply_{name}"
    channels[reply_channel] = {
        "address": None,
        "summary": f"The inbox to which {command.done_by} answers {command.subject}.",
        "messages": {
            "answer": {"$ref": f"#/components/messages/{name}_answer"},
            "refusal": {"$ref": "#/components/messages/refusal"},
        },
    }
    reply = {
        "channel": {"$ref": f"#/channels/{reply_channel}"},
        "messages": [{"$ref": f"#/channels/{reply_channel}/messages/{each}"} for each in ("answer", "refusal")],
    }
    to_header = {"address": {"location": f"$message.header#/{REPLY_TO}", "description": "the asker's inbox"}} | reply
    more = {
        "x-timeout-s": command.timeout_s,
        "x-error-codes": [str(code) for code in codes_of(command)],
    }
    consumer = CONSUMERS[command.done_by]
    for number, subject in enumerate(command.subjects):
        channels[subject] = _channel(
            subject,
            summary if number == 0 else f"Another name of {command.subject}.",
            ask=f"{name}_ask",
            ask_live=f"{name}_ask_live",
        )
        where = key(subject) if number == 0 else f"{key(subject)}_alias"
        if number == 0:
            for party in command.asked_by:
                operations[f"{party}_asks_{where}"] = _operation(
                    "send", subject, "ask", party, "asks durably", reply=to_header, **more
                )
                operations[f"{party}_asks_{where}_live"] = _operation(
                    "send", subject, "ask_live", party, "asks with a plain NATS request", reply=reply, **more
                )
        operations[f"{command.done_by}_does_{where}"] = _operation(
            "receive",
            subject,
            "ask",
            command.done_by,
            f"takes it from its work queue ({consumer['durable_name']})",
            reply=to_header,
            **_queue(consumer["deliver_group"]),
            **more,
        )
        operations[f"{command.done_by}_does_{where}_live"] = _operation(
            "receive",
            subject,
            "ask_live",
            command.done_by,
            "answers to the request's reply subject, as a NATS micro service",
            reply=reply,
            **_queue(command.done_by),
            **more,
        )


def _queue(group: str) -> dict[str, Any]:
    return {"bindings": {"nats": {"queue": group, "bindingVersion": "0.1.0"}}}


def _add_dead(schema: str, channels: dict[str, Any], messages: dict[str, Any]) -> None:
    summary = "A durable command that nobody will carry out any more."
    messages["dead_command"] = _message("command_died", summary, schema, None, headers=_EVENT_HEADERS)
    channels[_DEAD_CHANNEL] = {
        "address": DEAD,
        "summary": summary,
        "description": "`kiosk bus dead` lists them and can ask them again.",
        "parameters": {"agent": {"enum": list(CONSUMERS), "description": "who should have carried it out"}},
        "messages": {"record": {"$ref": "#/components/messages/dead_command"}},
        "x-stream": DEAD_STREAM["name"],
    }
