"""One look, and the next."""

from __future__ import annotations

from dataclasses import replace

from edge.bus.overview import Storage
from edge.monitor.look import Look

from .scenes import GONE, bus, server


def test_messages_a_second_are_those_since_the_look_before() -> None:
    before, after = Look(bus(), server(in_msgs=100)), Look(bus(), server(in_msgs=150))
    assert after.after(before, 5.0).msgs_per_s == 10.0


def test_a_server_that_restarted_counts_from_its_start() -> None:
    before = Look(bus(), server(in_msgs=1000))
    after = Look(bus(), replace(server(in_msgs=20), started="2026-11-23T13:00:00Z"))
    assert after.after(before, 2.0).msgs_per_s == 10.0


def test_without_two_servers_there_is_no_rate() -> None:
    seen = Look(bus(), server())
    assert seen.after(GONE, 5.0).msgs_per_s is None
    assert GONE.after(seen, 5.0).msgs_per_s is None
    assert seen.after(seen, 0.0).msgs_per_s is None


def test_storage_is_the_servers_word_or_else_our_accounts() -> None:
    assert Look(bus(), server(file_bytes=77)).storage == Storage(0, 77)
    assert Look(bus(), None).storage == Storage(0, 2_000)
    assert GONE.storage is None
