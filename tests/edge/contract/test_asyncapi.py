"""The AsyncAPI document: valid by AsyncAPI's own word, complete, and true."""

from __future__ import annotations

import asyncio
import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from edge.agents.menu.agent import MenuAgent
from edge.agents.menu.catalogue import Menu
from edge.bus import Client, EmbeddedServer
from edge.bus import deadline as bus_headers
from edge.contract import examples
from edge.contract.asyncapi import PARTIES, asyncapi, key
from edge.contract.envelope import DEADLINE, REPLY_TO
from edge.contract.errors import ErrorCode
from edge.contract.permissions import MONITOR, OPERATOR
from edge.contract.refusals import BY_AGENT, BY_ANY_AGENT, BY_THE_CLIENT, MEANINGS
from edge.contract.streams import CONSUMERS
from edge.contract.subjects import AGENTS, COMMANDS, EVENTS, FRONTEND, MENU_SEARCH

from . import test_examples as specification
from .conftest import skip_or_fail

AGENT_SOURCES = Path(__file__).resolve().parents[3] / "edge" / "agents"
DOCUMENT = asyncapi()

Tool = Callable[[str], Path]


def faults_by_schema(tool: Tool, document: dict[str, Any]) -> list[str]:
    schema = json.loads(tool("asyncapi_schema").read_text(encoding="utf-8"))
    return [
        f"{error.json_path}: {error.message[:200]}"
        for error in jsonschema.Draft7Validator(schema).iter_errors(document)
    ]


def faults_by_parser(tool: Tool, document: dict[str, Any]) -> list[str]:
    node = shutil.which("node")
    if node is None:
        skip_or_fail("no node to run AsyncAPI's parser")
    done = subprocess.run(
        [str(node), str(Path(__file__).with_name("parse_asyncapi.cjs")), str(tool("asyncapi_parser"))],
        input=json.dumps(document),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    # 3.1.0 is out; we write 3.0, as the tools around us do.
    faults = [fault for fault in said["faults"] if fault["code"] != "asyncapi-latest-version"]
    assert said["parsed"] or faults
    return [f"{'.'.join(map(str, fault['path']))}: {fault['message']}" for fault in faults]


def spoil(name: str) -> dict[str, Any]:
    """The document with a fault."""
    document = copy.deepcopy(DOCUMENT)
    operation = document["operations"]["orchestrator_asks_menu_search"]
    match name:
        case "action":
            operation["action"] = "shout"
        case "reply address":
            operation["reply"]["address"]["location"] = "the asker"
        case "info":
            del document["info"]["version"]
        case "message":
            document["components"]["messages"]["refusal"]["pyload"] = {}
    return document


SPOILT = ("action", "reply address", "info", "message")


@pytest.mark.timeout(600)  # the first time, a download
def test_it_is_valid_by_asyncapis_schema(asyncapi_tool: Tool) -> None:
    assert faults_by_schema(asyncapi_tool, DOCUMENT) == []


@pytest.mark.timeout(600)  # the first time, a download
@pytest.mark.parametrize("fault", SPOILT)
def test_the_schema_finds_a_fault(asyncapi_tool: Tool, fault: str) -> None:
    assert faults_by_schema(asyncapi_tool, spoil(fault))


@pytest.mark.timeout(600)  # the first time, a download
def test_the_official_parser_takes_it(asyncapi_tool: Tool) -> None:
    assert faults_by_parser(asyncapi_tool, DOCUMENT) == []


@pytest.mark.timeout(600)  # the first time, a download
def test_the_official_parser_finds_a_fault(asyncapi_tool: Tool) -> None:
    assert faults_by_parser(asyncapi_tool, spoil("action"))
    dangling = copy.deepcopy(DOCUMENT)
    del dangling["components"]["messages"]["menu_search_answer"]
    assert faults_by_parser(asyncapi_tool, dangling)


# -- complete ----------------------------------------------------------------------------------------------------


def operation(name: str) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["operations"][name]
    return found


def test_every_subject_is_a_channel() -> None:
    subjects = {event.subject for event in EVENTS} | {subject for command in COMMANDS for subject in command.subjects}
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}
    assert subjects <= addresses
    assert addresses - subjects == {None, "kiosk.dead.{agent}"}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.subject)
def test_an_events_speaker_and_hearers(event: Any) -> None:
    said = operation(f"{event.said_by}_says_{key(event.subject)}")
    assert (said["action"], said["channel"]["$ref"]) == ("send", f"#/channels/{event.subject}")
    hearers = {
        name.partition("_hears_")[0] for name in DOCUMENT["operations"] if name.endswith(f"_hears_{key(event.subject)}")
    }
    assert hearers == set(event.heard_by)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.subject)
def test_both_ways_to_ask_a_command(command: Any) -> None:
    for party, does in [(asker, "asks") for asker in command.asked_by] + [(command.done_by, "does")]:
        durable = operation(f"{party}_{does}_{key(command.subject)}")
        assert durable["action"] == ("send" if does == "asks" else "receive")
        assert durable["reply"]["address"]["location"] == "$message.header#/Kiosk-Reply-To"
        live = operation(f"{party}_{does}_{key(command.subject)}_live")
        assert "address" not in live["reply"]
        for asked in (durable, live):
            assert len(asked["reply"]["messages"]) == 2
            assert asked["x-timeout-s"] == command.timeout_s
            assert set(asked["x-error-codes"]) <= set(ErrorCode)
    headers = DOCUMENT["components"]["messages"][f"{key(command.subject)}_ask"]["headers"]
    assert headers["required"] == ["Kiosk-Reply-To", "Kiosk-Deadline"]
    assert "headers" not in DOCUMENT["components"]["messages"][f"{key(command.subject)}_ask_live"]


def test_every_party_is_named() -> None:
    assert set(PARTIES) == {*AGENTS, FRONTEND, MONITOR, OPERATOR}
    assert {tag["name"] for each in DOCUMENT["operations"].values() for tag in each["tags"]} <= set(PARTIES)


def test_every_example_is_what_its_schema_says() -> None:
    count = 0
    for name, message in DOCUMENT["components"]["messages"].items():
        whole = {"$ref": f"#/components/messages/{name}/payload", "components": DOCUMENT["components"]}
        validator = jsonschema.Draft7Validator(whole, format_checker=jsonschema.FormatChecker())
        for example in message.get("examples", []):
            validator.validate(example["payload"])
            assert not validator.is_valid(example["payload"] | {"msg_id": "test"})
            assert not validator.is_valid(example["payload"] | {"payload": {"status": 7}})
            count += 1
    assert count == len(EVENTS) + 3 * len(COMMANDS) + 1


# -- true --------------------------------------------------------------------------------------------------------


def test_the_examples_are_the_specifications() -> None:
    card = {
        "reader": examples.EVENTS["kiosk.input.card_tap"]["reader"],
        "card": examples.EVENTS["kiosk.input.card_tap"]["card"],
    }
    expected = copy.deepcopy(specification.EVENTS)
    expected["kiosk.input.card_tap"] |= card  # ours
    assert expected == examples.EVENTS
    assert set(examples.ASKS) == set(specification.REQUESTS)
    for subject, ask in specification.REQUESTS.items():
        # The specification's total isn't the sum of its items; its receipt says "[...]" for them.
        ours = ("total", "items") if "total" in ask else ()
        assert {n: v for n, v in ask.items() if n not in ours} == {
            n: v for n, v in examples.ASKS[subject].items() if n not in ours
        }
    for subject, answer in specification.REPLIES.items():
        assert examples.ANSWERS[subject].keys() == answer.keys()


def test_an_orders_example_adds_up() -> None:
    for ask in (ask for ask in examples.ASKS.values() if "total" in ask):
        cents = sum(item["qty"] * round(item["price"] * 100) for item in ask["items"])
        assert cents == round(ask["total"] * 100)


def test_the_headers_are_the_buss() -> None:
    headers = DOCUMENT["components"]["messages"]["menu_search_ask"]["headers"]
    validator = jsonschema.Draft7Validator(headers)
    validator.validate({REPLY_TO: "_INBOX.me.1", DEADLINE: str(bus_headers.Deadline.within(2))})
    validator.validate({REPLY_TO: "_INBOX.me.1", DEADLINE: "1767357296789"})
    assert not validator.is_valid({REPLY_TO: "_INBOX.me.1", DEADLINE: "in two seconds"})
    assert not validator.is_valid({DEADLINE: "1767357296789"})


async def test_the_queue_groups_are_the_agents(nats_server: EmbeddedServer, bus: Client) -> None:
    agent = MenuAgent(nats_server.url, Menu.load())
    await agent.connect()
    try:
        info = json.loads((await asyncio.wait_for(bus.nc.request("$SRV.INFO.menu", b""), 10)).data)
        groups = {endpoint["subject"]: endpoint["queue_group"] for endpoint in info["endpoints"]}
        live = operation("menu_does_menu_search_live")["bindings"]["nats"]["queue"]
        assert groups[MENU_SEARCH.subject] == live
        consumer = await bus.js.consumer_info("KIOSK_COMMANDS", CONSUMERS["menu"]["durable_name"])
        assert consumer.config.deliver_group == operation("menu_does_menu_search")["bindings"]["nats"]["queue"]
    finally:
        await agent.close()


def test_every_code_has_a_meaning() -> None:
    assert set(MEANINGS) == set(ErrorCode)
    known = DOCUMENT["components"]["messages"]["refusal"]["x-error-codes"]
    assert {code: each["retryable"] for code, each in known.items()} == {str(c): c.retryable for c in ErrorCode}


@pytest.mark.parametrize("agent", BY_AGENT)
def test_an_agents_codes_are_those_in_its_source(agent: str) -> None:
    package = AGENT_SOURCES / agent
    files = package.glob("*.py") if package.is_dir() else [AGENT_SOURCES / f"{agent}.py"]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    pattern = r"AskError\(\s*ErrorCode\.([A-Z_]+)" if agent == "orchestrator" else r"ErrorCode\.([A-Z_]+)"
    named = {ErrorCode(name) for name in re.findall(pattern, text)}  # the orchestrator reads others' codes, too
    assert named - {*BY_ANY_AGENT, *BY_THE_CLIENT} == set(BY_AGENT[agent]) - {*BY_ANY_AGENT, *BY_THE_CLIENT}
