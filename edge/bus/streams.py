"""Making the streams of section 4 and the consumers of section 9, and keeping them as the contract says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from edge.bus.connection import BusUnreachable, SetupRefused
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, EVENTS_STREAM, STREAMS

log = logging.getLogger(__name__)

_NANO = 1_000_000_000
_LOOK_AGAIN_S = 0.25
_LOOKS = 4  # at a stream that others may be making
_DURATIONS = ("max_age", "ack_wait")  # nats-py keeps these in seconds and writes nanoseconds


def stream_config(wanted: dict[str, Any]) -> StreamConfig:
    """A stream of the contract as nats-py takes it."""
    fields = _in_seconds(wanted)
    fields["retention"] = RetentionPolicy(fields["retention"])
    fields["storage"] = StorageType(fields["storage"])
    fields["num_replicas"] = fields.pop("replicas")
    return StreamConfig(**fields)


def consumer_config(wanted: dict[str, Any]) -> ConsumerConfig:
    """A consumer of the contract as nats-py takes it."""
    fields = _in_seconds(wanted)
    fields["deliver_policy"] = DeliverPolicy(fields["deliver_policy"])
    fields["ack_policy"] = AckPolicy(fields["ack_policy"])
    if len(fields["filter_subjects"]) == 1:
        fields["filter_subject"] = fields.pop("filter_subjects")[0]
    return ConsumerConfig(**fields)


def _named(wanted: dict[str, Any]) -> list[str]:
    """The contract's settings by nats-py's names."""
    single = len(wanted.get("filter_subjects", ())) == 1
    renamed = {"replicas": "num_replicas"} | ({"filter_subjects": "filter_subject"} if single else {})
    return [renamed.get(name, name) for name in wanted]


def _in_seconds(wanted: dict[str, Any]) -> dict[str, Any]:
    return {name: value / _NANO if name in _DURATIONS else value for name, value in wanted.items()}


def drift(
    named: Iterable[str], wanted: StreamConfig | ConsumerConfig, found: StreamConfig | ConsumerConfig
) -> dict[str, tuple[Any, Any]]:
    """Of the settings that the contract names, those the server has otherwise: name -> (wanted, found)."""
    differing = {}
    for name in named:
        value, has = getattr(wanted, name), getattr(found, name)
        if isinstance(value, list) and isinstance(has, list):
            value, has = sorted(value), sorted(has)
        if value != has:
            differing[name] = (value, has)
    return differing


async def ensure_streams(js: JetStreamContext) -> None:
    """Make each stream that is missing, and bring each that drifted up to date.

    Raises:
        SetupRefused: the server refuses; the text names the stream and the setting.
        BusUnreachable: JetStream does not answer.
    """
    for wanted in STREAMS:
        config = stream_config(wanted)
        try:
            found = await _found_or_made(js, config)
            if found is None:
                continue
            differing = drift(_named(wanted), config, found)
            if differing:
                log.warning("stream %s drifted: %s; bringing it up to date", config.name, _in_words(differing))
                for name, (value, _) in differing.items():
                    setattr(found, name, value)
                await js.update_stream(found)
        except ServiceUnavailableError as error:
            raise BusUnreachable("the NATS server has no JetStream: start it with nats-server.conf") from error
        except APIError as error:
            raise _refused(f"stream {config.name}", error) from error
        except TimeoutError as error:
            raise BusUnreachable("JetStream does not answer") from error


async def _found_or_made(js: JetStreamContext, config: StreamConfig) -> StreamConfig | None:
    """The stream's configuration on the server; None when it was missing and is made now.

    Agents that start together make it together. While one is at it, the server refuses the others: for what it
    reserves is counted already, 900 MB of 1 GB for KIOSK_EVENTS, so that there seems to be no room for it.
    """
    looks_left = _LOOKS
    while True:
        try:
            return (await js.stream_info(str(config.name))).config
        except NotFoundError:
            pass
        try:
            await js.add_stream(config)
        except APIError:
            looks_left -= 1
            if not looks_left:
                raise
            await asyncio.sleep(_LOOK_AGAIN_S)
        else:
            log.info("made stream %s", config.name)
            return None


async def ensure_consumer(js: JetStreamContext, agent: str) -> ConsumerConfig | None:
    """Make `agent`'s work-queue consumer, or bring it up to date; None for an agent that answers nothing.

    Raises:
        SetupRefused, BusUnreachable: as for `ensure_streams`.
    """
    wanted = CONSUMERS.get(agent)
    if wanted is None:
        return None
    config = consumer_config(wanted)
    stream = COMMANDS_STREAM["name"]
    try:
        try:
            found = (await js.consumer_info(stream, wanted["durable_name"])).config
        except NotFoundError:
            await js.add_consumer(stream, config)
            log.info("made consumer %s", wanted["durable_name"])
            return config
        if bool(found.deliver_subject) != bool(config.deliver_subject):
            # The server can't turn a pulled consumer into a pushed one. What it had given out comes again.
            log.warning("consumer %s was a pulled one; making it anew", wanted["durable_name"])
            await js.delete_consumer(stream, wanted["durable_name"])
            await js.add_consumer(stream, config)
            return config
        differing = drift(_named(wanted), config, found)
        if differing:
            log.warning(
                "consumer %s drifted: %s; bringing it up to date",
                wanted["durable_name"],
                _in_words(differing),
            )
            await js.add_consumer(stream, config)  # on an existing durable this is an update
    except ServiceUnavailableError as error:
        raise BusUnreachable("the NATS server has no JetStream: start it with nats-server.conf") from error
    except APIError as error:
        raise _refused(f"consumer {wanted['durable_name']}", error) from error
    except TimeoutError as error:
        raise BusUnreachable("JetStream does not answer") from error
    return config


async def wait_for_streams(js: JetStreamContext, agent: str) -> None:
    """Return once the streams and `agent`'s consumer are there: with keys, it is the monitor that makes them."""
    said = False
    while True:
        missing = ""
        try:
            for wanted in (EVENTS_STREAM, COMMANDS_STREAM):
                missing = f"stream {wanted['name']}"
                await js.stream_info(wanted["name"])
            if agent in CONSUMERS:
                missing = f"consumer {CONSUMERS[agent]['durable_name']}"
                await js.consumer_info(COMMANDS_STREAM["name"], CONSUMERS[agent]["durable_name"])
        except (NotFoundError, ServiceUnavailableError, TimeoutError):
            if not said:
                log.warning("%s: waiting for the monitor to make %s", agent, missing)
                said = True
            await asyncio.sleep(_LOOK_AGAIN_S)
        else:
            return


def _in_words(differing: dict[str, tuple[Any, Any]]) -> str:
    return ", ".join(f"{name} is {found!r}, wanted {value!r}" for name, (value, found) in differing.items())


def _refused(what: str, error: APIError) -> SetupRefused:
    return SetupRefused(
        f"the server refuses {what} as the contract wants it: {error.description} (code {error.err_code}). "
        "Delete it, or point the kiosk at its own server; deleting a stream deletes what it holds."
    )
