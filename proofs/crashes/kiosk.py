"""One kiosk made of processes: the real nats-server, an agent each, and a bank or a card terminal's service."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Final, Literal

import aiohttp

from drivers.printer.simulated import SimulatedPrinter
from drivers.printer.simulated_wires import TcpWire
from edge.agents.payment.sandbox.client import SandboxGateway
from edge.agents.payment.sandbox.faults import Faults
from edge.bus import Client, EmbeddedServer
from edge.contract.errors import AskError
from edge.contract.subjects import AGENTS
from proofs.crashes.programs import START_S, DidNotStart, Program

Pays = Literal["sandbox", "terminal"]  # how: the kiosk's reader and the sandbox, or a terminal of its own
SERVER: Final = "nats-server"
GATEWAY: Final = "gateway"
VICTIMS: Final = (*AGENTS, SERVER, GATEWAY)
# They have no part in an order that is made by touch, and look and listen for a tenth of a core each: they run in the
# cases in which they are killed.
SPECTATORS: Final = frozenset({"vision", "voice"})

# What ansible/roles/*/templates/*.service.j2 have for RestartSec.
RESTART_AGENT_S: Final = 2.0
RESTART_SERVER_S: Final = 1.0

_LOOK_S: Final = 0.05
_TERMINAL_KEY: Final = "sk_test_simulated"
_SIGNED: Final = {"Authorization": f"Bearer {_TERMINAL_KEY}"}
_TAP_LIMIT: Final = aiohttp.ClientTimeout(total=2)
_CONFIG: Final = """
[kiosk]
shop = "The crash matrix"
[devices]
printer = "{printer}"
[orchestrator]
goodbye_s = 0.5
[payment]
unclaimed_s = 30
"""
_BY_SANDBOX: Final = """
sandbox_url = "tcp://127.0.0.1:{port}"
"""
_BY_TERMINAL: Final = """
gateway = "stripe"
[payment.stripe]
key = "{key}"
reader = "tmr_simulated"
api_url = "http://127.0.0.1:{port}"
"""


class CrashKiosk:
    """A kiosk in `folder`. Agents are started one by one; those that no case has touched go on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.data = folder / "data"
        self.declined_card = secrets.token_hex(32)
        self.good_card = secrets.token_hex(32)
        self.pays: Pays = "sandbox"
        self.printer = SimulatedPrinter()
        self.server = EmbeddedServer(folder / "nats")
        self._ports = {"sandbox": _free_port(), "terminal": _free_port()}
        self._programs: dict[str, Program] = {}
        self._wanted: dict[str, tuple[object, ...]] = {}  # how each program was started last
        self.client = Client("", name="customer")

    @property
    def ledger(self) -> Path:
        """The bank's own books."""
        return self.folder / f"{self.pays}.ledger"

    @property
    def receipts(self) -> Path:
        """Where receipts are as documents."""
        return self.data / "receipts"

    @property
    def journal(self) -> Path:
        """The payment agent's."""
        return self.data / "payments" / "journal.sqlite"

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[CrashKiosk]:
        """Such a kiosk, all of whose processes are gone afterwards."""
        kiosk = cls(folder)
        async with contextlib.AsyncExitStack() as leaving:
            leaving.push_async_callback(kiosk.end)
            wire = await leaving.enter_async_context(TcpWire(kiosk.printer, "127.0.0.1", 0))
            for pays, more in (("sandbox", _BY_SANDBOX), ("terminal", _BY_TERMINAL)):
                text = _CONFIG.format(printer=wire.url) + more.format(port=kiosk._ports[pays], key=_TERMINAL_KEY)
                (folder / f"{pays}.toml").write_text(text, encoding="utf-8")
            await kiosk.server.start()
            kiosk.client.url = kiosk.server.url
            await kiosk.client.connect(wait_s=START_S, setup=True)
            leaving.push_async_callback(kiosk.client.close)
            yield kiosk

    async def end(self) -> None:
        """End all of it."""
        try:
            await asyncio.gather(*(program.kill() for program in self._programs.values()))
        finally:
            await self.server.kill()

    def program(self, name: str) -> Program:
        """The agent or gateway of that name."""
        return self._programs[name]

    # -- getting ready ------------------------------------------------------------------------------------

    async def prepare(
        self,
        *,
        pays: Pays = "sandbox",
        stopping: tuple[str, str] | None = None,
        urls: dict[str, str] | None = None,
        victim: str = "",
    ) -> None:
        """Have everything up: `stopping` names a program and its crash point, `urls` who comes by another way.

        A program that runs as it should is left alone.

        Raises:
            DidNotStart: something doesn't.
        """
        if pays != self.pays:
            concerned = (self._programs.get(each) for each in (GATEWAY, "payment", "orchestrator"))
            await asyncio.gather(*(program.end() for program in concerned if program is not None))
            self.pays = pays
        if not self.server.running:
            await self.server.start()
        agents = tuple(name for name in AGENTS if name not in SPECTATORS or name == victim)
        await asyncio.gather(*(self._programs[name].end() for name in SPECTATORS - {victim} if name in self._programs))
        # The payment agent asks the terminal's service before it is up.
        for names in ((GATEWAY,), agents):
            await asyncio.gather(
                *(
                    self._have(name, stopping[1] if stopping and stopping[0] == name else None, urls or {})
                    for name in names
                )
            )
        await self.until_up(agents)
        if pays == "sandbox":
            await self.sandbox_declines()

    async def _have(self, name: str, stop_at: str | None, urls: dict[str, str]) -> None:
        wanted = (stop_at, urls.get(name), self.pays if name in (GATEWAY, "payment", "orchestrator") else None)
        program = self._programs.get(name)
        # Who has stood still at its point doesn't again.
        if program is not None and program.up and stop_at is None and self._wanted[name] == wanted:
            return
        if program is not None:
            await program.end()
        self._programs[name] = program = self._made(name, urls.get(name))
        self._wanted[name] = wanted
        await program.start(stop_at)
        await program.until_up()

    def _made(self, name: str, url: str | None) -> Program:
        log = self.folder / f"{name}.log"
        if name == GATEWAY:
            module = "edge.agents.payment." + ("sandbox" if self.pays == "sandbox" else "simulated")
            where = ("--ledger", str(self.ledger), "--port", str(self._ports[self.pays]))
            return Program(name, (module, *where), ready="://", log=log)
        options = ("--config", str(self.folder / f"{self.pays}.toml"), "--data-dir", str(self.data))
        arguments = ("edge", "run", name, *options, "--url", url or self.server.url)
        return Program(name, arguments, ready=f"{name} is up", log=log)

    async def until_up(self, agents: Collection[str]) -> None:
        """Return once each of `agents` answers on the bus.

        Raises:
            DidNotStart: not in time.
        """
        missing = list(agents)
        try:
            async with asyncio.timeout(START_S):
                while missing:
                    missing = [name for name in missing if not await self.is_up(name)]
                    if missing:
                        await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            raise DidNotStart(f"no answer from {', '.join(missing)}") from None

    async def is_up(self, agent: str) -> bool:
        """Whether it runs and answers."""
        try:
            return self._programs[agent].up and await self.client.is_up(agent)
        except AskError:  # the server is the victim
            return False

    # -- what befalls it ----------------------------------------------------------------------------------

    async def kill(self, victim: str) -> None:
        """SIGKILL."""
        if victim == SERVER:
            await self.server.kill()
        else:
            await self._programs[victim].kill()

    async def start_again(self, victim: str, *, stop_at: str | None = None, until_up: bool = True) -> None:
        """As systemd does, after RestartSec.

        Raises:
            DidNotStart: it doesn't.
        """
        if victim == SERVER:
            await asyncio.sleep(RESTART_SERVER_S)
            await self.server.start()
            return
        await asyncio.sleep(RESTART_AGENT_S)
        program = self._programs[victim]
        await program.start(stop_at)
        if until_up:
            await program.until_up()
        if victim == GATEWAY and self.pays == "sandbox":
            await self.sandbox_declines()

    # -- the bank -----------------------------------------------------------------------------------------

    async def sandbox_declines(self) -> None:
        """Have the sandbox know the card that it refuses: it keeps none beyond its own end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._ports["sandbox"])
        writer.write(json.dumps({"id": 1, "do": "decline", "cards": [self.declined_card]}).encode() + b"\n")
        await reader.readline()
        writer.close()
        await writer.wait_closed()

    async def sandbox_misbehaves(self, faults: Faults) -> None:
        """From now on.

        Raises:
            GatewayError: it can't be asked.
        """
        await SandboxGateway(self.ledger, url=f"tcp://127.0.0.1:{self._ports['sandbox']}").misbehave(faults)

    async def tap_at_terminal(self) -> bool:
        """Hold a card to the terminal; whether it asked for one."""
        url = f"http://127.0.0.1:{self._ports['terminal']}/stage/tap"
        try:
            async with aiohttp.ClientSession(timeout=_TAP_LIMIT) as web, web.post(url, headers=_SIGNED) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
