"""A bus that wants keys: who is let in, and what neighbours can and can't do to each other."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.bus import BusUnreachable, Client, EmbeddedServer, NATSAgentBase, does
from edge.bus.connection import SignInRefused
from edge.bus.history import read_back, recorded
from edge.bus.keys import key_path, make_keys, read_seed
from edge.bus.server import PageAccess
from edge.bus.streams import ensure_consumer
from edge.contract.errors import AskError, ErrorCode
from edge.contract.hardware import Done, SetLed
from edge.contract.menu import Search, SearchResult
from edge.contract.streams import CONSUMERS
from edge.contract.subjects import CARD_TAP, MENU_SEARCH, PERSON_DETECTED, SESSION_STARTED, SET_LED, TOUCH, UI_UPDATE
from edge.contract.ui import UiUpdate
from edge.contract.vision import PersonDetected
from tests.conftest import server_2_10

from .wire import over_tcp, over_websocket

ORIGIN = "http://127.0.0.1:18080"
LED = SetLed(pattern="pulse", color="#00ff00", duration_ms=100)


@dataclass
class Kiosk:
    """A server that wants keys, and the folder with everyone's."""

    server: EmbeddedServer
    keys: Path

    def key(self, user: str) -> Path:
        return key_path(self.keys, user)

    def client(self, user: str) -> Client:
        return Client(self.server.url, name=user, key_file=self.key(user))


def publics(folder: Path, *replace: str) -> dict[str, str]:
    return {each.user: each.public for each in make_keys(folder, replace=replace)}


@pytest.fixture(params=["newest", "2.10"])
async def kiosk(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kiosk]:
    """With the streams made, as the monitor does."""
    keys = tmp_path / "keys"
    program = server_2_10() if request.param == "2.10" else None
    async with EmbeddedServer(
        tmp_path / "nats", page=PageAccess(ORIGIN), public_keys=publics(keys), program=program
    ) as server:
        kiosk = Kiosk(server, keys)
        monitor = kiosk.client("monitor")
        await monitor.connect(wait_s=10, setup=True)
        for agent in CONSUMERS:
            await ensure_consumer(monitor.js, agent)
        await monitor.close()
        yield kiosk


@contextlib.asynccontextmanager
async def on(kiosk: Kiosk, user: str) -> AsyncIterator[Client]:
    """`user`, connected."""
    client = kiosk.client(user)
    await client.connect(wait_s=10)
    try:
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def at_work(kiosk: Kiosk, kind: type[NATSAgentBase]) -> AsyncIterator[None]:
    agent = kind(kiosk.server.url)
    agent.client.key_file = kiosk.key(agent.name)
    async with asyncio.timeout(10):
        await agent.connect()
    try:
        yield
    finally:
        await agent.close()


class Menu(NATSAgentBase):
    name = "menu"

    @does(MENU_SEARCH)
    async def search(self, ask: Search) -> SearchResult:
        return SearchResult(items=[])


class Hardware(NATSAgentBase):
    name = "hardware"

    @does(SET_LED)
    async def set_led(self, ask: SetLed) -> Done:
        return Done()


# -- signing in ------------------------------------------------------------------------------------------------


async def test_a_key_that_the_server_does_not_know_is_a_clear_error_at_once(kiosk: Kiosk, tmp_path: Path) -> None:
    publics(tmp_path / "other")
    client = Client(kiosk.server.url, name="menu", key_file=key_path(tmp_path / "other", "menu"))
    with pytest.raises(SignInRefused, match=r"refuses menu's key .*menu\.nk: the server doesn't know it"):
        await client.connect()  # without wait_s it would wait for ever for a server


async def test_no_key_is_a_clear_error_at_once(kiosk: Kiosk) -> None:
    with pytest.raises(SignInRefused, match=r"wants a key of menu: say where the keys are"):
        await Client(kiosk.server.url, name="menu").connect()


async def test_a_damaged_key_is_a_clear_error_before_anything_is_sent(kiosk: Kiosk) -> None:
    kiosk.key("menu").write_text("SU", encoding="ascii")
    with pytest.raises(SignInRefused, match=r"menu\.nk is damaged"):
        await kiosk.client("menu").connect()


async def test_a_server_that_is_not_there_is_still_waited_for(kiosk: Kiosk) -> None:
    await kiosk.server.stop()
    with pytest.raises(BusUnreachable, match="no NATS server answers"):
        await kiosk.client("menu").connect(wait_s=0.5)
    connecting = asyncio.create_task((client := kiosk.client("menu")).connect())
    await kiosk.server.start()
    async with asyncio.timeout(10):
        await connecting
    await client.close()


async def test_a_key_that_is_taken_back_is_said_aloud(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.bus.connection.RECONNECT_WAIT_S", 0.05)
    said = asyncio.Event()

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "refuses menu's key" in record.getMessage():
                said.set()

    ear = Ear(logging.ERROR)
    logging.getLogger("edge.bus.connection").addHandler(ear)
    keys = tmp_path / "keys"
    try:
        async with EmbeddedServer(tmp_path / "nats", public_keys=publics(keys)) as first:
            client = Client(first.url, name="menu", key_file=key_path(keys, "menu"))
            await client.connect(wait_s=10)
            port = int(first.url.rsplit(":", 1)[1])
            await first.stop()
            async with EmbeddedServer(tmp_path / "nats", port=port, public_keys=publics(keys, "menu")):
                async with asyncio.timeout(15):
                    await said.wait()
                await client.close()
    finally:
        logging.getLogger("edge.bus.connection").removeHandler(ear)


# -- at work ---------------------------------------------------------------------------------------------------


async def test_signed_in_agents_answer_durable_and_live_and_say_their_events(
    kiosk: Kiosk, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        at_work(kiosk, Menu),
        at_work(kiosk, Hardware),
        on(kiosk, "orchestrator") as orchestrator,
        on(kiosk, "operator") as operator,
        on(kiosk, "vision") as vision,
    ):
        assert await orchestrator.request(MENU_SEARCH, Search(query="burger")) == SearchResult(items=[])
        assert await orchestrator.request(SET_LED, LED) == Done()
        assert await operator.request(SET_LED, LED) == Done()
        for subject in SET_LED.subjects:
            answer = await operator.request(subject, {"command": "set_led", "pattern": "off"}, 5)
            assert answer["payload"]["status"] in {"success", "error"}
        await vision.publish(PERSON_DETECTED, PersonDetected())
        stored = [message.payload async for message in operator.stored(PERSON_DETECTED.subject)]
        assert len(stored) == 1
    assert "permissions violation" not in caplog.text.lower()


async def test_an_agent_may_not_ask_what_the_table_does_not_let_it(kiosk: Kiosk) -> None:
    async with at_work(kiosk, Hardware), on(kiosk, "menu") as menu:
        with pytest.raises(AskError) as refused:
            await menu.request(SET_LED, LED, 1)
        assert refused.value.code in {ErrorCode.TIMEOUT, ErrorCode.UNAVAILABLE}


async def test_an_agent_can_not_overhear_anothers_answers_nor_take_its_commands(kiosk: Kiosk) -> None:
    async with (
        at_work(kiosk, Hardware),
        on(kiosk, "orchestrator") as orchestrator,
        over_tcp(kiosk.server.url, read_seed(kiosk.key("menu"))) as thief,
    ):
        wanted = CONSUMERS["hardware"]
        tries = {
            "1": "_INBOX.orchestrator.>",
            "2": f"{wanted['deliver_subject']} {wanted['deliver_group']}",
            "3": wanted["deliver_subject"],
            "4": SET_LED.subject,
            "5": "kiosk.agent.hardware.> q",
        }
        await thief.subscribe(tries)
        for _ in range(20):
            assert await orchestrator.request(SET_LED, LED) == Done()
        await thief.settle()
        assert thief.refused == {("Subscription", what) for what in tries.values()}
        assert thief.heard == []


async def test_who_was_asked_may_answer_there_once_and_no_other_time(kiosk: Kiosk) -> None:
    async with (
        over_tcp(kiosk.server.url, read_seed(kiosk.key("vision"))) as vision,
        on(kiosk, "operator") as operator,
    ):
        inbox = operator.nc.new_inbox()
        answers = await operator.nc.subscribe(inbox)
        await vision.publish(inbox)
        assert vision.refused == {("Publish", inbox)}
        vision.refused.clear()
        await vision.subscribe({"1": "$SRV.PING"})
        await operator.nc.publish("$SRV.PING", b"", reply=inbox)
        await operator.settle()
        await vision.publish(inbox)
        assert vision.refused == set()
        assert (await answers.next_msg(timeout=5)).data == b"{}"
        await vision.publish(inbox)
        assert vision.refused == {("Publish", inbox)}


async def test_the_page_can_not_fake_a_card_nor_overhear_a_session(kiosk: Kiosk) -> None:
    async with (
        over_websocket(kiosk.server.websocket_url, ORIGIN) as page,
        on(kiosk, "operator") as operator,
        on(kiosk, "orchestrator") as orchestrator,
    ):
        seen = await operator.nc.subscribe("kiosk.>")
        await operator.settle()
        await page.subscribe({"1": UI_UPDATE.subject, "2": SESSION_STARTED.subject, "3": "kiosk.session.>"})
        await page.publish(CARD_TAP.subject, TOUCH.subject)
        assert page.refused == {
            ("Publish", CARD_TAP.subject),
            ("Subscription", SESSION_STARTED.subject),
            ("Subscription", "kiosk.session.>"),
        }
        assert (await seen.next_msg(timeout=5)).subject == TOUCH.subject
        await orchestrator.nc.publish(SESSION_STARTED.subject, b"{}")
        await orchestrator.nc.publish(UI_UPDATE.subject, b"{}")
        await orchestrator.settle()
        await page.settle()
        assert page.heard == [("1", UI_UPDATE.subject)]
        await seen.unsubscribe()


REPLIES = (
    "$JS.API.STREAM.PURGE.KIOSK_EVENTS",
    "$JS.API.STREAM.PURGE.KIOSK_COMMANDS",
    "$JS.API.STREAM.MSG.DELETE.KIOSK_EVENTS",
    "$JS.API.CONSUMER.DELETE.KIOSK_COMMANDS.hardware-agent-consumer",
    SET_LED.subject,
    SESSION_STARTED.subject,
    "_INBOX.orchestrator.x",
)


async def test_what_the_page_names_as_reply_subject_means_nothing_to_the_agents(kiosk: Kiosk) -> None:
    async with (
        over_websocket(kiosk.server.websocket_url, ORIGIN) as page,
        on(kiosk, "monitor") as monitor,
        over_tcp(kiosk.server.url, read_seed(kiosk.key("operator"))) as operator,
        over_tcp(kiosk.server.url, read_seed(kiosk.key("orchestrator"))) as orchestrator,
    ):
        await operator.subscribe({"1": "kiosk.>"})
        await orchestrator.subscribe({"2": "_INBOX.orchestrator.>"})
        await page.subscribe({"3": "_INBOX.page.>"})
        for reply in (*REPLIES, "_INBOX.page.x"):
            await page.say(TOUCH.subject, "{}", reply=reply)
        await page.until_heard()  # the last one's acknowledgement: they are all stored
        state = (await monitor.js.stream_info("KIOSK_EVENTS")).state
        await operator.settle()
        await orchestrator.settle()
        assert (state.messages, state.first_seq) == (len(REPLIES) + 1, 1)
        assert operator.heard == [("1", TOUCH.subject)] * (len(REPLIES) + 1)
        assert orchestrator.heard == []
        assert (await monitor.js.consumer_info("KIOSK_COMMANDS", CONSUMERS["hardware"]["durable_name"])).name


async def test_an_agent_can_not_empty_a_stream_by_a_reply_subject(kiosk: Kiosk) -> None:
    async with (
        over_tcp(kiosk.server.url, read_seed(kiosk.key("vision"))) as vision,
        on(kiosk, "monitor") as monitor,
    ):
        await vision.subscribe({"1": "_INBOX.vision.>"})
        for reply in (*REPLIES[:4], "_INBOX.vision.x"):
            await vision.say(PERSON_DETECTED.subject, "{}", reply=reply)
        await vision.until_heard()
        state = (await monitor.js.stream_info("KIOSK_EVENTS")).state
        assert (state.messages, state.first_seq) == (5, 1)
        assert (await monitor.js.consumer_info("KIOSK_COMMANDS", CONSUMERS["hardware"]["durable_name"])).name


# -- reading back ------------------------------------------------------------------------------------------------


async def test_who_learns_from_the_screens_reads_them_back_and_nobody_else_does(kiosk: Kiosk) -> None:
    async with on(kiosk, "orchestrator") as orchestrator:
        await orchestrator.publish(UI_UPDATE, UiUpdate(layout_mode="greeting"))
    for reader in UI_UPDATE.read_by:
        async with on(kiosk, reader) as client:
            assert [entry.subject async for entry in read_back(client, UI_UPDATE.subject)] == [UI_UPDATE.subject]
            with pytest.raises(BusUnreachable):
                await anext(recorded(client, subject=UI_UPDATE.subject))
    async with on(kiosk, "vision") as vision:
        with pytest.raises(BusUnreachable, match="KIOSK_EVENTS does not answer"):
            await anext(read_back(vision, UI_UPDATE.subject))
