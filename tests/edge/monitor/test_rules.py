"""The Prometheus rules: fresh, well-formed, and saying the same as the code."""

from __future__ import annotations

import operator
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from edge.bus.discovery import AgentState
from edge.bus.overview import ConsumerState, StreamState
from edge.contract.hardware import Condition
from edge.monitor.alerts import KINDS, LATENCY, MONITOR_DOWN, UNANSWERED_COMMANDS, Kind, find
from edge.monitor.look import Look
from edge.monitor.metrics import metrics_text
from edge.monitor.rules import RULES_FILE, rules_text
from edge.monitor.server import SlowConsumer

from .scenes import GONE, WELL, bus, device, server, took

SIMPLE = re.compile(r"^([a-z_]+) (==|>) ([0-9.]+)$")
# Rates and absences need Prometheus itself: what they say is tested where it is installed.
BY_PROMETHEUS = {LATENCY, UNANSWERED_COMMANDS, MONITOR_DOWN}


def test_the_file_that_ships_is_drawn_from_the_code() -> None:
    assert RULES_FILE.read_text(encoding="utf-8") == rules_text(), "run: python -m edge.monitor.rules"


def test_the_file_has_the_form_of_prometheus_rules() -> None:
    document = yaml.safe_load(rules_text())
    (group,) = document["groups"]
    assert [rule["alert"] for rule in group["rules"]] == [kind.name for kind in KINDS]
    for rule, kind in zip(group["rules"], KINDS, strict=True):
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["expr"] == kind.condition
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert re.fullmatch(r"\d+s", rule.get("for", "0s"))
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_specifications_thresholds() -> None:
    conditions = " ".join(kind.condition for kind in KINDS)
    assert "nats_slow_consumers > 0" in conditions
    assert "nats_jetstream_bytes > 500000000" in conditions
    assert "kiosk_agent_latency_ms_bucket" in LATENCY.condition
    assert "kiosk_agent_latency_limit_ms" in LATENCY.condition


def test_rules_speak_of_metrics_that_there_are() -> None:
    look = WELL
    there = {
        sample.name
        for family in text_string_to_metric_families(metrics_text(look, [took("x", 1)]).decode())
        for sample in family.samples
    }
    for kind in KINDS:
        named = set(re.findall(r"\b(?:nats|kiosk)_[a-z_]+", kind.condition))
        assert named
        assert named <= there, kind.name
        opened, closed = (sum(kind.condition.count(mark) for mark in marks) for marks in ("({[", ")}]"))
        assert opened == closed, kind.name


SCENES = {
    "well": WELL,
    "gone": GONE,
    "unwell server": Look(bus(dead={}), server(problem="no disk")),
    "no monitoring port": Look(bus(dead={}), None, server_problem="closed"),
    "slow consumer": Look(bus(dead={}), server(slow=[SlowConsumer("bench", cut=True)])),
    "storage at the limit": Look(bus(dead={}), server(file_bytes=500_000_000)),
    "storage past it": Look(bus(dead={}), server(file_bytes=500_000_001)),
    "agent down": Look(bus(agents={"menu": AgentState("menu", "down")}, dead={}), server()),
    "agent silent": Look(bus(agents={"menu": AgentState("menu", "silent")}, dead={}), server()),
    "stream missing": Look(bus(streams=[StreamState("KIOSK_EVENTS", False)], dead={}), server()),
    "queue missing": Look(bus(queues=[ConsumerState("menu", "menu-x", False)], dead={}), server()),
    "stream at 0.9": Look(bus(streams=[StreamState("KIOSK_EVENTS", True, 9, 1, 10)], dead={}), server()),
    "stream past 0.9": Look(bus(streams=[StreamState("KIOSK_EVENTS", True, 10, 1, 10)], dead={}), server()),
    "device absent": replace(WELL, devices=(device("leds"), device("reader", Condition.ABSENT, "unplugged", "lost"))),
    "device degraded": replace(WELL, devices=(device("printer", Condition.DEGRADED, "paper low"), device("leds"))),
    "dead letter": Look(bus(dead={"payment": 1}), server()),
}


def by_rule(kind: Kind, look: Look) -> set[tuple[tuple[str, str], ...]]:
    """The labels for which a simple rule holds, evaluated on what the monitor would serve."""
    families = list(text_string_to_metric_families(metrics_text(look).decode()))
    found: list[set[tuple[tuple[str, str], ...]]] = []
    for condition in kind.condition.split(" and "):
        simple = SIMPLE.match(condition)
        assert simple, kind.condition
        metric, sign, threshold = simple.groups()
        holds = {"==": operator.eq, ">": operator.gt}[sign]
        found.append(
            {
                tuple(sorted(sample.labels.items()))
                for family in families
                for sample in family.samples
                if sample.name == metric and holds(sample.value, float(threshold))
            }
        )
    return set.intersection(*found)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in BY_PROMETHEUS], ids=lambda kind: kind.name)
def test_rule_and_code_raise_the_same_alerts(kind: Kind) -> None:
    raised = 0
    for name, look in SCENES.items():
        by_code = {alert.labels for alert in find(look) if alert.kind is kind}
        assert by_rule(kind, look) == by_code, name
        raised += len(by_code)
    assert raised, "no scene raises it"


def rates() -> dict[str, Any]:
    """For promtool: a search of 2 to 5 s, a payment of 10 to 30 s, and a search that nobody answered."""
    every = {"instance": "one", "seen_by": "asker", "way": "live"}
    search, payment = {"agent": "menu", "command": "search"}, {"agent": "payment", "command": "process"}
    never, once = "0x40", "0 1x39"

    def series(name: str, values: str, **labels: str) -> dict[str, str]:
        inside = ",".join(f'{label}="{text}"' for label, text in labels.items())
        return {"series": f"{name}{{{inside}}}", "values": values}

    def buckets(which: dict[str, str], **edges: str) -> list[dict[str, str]]:
        labels = every | which | {"outcome": "success"}
        return [
            series("kiosk_agent_latency_ms_bucket", values, **labels, le=edge.removeprefix("le_"))
            for edge, values in edges.items()
        ]

    def raised(kind: Kind, summary: str, **labels: str) -> dict[str, Any]:
        return {
            "eval_time": "1m",
            "alertname": kind.name,
            "exp_alerts": [
                {
                    "exp_labels": {"instance": "one", "severity": kind.severity} | labels,
                    "exp_annotations": {"summary": summary, "description": kind.advice},
                }
            ],
        }

    def silent(kind: Kind) -> dict[str, Any]:
        return {"eval_time": "9m", "alertname": kind.name, "exp_alerts": []}

    return {
        "rule_files": [str(RULES_FILE)],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    series("kiosk_healthy", "1x40", instance="one"),
                    series("kiosk_agent_latency_limit_ms", "2000x40", instance="one", **search),
                    series("kiosk_agent_latency_limit_ms", "30000x40", instance="one", **payment),
                    *buckets(search, **{"le_2000": never, "le_5000": once, "le_+Inf": once}),
                    *buckets(payment, **{"le_10000": never, "le_30000": once, "le_+Inf": once}),
                    series("kiosk_agent_latency_ms_count", once, **every, **search, outcome="TIMEOUT"),
                ],
                "alert_rule_test": [
                    raised(LATENCY, "menu takes too long for search", seen_by="asker", **search),
                    raised(UNANSWERED_COMMANDS, "search was not answered by menu", **search),
                    silent(LATENCY),
                    silent(UNANSWERED_COMMANDS),
                    silent(MONITOR_DOWN),
                ],
            },
            {
                "interval": "15s",
                "input_series": [],
                "alert_rule_test": [
                    {
                        "eval_time": "2m",
                        "alertname": MONITOR_DOWN.name,
                        "exp_alerts": [
                            {
                                "exp_labels": {"severity": "critical"},
                                "exp_annotations": {
                                    "summary": MONITOR_DOWN.summary,
                                    "description": MONITOR_DOWN.advice,
                                },
                            }
                        ],
                    }
                ],
            },
        ],
    }


def test_prometheus_itself_takes_them(tmp_path: Path) -> None:
    promtool = shutil.which("promtool") or shutil.which("promtool", path=Path(sys.prefix) / "bin")
    if promtool is None:
        pytest.skip("no promtool on this machine: make setup-test unpacks Debian's")
    done = subprocess.run([promtool, "check", "rules", RULES_FILE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    cases = tmp_path / "rates.yml"
    cases.write_text(yaml.safe_dump(rates()), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", cases], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
