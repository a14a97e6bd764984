"""Who is on the bus."""

from __future__ import annotations

import asyncio
import json

import pytest
from nats.aio.msg import Msg
from nats.micro import add_service

from edge.bus import BusError, Client, EmbeddedServer, NATSAgentBase
from edge.bus.discovery import agents_on, running_agents
from edge.contract.subjects import AGENTS


class Menu(NATSAgentBase):
    """A menu agent that answers nothing."""

    name = "menu"


async def test_nobody_is_told_at_once(bus: Client) -> None:
    began_s = asyncio.get_running_loop().time()
    found = await agents_on(bus, listen_s=30)
    assert {name: state.presence for name, state in found.items()} == dict.fromkeys(AGENTS, "down")
    assert asyncio.get_running_loop().time() - began_s < 30


async def test_each_instance_is_found_with_its_version_and_counts(nats_server: EmbeddedServer, bus: Client) -> None:
    agents = [Menu(nats_server.url), Menu(nats_server.url), Menu(nats_server.url)]
    for agent in agents:
        await agent.connect()
    found = (await agents_on(bus, listen_s=30))["menu"]
    assert found.presence == "up"
    assert {each.version for each in found.instances} == {"1.0.0"}
    assert {each.latency.instance for each in found.instances if each.latency} == {
        agent.client.latency.instance for agent in agents
    }
    assert (await running_agents(bus))["menu"] == 3
    for agent in agents:
        await agent.close()


async def test_a_subscribed_agent_that_does_not_answer_is_silent(bus: Client) -> None:
    async def say_nothing(_: Msg) -> None: ...

    await bus.nc.subscribe("$SRV.STATS.payment", cb=say_nothing)
    await bus.settle()
    found = await agents_on(bus, listen_s=0.3)
    assert found["payment"].presence == "silent"
    assert found["menu"].presence == "down"


async def test_who_is_slow_is_waited_for(bus: Client) -> None:
    """One answers at once; another says that it is there, and how it is 0.3 s later."""
    later = asyncio.get_running_loop().call_later
    answering: set[asyncio.Task[None]] = set()

    def answer(number: str, **more: object) -> bytes:
        return json.dumps({"name": "menu", "id": number, "version": "1.0.0"} | more).encode()

    async def on_ping(msg: Msg) -> None:
        await msg.respond(answer("slow"))

    async def on_stats(msg: Msg) -> None:
        def respond() -> None:
            answering.add(asyncio.create_task(msg.respond(answer("slow", started="then", endpoints=[]))))

        later(0.3, respond)

    await bus.nc.subscribe("$SRV.PING", cb=on_ping)
    await bus.nc.subscribe("$SRV.STATS.menu", cb=on_stats)
    await bus.settle()
    (slow,) = (await agents_on(bus, listen_s=30))["menu"].instances
    assert slow.started == "then"

    async def on_stats_of_another(msg: Msg) -> None:
        await msg.respond(answer("quick", endpoints=[]))

    await bus.nc.subscribe("$SRV.STATS.menu", cb=on_stats_of_another)
    await bus.settle()
    both = (await agents_on(bus, listen_s=30))["menu"].instances
    assert {each.id: each.started for each in both} == {"slow": "then", "quick": ""}


async def test_who_does_not_ping_is_waited_for(bus: Client) -> None:
    answering: set[asyncio.Task[None]] = set()

    async def on_stats(msg: Msg) -> None:
        def respond() -> None:
            said = {"name": "menu", "id": "late", "version": "1.0.0", "endpoints": []}
            answering.add(asyncio.create_task(msg.respond(json.dumps(said).encode())))

        asyncio.get_running_loop().call_later(0.3, respond)

    await bus.nc.subscribe("$SRV.STATS.menu", cb=on_stats)
    await bus.settle()
    assert [each.id for each in (await agents_on(bus, listen_s=30))["menu"].instances] == ["late"]


async def test_who_dies_with_the_question_in_its_hands_is_down(nats_server: EmbeddedServer, bus: Client) -> None:
    dying = Client(nats_server.url)
    await dying.connect(wait_s=10)

    async def die(_: Msg) -> None:
        await dying.nc.close()

    await dying.nc.subscribe("$SRV.STATS.menu", cb=die)
    await dying.settle()
    assert (await agents_on(bus, listen_s=30))["menu"].presence == "down"


async def test_other_micro_services_are_shown_without_counts(bus: Client) -> None:
    service = await add_service(bus.nc, name="weather", version="2.3.4")
    found = await agents_on(bus, listen_s=30)
    assert found["weather"].presence == "up"
    assert [(each.version, each.latency) for each in found["weather"].instances] == [("2.3.4", None)]
    await service.stop()


async def test_nonsense_is_no_agent(bus: Client) -> None:
    async def babble(msg: Msg) -> None:
        for data in (b"", b"{", b"[]", b'"menu"', b"{}", json.dumps({"name": "menu"}).encode()):
            await msg.respond(data)

    await bus.nc.subscribe("$SRV.PING", cb=babble)
    await bus.nc.subscribe("$SRV.STATS.menu", cb=babble)
    await bus.settle()
    found = await agents_on(bus, listen_s=0.3)
    assert set(found) == set(AGENTS)
    assert found["menu"].presence == "silent"


async def test_a_service_with_another_reckoning_is_up_without_counts(bus: Client) -> None:
    service = await add_service(
        bus.nc, name="menu", version="9.0.0", stats_handler=lambda _: {"instance": "x", "edges_ms": [1], "series": []}
    )

    async def handle(_: object) -> None: ...

    await service.add_endpoint(name="latency", subject="somewhere", handler=handle)
    (instance,) = (await agents_on(bus, listen_s=30))["menu"].instances
    assert (instance.version, instance.latency) == ("9.0.0", None)
    await service.stop()


async def test_a_server_that_went_away_is_said(nats_server: EmbeddedServer, bus: Client) -> None:
    await nats_server.kill()
    with pytest.raises(BusError, match="went away"):
        await agents_on(bus, listen_s=0.5)
