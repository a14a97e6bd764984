"""The names of the ways, what each is a multiple of, and what the multiples should be."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.ratios import P50, THROUGHPUT, Target

RAW = "raw"
LIVE = "live"
LIVE_CLIENT = "live-client"
DURABLE = "durable"
FASTSTREAM = "faststream"
FASTSTREAM_WORK = "faststream-js"
RAW_PUBLISH = "raw-publish"
RAW_PUBLISH_ONCE = "raw-publish-id"
PUBLISH = "publish"

MEANING = {
    RAW: "nc.request, json both ways, a callback that answers with json",
    LIVE: "nc.request with json, answered by our agent",
    LIVE_CLIENT: "Client.request(subject, dict), answered by our agent",
    DURABLE: "Client.request(MENU_SEARCH, Search(...)), through the work queue",
    FASTSTREAM: "FastStream's request with pydantic models, core NATS",
    FASTSTREAM_WORK: "the same through a JetStream work queue in memory",
    RAW_PUBLISH: "js.publish with json",
    RAW_PUBLISH_ONCE: "the same with a Nats-Msg-Id, as the stream needs to drop a repeat",
    PUBLISH: "Client.publish(PERSON_DETECTED, PersonDetected(...))",
}
ASKING = (RAW, LIVE, LIVE_CLIENT, DURABLE, FASTSTREAM, FASTSTREAM_WORK)
PUBLISHING = (RAW_PUBLISH, RAW_PUBLISH_ONCE, PUBLISH)
NAMES = (*ASKING, *PUBLISHING)

TARGETS = (
    Target(LIVE, RAW, P50, 1.2),
    Target(LIVE_CLIENT, RAW, P50, 1.2),
    Target(DURABLE, RAW, P50, 1.4),
    Target(LIVE, FASTSTREAM, THROUGHPUT, 2, at_least=True),
    Target(LIVE_CLIENT, FASTSTREAM, THROUGHPUT, 2, at_least=True),
    Target(DURABLE, FASTSTREAM, THROUGHPUT, 2, at_least=True),
    Target(PUBLISH, RAW_PUBLISH, P50, 1.1),
)


def base_of(way: str) -> str:
    """The raw way that `way` is a multiple of."""
    return RAW_PUBLISH if way in PUBLISHING else RAW


def with_bases(chosen: Sequence[str]) -> tuple[str, ...]:
    """The chosen ways, all if none, with those that they are multiples of, in our order."""
    wanted = {*chosen, *(base_of(name) for name in chosen)} or {*NAMES}
    return tuple(name for name in NAMES if name in wanted)


def targets(names: Sequence[str]) -> list[Target]:
    """The targets that can be told from measuring `names`."""
    return [target for target in TARGETS if target.way in names and target.to in names]
