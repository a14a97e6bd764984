"""The hub's streams: FLEET_EVENTS sources each kiosk's KIOSK_EVENTS, NOTICES and BOOKS are the keeper's.

A kiosk is a source from `add` to `revoke`. What it had sent stays.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from edge.bus.hub import Hub, HubRefused
from edge.contract.fleet import BOOKS, FLEET_EVENTS, NOTICES, read_source, source
from edge.fleet.register import Register
from edge.fleet.settings import Settings

log = logging.getLogger(__name__)

_NANO: Final = 1_000_000_000
_DAY: Final = 86400 * _NANO
_HOUR: Final = 3600 * _NANO
_MB: Final = 1024 * 1024
_WAIT_S: Final = 30.0  # the nodes agree on a new stream, and look at what it sources


@dataclass
class Changes:
    """What was changed: kiosks that became sources or are none any more, by stream, and streams that were made."""

    made: list[str] = field(default_factory=list)
    added: dict[str, list[str]] = field(default_factory=dict)
    removed: dict[str, list[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.made or self.added or self.removed)


async def reconcile(hub: Hub, settings: Settings, register: Register) -> Changes:
    """Make the hub's streams where they are missing, and every kiosk that may sign in a source, no other.

    Raises:
        BusUnreachable, HubRefused: the hub can't do it now.
    """
    changes = Changes()
    for config in (notices_stream(settings), books_stream(settings)):
        await _ensure(hub, config, changes)
    wanted: dict[str, set[str]] = defaultdict(set)
    for kiosk, member in register.active.items():
        wanted[member.stream].add(kiosk)
    there = await hub.streams(FLEET_EVENTS)
    for stream in sorted({FLEET_EVENTS, *there, *wanted}):
        if stream not in there:
            config = events_stream(stream, settings) | {"sources": [source(each) for each in sorted(wanted[stream])]}
            await _make(hub, config, changes)
            changes.added[stream] = sorted(wanted[stream])
        else:
            await _set_sources(hub, stream, wanted[stream], settings, changes)
    return changes


async def generations(hub: Hub) -> dict[str, tuple[str, int]]:
    """Of every kiosk that is a source: the stream its events are kept in, and its generation there.

    Raises:
        BusUnreachable, HubRefused: the hub can't say now.
    """
    found: dict[str, tuple[str, int]] = {}
    for stream in await hub.streams(FLEET_EVENTS):
        info = await hub.api(f"STREAM.INFO.{stream}", timeout_s=_WAIT_S)
        for fields in info["config"].get("sources") or []:
            kiosk, generation = read_source(fields)
            found[kiosk] = (stream, generation)
    return found


async def begin_anew(hub: Hub, stream: str, kiosk: str, generation: int) -> None:
    """Have the kiosk sourced from its stream's beginning: it has another stream than it had.

    Raises:
        BusUnreachable, HubRefused: the hub can't do it now.
    """
    config = (await hub.api(f"STREAM.INFO.{stream}", timeout_s=_WAIT_S))["config"]
    others = [each for each in config.get("sources") or [] if read_source(each)[0] != kiosk]
    await _update(hub, config | {"sources": [*others, source(kiosk, generation)]})


def events_stream(name: str, settings: Settings) -> dict[str, Any]:
    """A stream of the kiosks' events, without its sources."""
    limits = settings.limits
    return {
        "name": name,
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": settings.replicas,
        "max_age": int(limits.keep_days * _DAY),
        "max_bytes": limits.keep_events_bytes,
        "deny_delete": True,
        "deny_purge": True,
    }


def notices_stream(settings: Settings) -> dict[str, Any]:
    """What was lost, and by whom."""
    return {
        "name": NOTICES,
        "subjects": ["hub.notice.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": settings.replicas,
        "max_age": int(settings.limits.notices_days * _DAY),
        "max_bytes": 256 * _MB,
        "duplicate_window": _HOUR,  # a keeper that died in between says it again
        "deny_delete": True,
        "deny_purge": True,
    }


def books_stream(settings: Settings) -> dict[str, Any]:
    """What is known of each kiosk: the newest only."""
    return {
        "name": BOOKS,
        "subjects": ["hub.book.>"],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "num_replicas": settings.replicas,
        "max_msgs_per_subject": 1,
        "max_bytes": 256 * _MB,
    }


async def _ensure(hub: Hub, wanted: dict[str, Any], changes: Changes) -> None:
    """Make the stream, or bring what was changed in hub.toml into the one that is there."""
    try:
        config = (await hub.api(f"STREAM.INFO.{wanted['name']}"))["config"]
    except HubRefused as error:
        if not error.not_found:
            raise
        await _make(hub, wanted, changes)
        return
    if any(config.get(name) != value for name, value in wanted.items()):
        await _update(hub, config | wanted)


async def _set_sources(hub: Hub, stream: str, wanted: set[str], settings: Settings, changes: Changes) -> None:
    config = (await hub.api(f"STREAM.INFO.{stream}", timeout_s=_WAIT_S))["config"]
    has = {read_source(each)[0]: each for each in config.get("sources") or []}
    added, removed = sorted(wanted - has.keys()), sorted(has.keys() - wanted)
    new = events_stream(stream, settings)
    if not added and not removed and all(config.get(name) == value for name, value in new.items()):
        return
    sources = [*(each for kiosk, each in has.items() if kiosk in wanted), *(source(each) for each in added)]
    await _update(hub, config | new | {"sources": sources})
    if added:
        changes.added[stream] = added
    if removed:
        changes.removed[stream] = removed


async def _make(hub: Hub, config: dict[str, Any], changes: Changes) -> None:
    await hub.api(f"STREAM.CREATE.{config['name']}", config, timeout_s=_WAIT_S)
    changes.made.append(str(config["name"]))
    log.info("made stream %s", config["name"])


async def _update(hub: Hub, config: dict[str, Any]) -> None:
    await hub.api(f"STREAM.UPDATE.{config['name']}", config, timeout_s=_WAIT_S)
