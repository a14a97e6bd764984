"""Every user on every subject of the bus, published to and subscribed to, on the real servers.

What is expected is written here beside each subject, from the table, and not taken from edge.contract.permissions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import nkeys  # type: ignore[import-untyped]  # it carries no type information
import pytest

from edge.bus import EmbeddedServer
from edge.bus.keys import key_path, make_keys, read_seed
from edge.bus.server import PageAccess
from edge.contract.accounts import accounts
from edge.contract.fleet import InFleet
from edge.contract.streams import CONSUMERS, STREAMS
from edge.contract.subjects import AGENTS, COMMANDS, EVENTS
from tests.conftest import server_2_10

from .wire import Wire, over_tcp, over_websocket

ORIGIN = "http://127.0.0.1:18080"
PAGE, MONITOR, OPERATOR = "frontend", "monitor", "operator"
EVERYONE = {*AGENTS, PAGE, MONITOR, OPERATOR}
EVENT_STREAM, COMMAND_STREAM, DEAD_STREAM = "KIOSK_EVENTS", "KIOSK_COMMANDS", "KIOSK_DEAD"
OBSERVER_SEED = nkeys.encode_seed(b"an observer who may do all of it", nkeys.PREFIX_BYTE_USER).decode()


@dataclass(frozen=True)
class Case:
    """A subject, and who may publish and subscribe to it; all others must be refused."""

    subject: str
    publish: frozenset[str] = frozenset()
    subscribe: frozenset[str] = frozenset()
    queue: str = ""

    @property
    def subscription(self) -> str:
        return f"{self.subject} {self.queue}".strip()


def case(subject: str, publish: set[str] | None = None, subscribe: set[str] | None = None, queue: str = "") -> Case:
    return Case(subject, frozenset(publish or ()), frozenset(subscribe or ()), queue)


def spoken() -> Iterator[Case]:
    """The table's own subjects, and such as it doesn't have."""
    for event in EVENTS:
        yield case(event.subject, {event.said_by, OPERATOR}, {*event.heard_by, OPERATOR})
    for command in COMMANDS:
        for subject in command.subjects:
            yield case(subject, {*command.asked_by, OPERATOR}, {command.done_by, OPERATOR})
    for agent in AGENTS:
        works = {agent} & set(CONSUMERS)
        yield case(f"kiosk.agent.{agent}.nothing", {OPERATOR}, works | {OPERATOR})
        yield case(f"kiosk.dead.{agent}", works | {MONITOR, OPERATOR}, {OPERATOR})
    yield case("kiosk.hardware.nothing", {OPERATOR}, {"hardware", OPERATOR})
    for domain in ("vision", "voice", "input", "session", "ui", "nothing"):
        yield case(f"kiosk.{domain}.nothing", {OPERATOR}, {OPERATOR})


def answered() -> Iterator[Case]:
    """Inboxes: who answers somebody durably may say so there, and nobody else may listen."""
    for user in (*AGENTS, MONITOR, OPERATOR):
        answering = {command.done_by for command in COMMANDS if user in command.asked_by}
        if user == OPERATOR:
            answering = set(CONSUMERS)
        yield case(f"_INBOX.{user}.abc.1", {user, *answering}, {user})
    yield case("_INBOX.page.abc.1", set(), {PAGE})
    yield case("_INBOX.frontend.abc.1")
    yield case("_INBOX.stranger.abc.1")
    for agent in AGENTS:
        asking = {asker for command in COMMANDS if command.done_by == agent for asker in command.asked_by}
        yield case(f"$SRV.PING.{agent}", {*asking, MONITOR, OPERATOR}, {agent})
        yield case(f"$SRV.PING.{agent}.1", {MONITOR, OPERATOR}, {agent})
        for verb in ("INFO", "STATS"):
            yield case(f"$SRV.{verb}.{agent}", {MONITOR, OPERATOR}, {agent})
            yield case(f"$SRV.{verb}.{agent}.1", {MONITOR, OPERATOR}, {agent})
    for verb in ("PING", "INFO", "STATS"):
        yield case(f"$SRV.{verb}", {MONITOR, OPERATOR}, set(AGENTS))
    yield case("$SRV.PING.stranger", {MONITOR, OPERATOR})


def queued() -> Iterator[Case]:
    """The work queues: deliveries, acknowledgements, and what asks about a consumer or changes it."""
    for agent, wanted in CONSUMERS.items():
        name, subject = wanted["durable_name"], wanted["deliver_subject"]
        yield case(subject)
        yield case(subject, subscribe={agent}, queue=agent)
        yield case(subject, queue="stranger")
        yield case(f"$JS.ACK.{COMMAND_STREAM}.{name}.1.1.1.1.1", {agent})
        yield case(f"$JS.ACK._.abc.{COMMAND_STREAM}.{name}.1.1.1.1.1.x", {agent})
        yield case(f"$JS.API.CONSUMER.INFO.{COMMAND_STREAM}.{name}", {agent, MONITOR, OPERATOR})
        for verb, who in (("CREATE", set[str]()), ("DURABLE.CREATE", {MONITOR}), ("DELETE", {MONITOR})):
            yield case(f"$JS.API.CONSUMER.{verb}.{COMMAND_STREAM}.{name}", who)
        for filtered in wanted["filter_subjects"]:
            yield case(f"$JS.API.CONSUMER.CREATE.{COMMAND_STREAM}.{name}.{filtered.replace('>', 'x')}")
        yield case(f"$JS.API.CONSUMER.MSG.NEXT.{COMMAND_STREAM}.{name}")
        yield case(f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{COMMAND_STREAM}.{name}", set(), {MONITOR})
    yield case(f"$JS.ACK.{DEAD_STREAM}.undertaker.1.1.1.1.1", {MONITOR})
    yield case(f"$JS.API.CONSUMER.MSG.NEXT.{DEAD_STREAM}.undertaker", {MONITOR, OPERATOR})
    for verb, who in (("INFO", {MONITOR, OPERATOR}), ("DURABLE.CREATE", {MONITOR}), ("DELETE", {MONITOR, OPERATOR})):
        yield case(f"$JS.API.CONSUMER.{verb}.{DEAD_STREAM}.undertaker", who)


def kept() -> Iterator[Case]:
    """JetStream's own interface to the streams."""
    may: dict[str, dict[str, set[str]]] = {
        "STREAM.INFO": {
            EVENT_STREAM: EVERYONE - {PAGE},
            COMMAND_STREAM: EVERYONE - {PAGE},
            DEAD_STREAM: {MONITOR, OPERATOR},
        },
        "STREAM.CREATE": {EVENT_STREAM: {MONITOR}, COMMAND_STREAM: {MONITOR}, DEAD_STREAM: {MONITOR}},
        "STREAM.UPDATE": {EVENT_STREAM: {MONITOR}, COMMAND_STREAM: {MONITOR}, DEAD_STREAM: {MONITOR}},
        "STREAM.MSG.GET": {
            EVENT_STREAM: {OPERATOR},
            COMMAND_STREAM: {MONITOR, OPERATOR},
            DEAD_STREAM: {OPERATOR},
        },
        "STREAM.MSG.DELETE": {COMMAND_STREAM: {MONITOR}, DEAD_STREAM: {MONITOR, OPERATOR}},
        "CONSUMER.CREATE": {EVENT_STREAM: {OPERATOR}, DEAD_STREAM: {OPERATOR}},
        "DIRECT.GET": {EVENT_STREAM: {"menu", "payment", "recsys"}},
    }
    never = (
        *("STREAM.DELETE", "STREAM.PURGE", "STREAM.SNAPSHOT", "STREAM.RESTORE", "STREAM.LEADER.STEPDOWN"),
        *("CONSUMER.NAMES", "CONSUMER.LIST"),
    )
    for stream in (str(each["name"]) for each in STREAMS):
        for verb in (*may, *never):
            yield case(f"$JS.API.{verb}.{stream}", may.get(verb, {}).get(stream, set()))
        read_back = {OPERATOR} if stream != COMMAND_STREAM else set()
        yield case(f"$JS.API.DIRECT.GET.{stream}.kiosk.ui.update", {PAGE} if stream == EVENT_STREAM else set())
        yield case(f"$JS.API.DIRECT.GET.{stream}.kiosk.session.started")
        yield case(f"$JS.API.CONSUMER.CREATE.{stream}.own", read_back)
        yield case(f"$JS.API.CONSUMER.CREATE.{stream}.own.kiosk.ui.update", read_back)
        yield case(f"$JS.API.CONSUMER.CREATE.{stream}.own.kiosk.session.started", read_back)
        yield case(f"$JS.API.CONSUMER.DURABLE.CREATE.{stream}.own")
        for verb in ("INFO", "MSG.NEXT", "DELETE"):
            yield case(f"$JS.API.CONSUMER.{verb}.{stream}.own", read_back)
        yield case(f"$JS.FC.{stream}.own.1", read_back)
    yield case("$JS.API.INFO", {MONITOR, OPERATOR})
    yield case("$JS.API.STREAM.NAMES", {OPERATOR})
    for subject in ("STREAM.LIST", "STREAM.CREATE.OTHER", "STREAM.INFO.OTHER", "ACCOUNT.PURGE.KIOSK", "META.X"):
        yield case(f"$JS.API.{subject}")
    for subject in ("REQ.SERVER.PING", "REQ.USER.INFO", "ACCOUNT.KIOSK.CONNECT", "REQ.ACCOUNT.PING.CONNZ"):
        yield case(f"$SYS.{subject}")


MATRIX = (*spoken(), *answered(), *queued(), *kept())
# Subscriptions to more than one may hear, which a server could let through in part.
GREEDY = {
    **dict.fromkeys(
        (">", "*", "*.>", "_INBOX.>", "_INBOX.*.>", "$JS.>", "$JS.ACK.>", "$JS.API.>", "$SYS.>", "$SRV.>", "deliver.>"),
        frozenset[str](),
    ),
    "kiosk.>": frozenset({OPERATOR}),
    "kiosk.*.*": frozenset({OPERATOR}),
    "kiosk.agent.>": frozenset({OPERATOR}),
    "kiosk.session.>": frozenset({OPERATOR}),
    "kiosk.input.>": frozenset({OPERATOR}),
    **{f"_INBOX.{user}.>": frozenset({user}) for user in (*AGENTS, MONITOR, OPERATOR)},
    "_INBOX.page.>": frozenset({PAGE}),
}


@dataclass
class Bus:
    """A server that wants keys, everybody on it, and an observer who may do all of it."""

    users: dict[str, Wire]
    observer: Wire


@pytest.fixture(params=["newest", "2.10"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bus]:
    made = make_keys(tmp_path / "keys")
    observer = nkeys.from_seed(bytearray(OBSERVER_SEED.encode())).public_key.decode()

    def with_observer(keys: dict[str, str] | None, member: InFleet | None) -> str:
        return accounts(keys, member).replace('"users": [', f'"users": [ {{ nkey: {observer} }},', 1)

    monkeypatch.setattr("edge.bus.server.accounts", with_observer)
    async with AsyncExitStack() as leaving:
        server = EmbeddedServer(
            tmp_path / "nats",
            page=PageAccess(ORIGIN),
            public_keys={each.user: each.public for each in made},
            program=server_2_10() if request.param == "2.10" else None,
        )
        await leaving.enter_async_context(server)
        users = {
            each.user: await leaving.enter_async_context(
                over_tcp(server.url, read_seed(key_path(tmp_path / "keys", each.user)))
            )
            for each in made
        }
        users[PAGE] = await leaving.enter_async_context(over_websocket(server.websocket_url, ORIGIN))
        yield Bus(users, await leaving.enter_async_context(over_tcp(server.url, OBSERVER_SEED)))


def test_the_matrix_has_everyone_and_enough() -> None:
    assert {user for each in MATRIX for user in each.publish | each.subscribe} == EVERYONE
    subjects = {each.subject for each in MATRIX}
    assert {event.subject for event in EVENTS} <= subjects
    assert {subject for command in COMMANDS for subject in command.subjects} <= subjects
    allowed = sum(len(each.publish) + len(each.subscribe) for each in MATRIX)
    pairs = 2 * len(MATRIX) * len(EVERYONE)
    assert allowed > 200, "of what is allowed"
    assert pairs - allowed > 3000, "of what is refused"


async def test_every_forbidden_publish_is_refused_and_every_allowed_one_arrives(bus: Bus) -> None:
    subjects = list(dict.fromkeys(each.subject for each in MATRIX))
    allowed = {each.subject: each.publish for each in MATRIX if not each.queue}
    await bus.observer.subscribe({"1": ">"})
    for user, wire in bus.users.items():
        bus.observer.heard.clear()
        await wire.publish(*subjects)
        await bus.observer.settle()
        mine = {subject for subject in subjects if user in allowed[subject]}
        refused = {subject for kind, subject in wire.refused if kind == "Publish"}
        assert refused == set(subjects) - mine, user
        # Beside it JetStream and the server say things of their own, on other subjects.
        assert {subject for _, subject in bus.observer.heard} & set(subjects) == mine, user


async def test_every_forbidden_subscription_is_refused_and_every_allowed_one_hears(bus: Bus) -> None:
    subscriptions = {str(number): each for number, each in enumerate(MATRIX, start=1)}
    for user, wire in bus.users.items():
        await wire.subscribe({number: each.subscription for number, each in subscriptions.items()})
        refused = {what for kind, what in wire.refused if kind == "Subscription"}
        assert refused == {each.subscription for each in MATRIX if user not in each.subscribe}, user
    await bus.observer.publish(*dict.fromkeys(each.subject for each in MATRIX))
    assert bus.observer.refused == set()
    for user, wire in bus.users.items():
        await wire.settle()
        heard = {number for number, _ in wire.heard}
        reached = {number for number, each in subscriptions.items() if user in each.subscribe}
        if user == PAGE:  # its inbox lies in its own account: nothing that an agent says gets there
            reached -= {number for number, each in subscriptions.items() if each.subject.startswith("_INBOX.")}
        assert heard == reached, user


async def test_nobody_hears_more_by_asking_for_more(bus: Bus) -> None:
    for user, wire in bus.users.items():
        await wire.subscribe({str(number): subject for number, subject in enumerate(GREEDY, start=1)})
        refused = {subject for kind, subject in wire.refused if kind == "Subscription"}
        assert refused == {subject for subject, who in GREEDY.items() if user not in who}, user
