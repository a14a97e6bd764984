"""What systemd is told, on a real socket of its kind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.bus import EmbeddedServer
from edge.cli.supervised import Supervisor

PATIENT_S = 30.0


class Ear:
    """systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(address)
        self.heard: list[str] = []

    async def next(self) -> str:
        data = await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._socket, 4096), PATIENT_S)
        self.heard.append(data.decode())
        return self.heard[-1]

    async def until(self, words: str) -> str:
        while True:
            message = await self.next()
            if words in message:
                return message

    def drain(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return found

    def within(self, timeout_s: float) -> str | None:
        """A message that comes within so long; blocks."""
        self._socket.settimeout(timeout_s)
        try:
            return self._socket.recv(4096).decode()
        except TimeoutError:
            return None
        finally:
            self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def ear(tmp_path: Path) -> AsyncIterator[Ear]:
    ear = Ear(str(tmp_path / "notify"))
    yield ear
    ear.close()


def supervisor(tmp_path: Path, watchdog_s: float | None = None) -> Supervisor:
    return Supervisor(str(tmp_path / "notify"), watchdog_s)


def test_the_environment_says_where_and_how_often_and_is_not_passed_on() -> None:
    environment = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "15000000", "WATCHDOG_PID": str(os.getpid()), "HOME": "/"}
    assert Supervisor.of(environment).watchdog_s == 15.0
    assert environment == {"HOME": "/"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"WATCHDOG_USEC": "15000000"},
        {"NOTIFY_SOCKET": "/x"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "soon"},
        {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "15000000", "WATCHDOG_PID": "1"},
    ],
)
def test_without_all_of_it_there_is_no_watchdog(environment: dict[str, str]) -> None:
    assert Supervisor.of(environment).watchdog_s is None


async def test_what_it_is_told(ear: Ear, tmp_path: Path) -> None:
    systemd = supervisor(tmp_path)
    systemd.status("two\nlines")
    systemd.ready("serving")
    systemd.stopping()
    assert [await ear.next() for _ in range(3)] == [
        "STATUS=two lines",
        "READY=1\nSTATUS=serving",
        "STOPPING=1\nSTATUS=ending",
    ]


async def test_a_socket_without_a_file() -> None:
    address = f"kiosk-test-{os.getpid()}-{os.urandom(4).hex()}"
    ear = Ear(f"\0{address}")
    Supervisor(f"@{address}").ready("serving")
    assert "READY=1" in await ear.next()
    ear.close()


def test_nobody_to_tell_and_a_socket_that_is_gone_are_no_fault(tmp_path: Path) -> None:
    Supervisor(None).ready("serving")
    supervisor(tmp_path).ready("serving")


async def test_signs_of_life_come_for_as_long_as_all_is_well(ear: Ear, tmp_path: Path) -> None:
    wrong: str | None = None

    async def probe(_: float) -> str | None:
        return wrong

    async with supervisor(tmp_path, 0.2).watching(probe):
        assert [await ear.next() for _ in range(3)] == ["WATCHDOG=1"] * 3
        wrong = "its reading has ended"
        assert await ear.until("STATUS") == "STATUS=stuck: its reading has ended"
        assert ear.within(1.0) is None  # for the loop, blocked meanwhile, too
        wrong = None
        assert await ear.until("WATCHDOG=1") == "WATCHDOG=1"
        assert await ear.next() == "STATUS=serving"


async def test_no_sign_comes_while_a_probe_is_stuck_itself(ear: Ear, tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def probe(_: float) -> str | None:
        asked.set()
        await asyncio.Event().wait()
        return None

    async def faulty(_: float) -> str | None:
        raise ValueError("a fault")

    async with supervisor(tmp_path, 0.2).watching(probe):
        await asyncio.wait_for(asked.wait(), PATIENT_S)
        assert ear.drain() == []
    async with supervisor(tmp_path, 0.2).watching(faulty):
        assert await ear.next() == "STATUS=stuck: ValueError in a probe"


async def test_a_blocked_loop_gives_no_sign(ear: Ear, tmp_path: Path) -> None:
    blocked, let_go, end = threading.Event(), threading.Event(), threading.Event()

    def block() -> None:
        blocked.set()
        let_go.wait(PATIENT_S)

    async def service() -> None:
        async with supervisor(tmp_path, 0.1).watching():
            asyncio.get_running_loop().call_later(0.2, block)
            await asyncio.to_thread(end.wait, PATIENT_S)

    thread = threading.Thread(target=asyncio.run, args=(service(),))
    thread.start()
    try:
        assert await ear.next() == "WATCHDOG=1"
        assert await asyncio.to_thread(blocked.wait, PATIENT_S)
        ear.drain()
        assert ear.within(1.0) is None  # ten times as long as it has
        let_go.set()
        assert await ear.next() == "WATCHDOG=1"
    finally:
        let_go.set()
        end.set()
        await asyncio.to_thread(thread.join)


async def test_kiosk_run_tells_how_it_goes_through_a_server_that_comes_stalls_and_dies(
    ear: Ear, tmp_path: Path, free_url: tuple[str, int]
) -> None:
    url, port = free_url
    environment = os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}
    environment.pop("WATCHDOG_PID", None)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "edge", "run", "menu", "--url", url, "--data-dir", str(tmp_path / "data"), env=environment
    )
    try:
        await ear.until("EXTEND_TIMEOUT_USEC=30000000")
        await ear.until(f"STATUS=menu waits for the bus at {url}")
        assert not any("READY" in message for message in ear.heard)
        async with EmbeddedServer(tmp_path / "nats", port=port) as server:
            assert await ear.until("READY=1") == "READY=1\nSTATUS=serving: menu"
            await ear.until("WATCHDOG=1")
            assert server._process is not None
            os.kill(server._process.pid, signal.SIGSTOP)
            ear.drain()
            for _ in range(3):
                await ear.until("WATCHDOG=1")
            os.kill(server._process.pid, signal.SIGCONT)
        ear.drain()
        for _ in range(3):
            await ear.until("WATCHDOG=1")
        process.send_signal(signal.SIGTERM)
        assert await ear.until("STOPPING=1") == "STOPPING=1\nSTATUS=ending"
        assert await asyncio.wait_for(process.wait(), PATIENT_S) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture
def free_url() -> tuple[str, int]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = int(taken.getsockname()[1])
    return f"nats://127.0.0.1:{port}", port
