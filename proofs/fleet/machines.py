"""The nat-servers of a fleet as processes: a hub drawn by `kiosk fleet`, and kiosks that joined it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import nats
from nats.aio.client import Client as NatsClient

from edge.bus.hub import Hub
from edge.bus.server import find_server
from edge.bus.tasks import together
from edge.config import parse
from edge.fleet import settings as settings_file
from edge.fleet.hub_conf import HubFolder, checked_key, draw, found
from edge.fleet.leaf import CONF_NAME, join, kiosk_toml, make_kiosk_key, seed_for_hub
from edge.fleet.settings import Limits, Node, Settings

START_S: Final = 60.0
_POLL_S: Final = 0.05
# Below those that the kernel gives to outgoing connections: what is found free stays free until it is listened on.
_PORTS: Final = range(12_000, 32_000)


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now."""
    while True:
        port = random.choice(_PORTS)  # noqa: S311 - no secret
        with socket.socket() as taken, contextlib.suppress(OSError):
            taken.bind((host, port))
            return port


class Process:
    """One nats-server. `prefix` is put before its command line, such as ``ip netns exec NAME``."""

    def __init__(self, conf: Path, *, prefix: Sequence[str] = (), program: Path | None = None) -> None:
        self.conf = conf
        self.log = conf.with_name("nats-server.log")
        self._prefix = tuple(prefix)
        self._program = program or find_server()
        self._process: subprocess.Popen[bytes] | None = None
        self._begins = 0

    @property
    def pid(self) -> int | None:
        """Its process id, while it was started."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it, in the folder of its configuration; its log is what it says from here on."""
        self._begins = self.log.stat().st_size if self.log.exists() else 0
        self._process = subprocess.Popen(
            [*self._prefix, str(self._program.resolve()), "-c", self.conf.name, "-l", str(self.log)],
            cwd=self.conf.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, and wait."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
        try:
            await asyncio.to_thread(process.wait, 10)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)

    @property
    def ended(self) -> bool:
        """Whether it was started and is no more."""
        return self._process is not None and self._process.poll() is not None

    @property
    def last_line(self) -> str:
        """What its log ends with."""
        return (self._said().splitlines() or [""])[-1]

    def log_has(self, words: str) -> bool:
        """Whether its log has these words."""
        return words in self._said()

    async def until_ready(self, what: str) -> None:
        """Return when it serves; `what` it is, for the error.

        Raises:
            RuntimeError: it ended; with the last line of its log.
            TimeoutError: it didn't within a minute.
        """
        until_s = time.monotonic() + START_S
        while not self.log_has("Server is ready"):
            if self.ended:
                raise RuntimeError(f"{what} ended: {self.last_line}")
            if time.monotonic() > until_s:
                raise TimeoutError(f"{what} does not serve within {START_S:g} s: {self.last_line}")
            await asyncio.sleep(_POLL_S)

    def _said(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            return self.log.read_bytes()[self._begins :].decode(errors="replace")
        return ""


def settings_on(hosts: dict[str, str], *, loopback: bool) -> Settings:
    """A small hub's settings: on loopback every port is a free one."""
    nodes = {}
    for name, host in hosts.items():
        if loopback:
            nodes[name] = Node(
                host=host,
                listen=host,
                client_port=free_port(),
                cluster_port=free_port(),
                leaf_port=free_port(),
                monitor_port=free_port(),
            )
        else:
            nodes[name] = Node(host=host, listen=host)
    return Settings(nodes=nodes, limits=Limits(ping_interval_s=2, max_file_store="2GB", keep_events_bytes=200_000_000))


@dataclass
class HubMachines:
    """The hub: its folder, and a process a node."""

    folder: HubFolder
    nodes: dict[str, Process] = field(default_factory=dict)

    @classmethod
    def found(
        cls,
        path: Path,
        settings: Settings,
        *,
        prefixes: dict[str, Sequence[str]] | None = None,
        program: Path | None = None,
    ) -> HubMachines:
        """Draw a hub in `path`."""
        folder = HubFolder(path)
        found(folder, settings)
        draw(folder)
        nodes = {
            name: Process(
                folder.node(name) / "nats-server.conf", prefix=(prefixes or {}).get(name, ()), program=program
            )
            for name in settings.nodes
        }
        return cls(folder, nodes)

    def sign_in(self, path: Path, user: str) -> Hub:
        """As `kiosk fleet` does."""
        folder = HubFolder(path)
        return Hub(
            settings_file.load(path).client_urls, user=user, key_file=checked_key(folder, user), ca_file=folder.ca
        )

    async def start(self) -> None:
        """Start every node, and return when JetStream answers.

        Raises:
            TimeoutError: it didn't within a minute.
            RuntimeError: a node ended; with the last line of its log.
        """
        for node in self.nodes.values():
            node.start()
        # By the clock: nats-py's client may swallow a cancellation.
        await together(*(node.until_ready(f"node {name} of the hub") for name, node in self.nodes.items()))
        until_s = time.monotonic() + START_S
        while time.monotonic() < until_s:
            with contextlib.suppress(Exception):  # whatever a hub that isn't up yet says
                async with self.sign_in(self.folder.path, "keeper") as hub:
                    await hub.api("INFO", timeout_s=1)
                    await hub.api("STREAM.NAMES", timeout_s=1)
                    return
            await asyncio.sleep(_POLL_S)
        raise TimeoutError(f"the hub's JetStream does not answer within {START_S:g} s")

    async def stop(self) -> None:
        """End every node."""
        await asyncio.gather(*(node.end(signal.SIGKILL) for node in self.nodes.values()))


@dataclass
class KioskMachine:
    """A kiosk: its nats-server, and a client on its bus. `limits` are of its KIOSK_EVENTS, shortened."""

    name: str
    folder: Path
    port: int
    host: str = "127.0.0.1"
    prefix: Sequence[str] = ()
    program: Path | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    said: int = 0
    nc: NatsClient | None = None
    process: Process | None = None

    def make_key(self) -> str:
        """Its key for the hub, made on the kiosk; the public half."""
        return make_kiosk_key(self.folder / "keys").public

    def join(self, leaf_urls: list[str], ca: str, *, asks: Sequence[str] = (), credential: Path | None = None) -> None:
        """Draw its side, as `kiosk fleet join` does."""
        more = f"asks = {json.dumps(list(asks))}\n" if asks else ""
        config = parse(f'[kiosk]\nid = "{self.name}"\n{kiosk_toml(leaf_urls, ca, None)}{more}')
        join(config, None, seed_for_hub(credential, self.folder / "keys"), self.folder, store=self.folder / "store")
        (self.folder / "nats-server.conf").write_text(
            f"listen: {self.host}:{self.port}\ninclude ./{CONF_NAME}\n", encoding="utf-8"
        )
        self.process = Process(self.folder / "nats-server.conf", prefix=self.prefix, program=self.program)

    async def start(self) -> None:
        """Start its server, and make its KIOSK_EVENTS.

        Raises:
            RuntimeError: the server ended; with the last line of its log.
        """
        assert self.process is not None  # noqa: S101 - join made it
        self.process.start()
        await self.process.until_ready(f"the server of {self.name}")

        async def quiet(_: Exception) -> None: ...

        self.nc = await nats.connect(
            f"nats://{self.host}:{self.port}", max_reconnect_attempts=600, reconnect_time_wait=0.1, error_cb=quiet
        )
        await self._api(
            "STREAM.CREATE.KIOSK_EVENTS",
            {
                "name": "KIOSK_EVENTS",
                "subjects": ["kiosk.session.>", "kiosk.ui.>"],
                "storage": "file",
                "retention": "limits",
                "deny_delete": True,
                "deny_purge": True,
            }
            | self.limits,
        )

    async def say(self, count: int) -> None:
        """Say so many numbered events, each awaited until it is kept."""
        assert self.nc is not None  # noqa: S101 - start made it
        for _ in range(count):
            number = self.said + 1
            subject = ("kiosk.session.started", "kiosk.ui.update", "kiosk.session.ended")[number % 3]
            body = json.dumps({"payload": {"event": "numbered", "kiosk": self.name, "number": number}}).encode()
            answer = await self.nc.request(subject, body, timeout=10)
            assert "error" not in json.loads(answer.data), answer.data  # noqa: S101 - a proof that can't speak proves nothing
            self.said = number

    async def state(self) -> dict[str, Any]:
        """Its KIOSK_EVENTS: first_seq, last_seq, messages."""
        return dict((await self._api("STREAM.INFO.KIOSK_EVENTS", {}))["state"])

    async def _api(self, verb: str, body: dict[str, Any]) -> Any:
        assert self.nc is not None  # noqa: S101 - start made it
        answer = await self.nc.request(f"$JS.API.{verb}", json.dumps(body).encode(), timeout=10)
        return json.loads(answer.data)

    async def stop(self) -> None:
        """End its server."""
        if self.nc is not None:
            await self.nc.close()
            self.nc = None
        if self.process is not None:
            await self.process.end(signal.SIGKILL)
