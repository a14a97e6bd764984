"""The health check of a slot on trial, on what the monitor really answers."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from edge.contract.subjects import AGENTS
from edge.monitor.health import Health, Part
from edge.update.health import devices_present, monitor_at, problems, well_for

ABSENT = "the printer is absent"


WELL = Part()


def answer(*, agents: Part = WELL, printer: str = "ready", told: bool = True) -> bytes:
    """/healthz as the monitor writes it."""
    conditions = {"printer": {"condition": printer}, "camera": {"condition": "absent"}}
    wrong = (*((ABSENT,) if printer == "absent" else ()), "the camera is absent")
    devices = Part(wrong, {"devices": conditions if told else None})
    health = Health(Part(), Part(), dict.fromkeys(AGENTS, Part()) | {"vision": agents}, AGENTS, devices)
    return json.dumps(health.kiosk.as_json()).encode()


def asking(content: bytes) -> Callable[[], Awaitable[bytes]]:
    async def ask() -> bytes:
        return content

    return ask


async def test_devices_that_are_there_are_recorded() -> None:
    assert await devices_present(asking(answer())) == ("printer",)
    assert await devices_present(asking(answer(told=False))) is None
    assert await devices_present(asking(b"<html>")) is None


async def test_a_device_that_was_missing_before_is_no_fault_of_the_updates() -> None:
    assert await problems(asking(answer()), ("printer",)) == ()


async def test_a_device_that_was_there_before_has_to_be_there() -> None:
    wrong = await problems(asking(answer(printer="absent")), ("printer",))
    assert wrong == ("printer was there before the update and is not now",)
    assert await problems(asking(answer(told=False)), ("printer",)) == ("nobody can tell which devices are there",)
    assert await problems(asking(answer(printer="absent")), None) == ()


async def test_an_agent_that_is_not_well_counts() -> None:
    down = Part(("vision is not running",))
    assert await problems(asking(answer(agents=down)), ("printer",)) == ("vision is not running",)


async def test_a_monitor_is_asked_over_http_and_its_503_is_an_answer() -> None:
    async def healthz(_: web.Request) -> web.Response:
        return web.Response(body=answer(), status=503)

    app = web.Application()
    app.router.add_get("/healthz", healthz)
    async with TestServer(app) as server:
        ask = monitor_at(str(server.make_url("")).rstrip("/"))
        assert await problems(ask, ("printer",)) == ()
    assert await problems(ask, ("printer",)) == ("the monitor does not answer",)


class Time:
    """A clock that moves when somebody pauses."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.now += seconds


def course(*wrong: str) -> Callable[[], Awaitable[tuple[str, ...]]]:
    """One look after another; the last goes on for ever."""
    looks: Iterator[str] = iter(wrong)
    last = wrong[-1]

    async def look() -> tuple[str, ...]:
        found = next(looks, last)
        return (found,) if found else ()

    return look


async def test_well_for_a_minute_is_well() -> None:
    time = Time()
    assert await well_for(course(""), clock=time, pause=time.pause) == ()
    assert time.now - 1000 == pytest.approx(60, abs=2)


async def test_a_break_begins_the_minute_anew() -> None:
    time, said = Time(), list[str]()
    looks = course(*[""] * 25, "vision is not running", "")
    assert await well_for(looks, report=said.append, clock=time, pause=time.pause) == ()
    assert time.now - 1000 == pytest.approx(52 + 60, abs=2)
    assert [words.split(";")[0] for words in said] == [
        "everything is well",
        "vision is not running",
        "everything is well",
    ]


async def test_what_is_not_well_within_ten_minutes_is_given_up_with_its_reason() -> None:
    time = Time()
    assert await well_for(course("no printer"), clock=time, pause=time.pause) == ("no printer",)
    assert time.now - 1000 == pytest.approx(600, abs=2)


async def test_a_minute_that_began_in_time_may_end_after_the_limit() -> None:
    time = Time()
    looks = course(*["starting"] * 299, "")
    assert await well_for(looks, clock=time, pause=time.pause) == ()
    assert time.now - 1000 > 600
