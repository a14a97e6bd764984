"""The streams of section 4 and the consumers of section 9, as data, and what we added to them.

`no_ack` on KIOSK_COMMANDS is decision 1: without it the stream's own acknowledgement reaches a
requester before the agent's answer does. `max_bytes` on KIOSK_EVENTS keeps it under the server's
max_file_store, past which the server refuses new events rather than let the oldest go. Consumers of recsys,
hardware and orchestrator are read into section 9's gap; all are pushed to their agent's queue group (ADR 0015).
KIOSK_DEAD keeps the commands that were given up on.
"""

from __future__ import annotations

from typing import Any

EVENTS_STREAM: dict[str, Any] = {
    "name": "KIOSK_EVENTS",
    "subjects": ["kiosk.vision.>", "kiosk.voice.>", "kiosk.input.>", "kiosk.session.>", "kiosk.ui.>"],
    "retention": "limits",
    "max_age": 86400_000_000_000,  # 24 hours in nanoseconds
    "max_msgs": 100000,
    "max_bytes": 900 * 1024 * 1024,
    "storage": "file",
    "replicas": 1,
    "allow_direct": True,  # the page reads its last screen by it
    "deny_delete": True,  # nobody has to; and on nats-server 2.10 whoever may publish could (ADR 0013)
    "deny_purge": True,
}

COMMANDS_STREAM: dict[str, Any] = {
    "name": "KIOSK_COMMANDS",
    "subjects": ["kiosk.agent.>", "kiosk.hardware.>"],
    "retention": "workqueue",
    "max_age": 300_000_000_000,  # 5 minutes
    "storage": "memory",
    "replicas": 1,
    "no_ack": True,
    "deny_purge": True,
}

# Beside the records, the server's own word that it gave up: the collector turns each into a record.
GIVEN_UP = f"$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{COMMANDS_STREAM['name']}.>"

DEAD_STREAM: dict[str, Any] = {
    "name": "KIOSK_DEAD",
    "subjects": ["kiosk.dead.>", GIVEN_UP],
    "retention": "limits",
    "max_age": 30 * 86400_000_000_000,  # 30 days: until somebody looks
    "max_msgs": 10000,
    "max_bytes": 50 * 1024 * 1024,
    "storage": "file",
    "replicas": 1,
}

STREAMS = (EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM)


def _consumer(agent: str, max_deliver: int, ack_wait_s: int, *more_subjects: str) -> dict[str, Any]:
    return {
        "durable_name": f"{agent}-agent-consumer",
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "max_deliver": max_deliver,
        "ack_wait": ack_wait_s * 1_000_000_000,  # nanoseconds
        "filter_subjects": [f"kiosk.agent.{agent}.>", *more_subjects],
        "deliver_subject": f"deliver.{agent}",
        "deliver_group": agent,
        "max_ack_pending": 256,  # more than wait at once on any kiosk, and few enough to keep alive
    }


# By agent name; agents that answer nothing have none.
CONSUMERS: dict[str, dict[str, Any]] = {
    "menu": _consumer("menu", 3, 5),
    "recsys": _consumer("recsys", 3, 5),
    "payment": _consumer("payment", 1, 30),  # no retries for payment
    "hardware": _consumer("hardware", 3, 5, "kiosk.hardware.>"),
    "orchestrator": _consumer("orchestrator", 3, 5),
}
