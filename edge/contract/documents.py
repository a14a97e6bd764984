"""Every file of docs/contract that is drawn from the table, as text by path."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edge.contract.asyncapi import asyncapi
from edge.contract.envelope import VERSION
from edge.contract.page import page
from edge.contract.permissions import USERS, permissions_of
from edge.contract.streams import COMMANDS_STREAM, CONSUMERS, STREAMS
from edge.contract.versions import released

RELEASED = f"{VERSION}/messages.json"  # what is compared with what the table says today
STREAMS_FOLDER = "streams"


def documents() -> dict[str, str]:
    """The files' text by their path under docs/contract."""
    drawn = {
        "README.md": page(),
        "asyncapi.json": as_json(asyncapi()),
        "permissions.json": as_json(permissions()),
        RELEASED: as_json(released()),
    }
    drawn |= {f"{STREAMS_FOLDER}/{name}.json": as_json(config) for name, config in streams().items()}
    return drawn


def streams() -> dict[str, dict[str, Any]]:
    """The streams and, as STREAM.CONSUMER, the consumers, by name; each as the `nats` CLI takes it."""
    drawn = {str(stream["name"]): _renamed(stream, {"replicas": "num_replicas"}) for stream in STREAMS}
    for consumer in CONSUMERS.values():
        config = dict(consumer)
        if len(config["filter_subjects"]) == 1:
            config["filter_subject"] = config.pop("filter_subjects")[0]
        drawn[f"{COMMANDS_STREAM['name']}.{consumer['durable_name']}"] = config
    return drawn


def permissions() -> dict[str, dict[str, Any]]:
    """What each user may publish and subscribe to, by name."""
    drawn = {}
    for user in USERS:
        allowed = permissions_of(user)
        drawn[user] = {
            "publish": list(allowed.publish),
            "subscribe": list(allowed.subscribe),
            "answers_within_s": allowed.answers_within_s,
        }
    return drawn


def stale(drawn: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """What is wrong with the files `found` (text by path), in words; empty when they are as `drawn`."""
    wrong = [
        f"{path} is {'stale' if path in found else 'missing'}"
        for path, text in drawn.items()
        if found.get(path) != text
    ]
    wrong += [f"{path} is not drawn any more" for path in found if path not in drawn]
    return wrong


def as_json(value: Any) -> str:
    """`value` as the files have it: two spaces, every character as it is, a line end at the end."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _renamed(config: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in config.items()}
