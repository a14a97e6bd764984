"""The monitor: looks at the kiosk, keeps its streams, answers /healthz and /metrics, says what is wrong."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edge.bus import BusError, Client
from edge.bus.connection import DEFAULT_URL
from edge.bus.tasks import cancel_all
from edge.contract.subjects import AGENTS
from edge.monitor.alarm import Alarm, Standing
from edge.monitor.alerts import WINDOW_S, find
from edge.monitor.health import Health, health
from edge.monitor.latency import LatencyTotals
from edge.monitor.look import Look, look
from edge.monitor.metrics import metrics_text
from edge.monitor.server import DEFAULT_SERVER_URL, MonitoringPort
from edge.monitor.upkeep import Upkeep
from edge.monitor.web import Web

log = logging.getLogger(__name__)

DEFAULT_PORT: Final = 8223

# Something else that has to run as long as the kiosk does, such as the collector of dead letters.
Job = Callable[[Client], Coroutine[Any, Any, None]]

_FRESH_S = 0.2  # who asks within so long of a look gets that one
_AGAIN_S = 2.0
_BACK_OFF_S = (1.0, 2.0, 5.0, 10.0, 30.0)


class Monitor:
    """Watches the kiosk: `connect`, then it works until `close`.

    `server_url` is nats-server's monitoring port; of the table's agents, those in `expected` have to be up.
    Each of `jobs` is run with the monitor's client once the bus is there, and again after a fault, ever more slowly.
    A `port` of 0 picks a free one.
    """

    def __init__(
        self,
        nats_url: str = DEFAULT_URL,
        *,
        port: int = DEFAULT_PORT,
        server_url: str = DEFAULT_SERVER_URL,
        interval_s: float = 5.0,
        expected: Collection[str] = AGENTS,
        slow_for_s: float = WINDOW_S,
        key_file: Path | None = None,
        jobs: Sequence[Job] = (),
    ) -> None:
        self.client = Client(nats_url, name="monitor", key_file=key_file)
        self.upkeep = Upkeep(self.client, every_s=interval_s)
        self._interval_s = interval_s
        self._expected = expected
        self._jobs = jobs
        self._port = MonitoringPort(server_url, slow_for_s=slow_for_s)
        self._web = Web(port, health=self.health, metrics=self.metrics, alerts=self.alerts)
        self._latency = LatencyTotals(window_s=WINDOW_S)
        self._alarm = Alarm()
        self._look: Look | None = None
        self._looked_at_s = 0.0
        self._looked_in = (False, False)
        self._looking = asyncio.Lock()
        self._connect_problem = ""
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def url(self) -> str:
        """Where it answers, such as ``http://127.0.0.1:8223``."""
        return f"http://127.0.0.1:{self._web.port}"

    async def connect(self) -> None:
        """Answer over HTTP from now on, and watch; a bus that isn't up yet is waited for in the background.

        Raises:
            OSError: another program has the port.
        """
        await self._web.start()
        self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._work())]

    async def set_up(self) -> None:
        """Return once the bus is there and the contract's streams and work queues are made."""
        await self.upkeep.made.wait()

    async def close(self) -> None:
        """Stop everything and leave the bus."""
        await cancel_all(self._tasks)
        self._tasks = []
        await self._web.stop()
        await self._port.close()
        await self.client.close()

    # -- what it knows ------------------------------------------------------------------------------------

    async def look(self) -> Look:
        """The kiosk as it is now, or was a moment ago."""
        async with self._looking:
            stale = time.monotonic() - self._looked_at_s > _FRESH_S or self._state != self._looked_in
            if self._look is None or stale:
                await self._look_again()
            assert self._look is not None  # noqa: S101 - _look_again made it
            return self._look

    async def health(self) -> Health:
        """How healthy it is."""
        return health(await self.look(), self._expected)

    async def metrics(self) -> bytes:
        """Everything in Prometheus' text format."""
        seen, latency, raised = await self.look(), self._latency.series, self._alarm.raised
        # Some 10 ms of writing: in a thread, for in `kiosk run all` agents share this loop.
        return await asyncio.to_thread(metrics_text, seen, latency, raised, self._expected)

    async def alerts(self) -> list[Standing]:
        """What is wrong, and since when."""
        await self.look()
        return self._alarm.raised

    @property
    def _state(self) -> tuple[bool, bool]:
        """What a look is soon out of date by: whether the bus is there, and set up."""
        return self.client.connected, self.upkeep.made.is_set()

    # -- inside -------------------------------------------------------------------------------------------

    async def _look_again(self) -> None:
        self._looked_in = self._state
        seen = await look(self.client, self._port)
        now_s = time.monotonic()
        seen = replace(seen, setup_problem=self.upkeep.problem)
        if self._connect_problem and seen.bus is None:
            seen = replace(seen, bus_problem=self._connect_problem)
        if self._look is not None:
            seen = seen.after(self._look, now_s - self._looked_at_s)
        self._look, self._looked_at_s = seen, now_s
        if seen.bus is not None:
            instances = (each for state in seen.bus.agents.values() for each in state.instances)
            self._latency.add(each.latency for each in instances if each.latency is not None)
            made = [each.made for each in seen.bus.streams] + [each.made for each in seen.bus.consumers]
            if not all(made):
                self.upkeep.mend_now()
        self._alarm.update(find(seen, self._latency.recent(), self._expected))

    async def _watch(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("the monitor has a fault; it goes on")
            await asyncio.sleep(self._interval_s)

    async def _work(self) -> None:
        """Connect, however long it takes; then keep the streams and run the jobs, until the connection is no more."""
        while True:
            try:
                await self.client.connect()
            except BusError as error:
                if str(error) != self._connect_problem:  # once, not at every try
                    log.error("monitor: %s", error)  # noqa: TRY400 - a refused key needs no traceback
                self._connect_problem = str(error)
                await asyncio.sleep(_AGAIN_S)
                continue
            self._connect_problem = ""
            keeping = asyncio.create_task(self.upkeep.run())
            jobs = [asyncio.create_task(self._keep_running(job)) for job in self._jobs]
            try:
                await keeping
            finally:
                await cancel_all((keeping, *jobs))

    async def _keep_running(self, job: Job) -> None:
        await self.set_up()
        failures = 0
        while True:
            began_s = time.monotonic()
            try:
                await job(self.client)
            except Exception as error:
                if time.monotonic() - began_s > _BACK_OFF_S[-1]:
                    failures = 0
                wait_s = _BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)]
                failures += 1
                known = isinstance(error, ConnectionError)
                text = "the monitor's job %s stopped: %s; again in %g s"
                name = getattr(job, "__qualname__", repr(job))
                log.log(logging.ERROR, text, name, error, wait_s, exc_info=None if known else error)
                await asyncio.sleep(wait_s)
            else:
                return
