"""Streams and consumers, read back from real servers as JSON, against the specification's own words."""

from __future__ import annotations

import json
from typing import Any

import nats
import pytest
from nats.aio.client import Client as NatsClient
from nats.js.api import RetentionPolicy, StorageType

from edge.bus import Client, EmbeddedServer, NATSAgentBase
from edge.bus.connection import SetupRefused
from edge.bus.streams import ensure_consumer, ensure_streams, stream_config
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, EVENTS_STREAM, STREAMS

# Sections 4.1, 4.2 and 9.2 of the specification, copied by hand so that a slip in the contract shows.
# replicas is num_replicas in the server's JSON.
SPECIFIED_STREAMS: dict[str, dict[str, Any]] = {
    "KIOSK_EVENTS": {
        "subjects": ["kiosk.vision.>", "kiosk.voice.>", "kiosk.input.>", "kiosk.session.>", "kiosk.ui.>"],
        "retention": "limits",
        "max_age": 86_400_000_000_000,
        "max_msgs": 100_000,
        "storage": "file",
        "num_replicas": 1,
    },
    "KIOSK_COMMANDS": {
        "subjects": ["kiosk.agent.>", "kiosk.hardware.>"],
        "retention": "workqueue",
        "max_age": 300_000_000_000,
        "storage": "memory",
        "num_replicas": 1,
        "no_ack": True,
    },
}
SPECIFIED_CONSUMERS: dict[str, dict[str, Any]] = {
    "menu": {"durable_name": "menu-agent-consumer", "max_deliver": 3, "ack_wait": 5_000_000_000},
    "payment": {"durable_name": "payment-agent-consumer", "max_deliver": 1, "ack_wait": 30_000_000_000},
    "recsys": {"durable_name": "recsys-agent-consumer", "max_deliver": 3, "ack_wait": 5_000_000_000},
    "hardware": {"durable_name": "hardware-agent-consumer", "max_deliver": 3, "ack_wait": 5_000_000_000},
}


async def read_back(nc: NatsClient, what: str) -> dict[str, Any]:
    """What the server itself says, not a library's reading of it."""
    answer = json.loads((await nc.request(f"$JS.API.{what}", b"", timeout=5)).data)
    assert "error" not in answer, answer
    config = answer["config"]
    assert isinstance(config, dict)
    return config


class Idle(NATSAgentBase):
    """Answers nothing."""

    name = "menu"


async def test_settings_read_back_as_specified(each_server: EmbeddedServer) -> None:
    client = Client(each_server.url)
    await client.connect(wait_s=10, setup=True)
    for agent in CONSUMERS:
        await ensure_consumer(client.js, agent)
    for name, wanted in SPECIFIED_STREAMS.items():
        found = await read_back(client.nc, f"STREAM.INFO.{name}")
        assert {key: found.get(key) for key in wanted} == wanted
    for agent, wanted in SPECIFIED_CONSUMERS.items():
        found = await read_back(client.nc, f"CONSUMER.INFO.KIOSK_COMMANDS.{wanted['durable_name']}")
        assert {key: found.get(key) for key in wanted} == wanted
        assert (found["deliver_policy"], found["ack_policy"]) == ("all", "explicit")
        subjects = found.get("filter_subjects") or [found["filter_subject"]]
        assert f"kiosk.agent.{agent}.>" in subjects
        assert ("kiosk.hardware.>" in subjects) == (agent == "hardware")
    await client.close()


async def test_making_them_again_changes_nothing(bus: Client, caplog: pytest.LogCaptureFixture) -> None:
    before = [await read_back(bus.nc, f"STREAM.INFO.{stream['name']}") for stream in STREAMS]
    await ensure_streams(bus.js)
    assert [await read_back(bus.nc, f"STREAM.INFO.{stream['name']}") for stream in STREAMS] == before
    for agent in (*CONSUMERS, *CONSUMERS):
        await ensure_consumer(bus.js, agent)
    assert "drifted" not in caplog.text


async def test_drift_is_brought_up_to_date(each_server: EmbeddedServer, caplog: pytest.LogCaptureFixture) -> None:
    nc = await nats.connect(each_server.url)
    js = nc.jetstream()
    drifted = stream_config(EVENTS_STREAM)
    drifted.max_msgs = 7
    drifted.subjects = ["kiosk.vision.>"]
    await js.add_stream(drifted)
    drifted_commands = stream_config(COMMANDS_STREAM)
    drifted_commands.no_ack = False
    await js.add_stream(drifted_commands)
    await ensure_streams(js)
    await ensure_consumer(js, "menu")
    found = await read_back(nc, "STREAM.INFO.KIOSK_EVENTS")
    assert (found["max_msgs"], len(found["subjects"])) == (100_000, 5)
    assert (await read_back(nc, "STREAM.INFO.KIOSK_COMMANDS"))["no_ack"] is True
    assert "max_msgs is 7, wanted 100000" in caplog.text

    info = await js.consumer_info("KIOSK_COMMANDS", "menu-agent-consumer")
    info.config.max_deliver = 9
    await js.add_consumer("KIOSK_COMMANDS", info.config)
    await ensure_consumer(js, "menu")
    found = await read_back(nc, "CONSUMER.INFO.KIOSK_COMMANDS.menu-agent-consumer")
    assert found["max_deliver"] == 3
    await nc.close()


async def test_what_the_server_refuses_is_a_clear_error(each_server: EmbeddedServer) -> None:
    nc = await nats.connect(each_server.url)
    js = nc.jetstream()
    wrong = stream_config(COMMANDS_STREAM)
    wrong.retention = RetentionPolicy.LIMITS
    wrong.storage = StorageType.FILE
    await js.add_stream(wrong)
    with pytest.raises(SetupRefused, match="stream KIOSK_COMMANDS"):
        await ensure_streams(js)
    with pytest.raises(SetupRefused, match="KIOSK_COMMANDS"):
        await Idle(each_server.url).connect()
    await nc.close()


async def test_a_foreign_stream_on_our_subjects_is_a_clear_error(nats_server: EmbeddedServer) -> None:
    nc = await nats.connect(nats_server.url)
    await nc.jetstream().add_stream(name="SOMEONE_ELSES", subjects=["kiosk.>"])
    with pytest.raises(SetupRefused, match="stream KIOSK_EVENTS"):
        await ensure_streams(nc.jetstream())
    await nc.close()
