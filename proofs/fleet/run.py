"""The proof itself: what is done to the fleet, and what has to be so afterwards."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from edge.bus.connection import BusUnreachable
from edge.bus.hub import Hub, KioskAway, KioskSilent
from edge.bus.tasks import cancel_all
from edge.contract.fleet import FLEET_EVENTS, answers_of, api_of, events_of, kiosk_of
from edge.fleet.applying import apply_all
from edge.fleet.books import Notice
from edge.fleet.keeper import Keeper, notices
from edge.fleet.metrics import metrics_text
from edge.fleet.register import changing
from proofs.fleet.findings import Arrived, Findings
from proofs.fleet.machines import HubMachines, KioskMachine

_POLL_S = 0.2
_ARRIVE_S = 240.0  # after a long outage the hub's nats-server waits up to 2 minutes before it asks again


class Cables(Protocol):
    """What cuts a kiosk off and lets it back."""

    def pull(self, name: str) -> None:
        """Cut it off."""

    def plug(self, name: str) -> None:
        """Let it back."""


@dataclass(frozen=True)
class Plan:
    """How much: events a kiosk says in each part, how long a shortened day is, and what a kiosk keeps (`limit` events).

    With `age_s` the second long outage outlasts the events' age; None leaves it out.
    """

    events: int = 100
    day_s: float = 20.0
    limit: int = 300
    age_s: float | None = 90.0


@dataclass
class Fleet:
    """What takes part."""

    hub: HubMachines
    kiosks: list[KioskMachine]
    cables: Cables
    told: list[Notice] = field(default_factory=list)


async def prove(fleet: Fleet, plan: Plan, say: Callable[[str], None] = lambda _: None) -> Findings:
    """All of it. Hub and kiosks run, and the kiosks are members."""
    found = Findings()
    began_s = time.monotonic()
    async with fleet.hub.sign_in(fleet.hub.folder.path, "keeper") as keeping:
        keeper = Keeper(keeping, interval_s=1.0, flush_s=0.5, on_notice=fleet.told.append)
        task = asyncio.create_task(keeper.run())
        try:
            await _Run(fleet, plan, hub=keeping, keeper=keeper, found=found, say=say).all()
        finally:
            await cancel_all([task])
            await keeper.close()
    found.took_s = time.monotonic() - began_s
    return found


class _Run:
    def __init__(
        self, fleet: Fleet, plan: Plan, *, hub: Hub, keeper: Keeper, found: Findings, say: Callable[[str], None]
    ) -> None:
        self._fleet, self._plan, self._say = fleet, plan, say
        self._hub, self._keeper, self._found = hub, keeper, found
        self._wanted_lost: dict[str, int] = {kiosk.name: 0 for kiosk in fleet.kiosks}

    async def all(self) -> None:
        await self._in_peace()
        await self._with_a_node_killed()
        await self._a_day_cut_off()
        await self._longer_than_the_limit()
        if self._plan.age_s is not None:
            await self._longer_than_the_age(self._plan.age_s)
        await self._check_the_announcements()
        await self._revoked()

    async def _in_peace(self) -> None:
        self._say("events of every kiosk, in peace")
        await asyncio.gather(*(kiosk.say(self._plan.events) for kiosk in self._fleet.kiosks))
        await self._all_arrived("in peace")

    async def _with_a_node_killed(self) -> None:
        nodes = self._fleet.hub.nodes
        if len(nodes) < 3:
            return
        info = await self._hub.api(f"STREAM.INFO.{FLEET_EVENTS}")
        victim = str(info["cluster"]["leader"])
        self._say(f"node {victim}, which leads FLEET_EVENTS, is killed while kiosks speak")
        saying = asyncio.gather(*(kiosk.say(self._plan.events) for kiosk in self._fleet.kiosks))
        await nodes[victim].end(signal.SIGKILL)
        await saying
        await self._all_arrived("with a node killed")
        self._found.nodes_killed += 1
        nodes[victim].start()

    async def _a_day_cut_off(self) -> None:
        self._say(f"all kiosks are cut off for a day of {self._plan.day_s:g} s, and go on")
        for kiosk in self._fleet.kiosks:
            self._fleet.cables.pull(kiosk.name)
        steps = 10
        for _ in range(steps):
            await asyncio.gather(*(kiosk.say(self._plan.events // steps) for kiosk in self._fleet.kiosks))
            await asyncio.sleep(self._plan.day_s / steps)
        await self._until(
            lambda: all(not self._keeper.books[each.name].connected for each in self._fleet.kiosks),
            "the keeper saw that every kiosk is cut off",
        )
        before = {each.name: self._keeper.books[each.name].arrived for each in self._fleet.kiosks}
        if any(before[each.name] == each.said for each in self._fleet.kiosks):
            self._found.broken.append("a kiosk that was cut off was heard")
        for kiosk in self._fleet.kiosks:
            self._fleet.cables.plug(kiosk.name)
        plugged_s = time.monotonic()
        await self._all_arrived("after a day cut off")
        self._found.caught_up_s.append(time.monotonic() - plugged_s)

    async def _longer_than_the_limit(self) -> None:
        kiosk = self._fleet.kiosks[0]
        too_many = self._plan.limit + self._plan.events
        self._say(f"{kiosk.name} is cut off and says {too_many} events, of which it keeps {self._plan.limit}")
        self._fleet.cables.pull(kiosk.name)
        await self._until(lambda: not self._keeper.books[kiosk.name].connected, f"{kiosk.name} is cut off")
        arrived = (await self._read([kiosk.name])).highest(kiosk.name)
        await kiosk.say(too_many)
        state = await kiosk.state()
        self._fleet.cables.plug(kiosk.name)
        self._wanted_lost[kiosk.name] += int(state["first_seq"]) - 1 - arrived
        await self._all_arrived("after an outage longer than the limit of messages")

    async def _longer_than_the_age(self, age_s: float) -> None:
        kiosk = self._fleet.kiosks[1]
        self._say(f"{kiosk.name} is cut off for longer than its events live ({age_s:g} s), and has none left")
        self._fleet.cables.pull(kiosk.name)
        await self._until(lambda: not self._keeper.books[kiosk.name].connected, f"{kiosk.name} is cut off")
        await kiosk.say(self._plan.events)
        async with asyncio.timeout(age_s + 60):
            while (await kiosk.state())["messages"]:  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(_POLL_S)
        self._fleet.cables.plug(kiosk.name)
        self._wanted_lost[kiosk.name] += self._plan.events
        await self._until(
            lambda: self._keeper.books[kiosk.name].lost == self._wanted_lost[kiosk.name],
            f"the loss of {kiosk.name} is told though nothing comes of it",
        )
        await kiosk.say(self._plan.events)
        await self._all_arrived("after an outage longer than the events' age")

    async def _check_the_announcements(self) -> None:
        self._say("what was lost is counted and told")
        kept = await notices(self._hub)
        metrics = metrics_text(self._keeper).decode()
        for name, wanted in self._wanted_lost.items():
            told = sum(each.count for each in kept if each.kiosk == name and each.kind == "lost")
            heard = sum(each.count for each in self._fleet.told if each.kiosk == name and each.kind == "lost")
            counted = self._keeper.books[name].lost
            metric = f'fleet_kiosk_lost_events_total{{kiosk="{name}",stream="{FLEET_EVENTS}"}} {float(wanted)}'
            if not told == heard == counted == wanted:
                self._found.broken.append(
                    f"{name} lost {wanted}: counted {counted}, in the log {heard}, in FLEET_NOTICES {told}"
                )
            if metric not in metrics:
                self._found.broken.append(f"the metrics don't say that {name} lost {wanted}")
            self._found.lost += wanted
            self._found.lost_told += told

    async def _revoked(self) -> None:
        kiosk = self._fleet.kiosks[-1]
        self._say(f"{kiosk.name} is revoked while it is connected")
        before = (await self._read([kiosk.name])).count(kiosk.name)
        folder = self._fleet.hub.folder
        with changing(folder.path) as register:
            register.revoke(kiosk.name)
        began_s = time.monotonic()
        outcome = await apply_all(folder, self._fleet.hub.sign_in, cut=[kiosk.name])
        self._found.shut_out_s = time.monotonic() - began_s
        self._found.broken += outcome.problems
        if outcome.shut_out != [kiosk.name]:
            self._found.broken.append(f"{outcome.shut_out} were cut off, not {kiosk.name}")
        process = kiosk.process
        assert process is not None  # noqa: S101 - it runs
        await self._until(lambda: process.log_has("Authorization Violation"), f"{kiosk.name} was refused")
        await kiosk.say(self._plan.events)
        others = [each for each in self._fleet.kiosks if each is not kiosk]
        await asyncio.gather(*(each.say(self._plan.events) for each in others))
        await self._all_arrived("after a revocation", others)
        try:
            await self._hub.ask(
                f"{api_of(kiosk.name)}.STREAM.INFO.KIOSK_EVENTS",
                b"",
                answers_of(kiosk.name, self._hub.user),
                timeout_s=2,
            )
            self._found.broken.append(f"{kiosk.name} still answers")
        except (KioskAway, KioskSilent):
            pass
        after = (await self._read([kiosk.name])).count(kiosk.name)
        if after != before:
            self._found.broken.append(
                f"of {kiosk.name} {after} events are kept, which had {before} when it was revoked"
            )
        self._found.revoked += 1

    async def _all_arrived(self, when: str, kiosks: Sequence[KioskMachine] | None = None) -> None:
        """Wait for everything that can still come, and check each event of it."""
        chosen = list(kiosks or self._fleet.kiosks)

        def complete() -> bool:
            books = self._keeper.books
            return all(
                each.name in books and max(books[each.name].seen, books[each.name].counted) >= each.said
                for each in chosen
            )

        await self._until(complete, f"all events arrived {when}")
        arrived = await self._read([each.name for each in chosen])
        self._found.check(when, arrived, {each.name: each.said for each in chosen}, self._wanted_lost)

    async def _read(self, kiosks: Sequence[str]) -> Arrived:
        """All that FLEET_EVENTS holds of them. A hub that elects its leaders answers nobody, and is asked again."""
        until_s = time.monotonic() + _ARRIVE_S
        while True:
            arrived = Arrived()
            try:
                async for stored in self._hub.read(FLEET_EVENTS, [events_of(name) for name in kiosks]):
                    arrived.add(kiosk_of(stored.subject), stored)
            except BusUnreachable as error:
                if time.monotonic() > until_s:
                    self._found.broken.append(f"FLEET_EVENTS can't be read: {error}")
                    raise
            else:
                return arrived
            await asyncio.sleep(_POLL_S)

    async def _until(self, condition: Callable[[], Any], what: str) -> None:
        try:
            async with asyncio.timeout(_ARRIVE_S):
                while not condition():  # noqa: ASYNC110 - the keeper's books change by themselves
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise NotSo(f"{what}: not within {_ARRIVE_S:g} s") from None


class NotSo(Exception):
    """Something that has to become so did not."""
