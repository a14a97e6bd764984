"""The proof's port scan, against listeners of this machine."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from proofs.deploy.ports import ALL, knock, open_in, scan


@pytest.fixture
def ports() -> Iterator[tuple[list[int], list[int]]]:
    """Ports that something listens on, and some that are taken and silent."""
    with ExitStack() as stack:
        held: list[socket.socket] = []
        for _ in range(6):
            each = stack.enter_context(socket.socket())
            each.bind(("127.0.0.1", 0))
            held.append(each)
        for each in held[:3]:
            each.listen()
        numbers = [int(each.getsockname()[1]) for each in held]
        yield sorted(numbers[:3]), sorted(numbers[3:])


async def test_it_finds_exactly_the_ports_that_let_in(ports: tuple[list[int], list[int]]) -> None:
    listening, silent = ports
    assert list(await knock("127.0.0.1", sorted(listening + silent))) == listening


def test_without_nmap_it_says_what_it_did(ports: tuple[list[int], list[int]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    found = scan("127.0.0.1", [*ports[0], *ports[1]])
    assert list(found.open) == ports[0]
    assert "no nmap" in found.by


@pytest.mark.skipif(shutil.which("nmap") is None, reason="no nmap on this machine: install the package nmap")
def test_nmap_finds_the_same(ports: tuple[list[int], list[int]]) -> None:
    found = scan("127.0.0.1", [*ports[0], *ports[1]])
    assert list(found.open) == ports[0]
    assert found.by.startswith("nmap 7")


def test_all_ports_are_all_ports() -> None:
    assert (ALL[0], ALL[-1], len(ALL)) == (1, 65535, 65535)


def test_nmaps_list_is_read() -> None:
    said = "Host: 10.0.0.2 ()\tPorts: 22/open/tcp//ssh///, 80/closed/tcp//http///, 5355/open/tcp//llmnr///\n"
    assert open_in(said) == (22, 5355)


async def test_a_listener_that_never_answers_is_open_all_the_same() -> None:
    came: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    server = await asyncio.start_server(lambda _, writer: came.put_nowait(writer), "127.0.0.1", 0)
    async with server:
        port = int(server.sockets[0].getsockname()[1])
        assert await knock("127.0.0.1", [port]) == (port,)
        writer = await came.get()
        writer.close()
        await writer.wait_closed()
