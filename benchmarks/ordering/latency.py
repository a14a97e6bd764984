"""How long a search and a suggestion take through the bus, with a menu of 2,000 dishes."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.ordering import diner, large
from edge.agents.menu.agent import MenuAgent
from edge.agents.menu.shelf import Glance, Shelf
from edge.agents.recsys.agent import RecsysAgent
from edge.agents.recsys.memory import Memory
from edge.assembly import Live, offers
from edge.bus import Client, EmbeddedServer
from edge.contract.errors import AskError
from edge.contract.menu import Search
from edge.contract.recsys import CartEntry, Context, Suggest
from edge.contract.subjects import MENU_SEARCH, RECSYS_SUGGEST

TARGET_P95_MS = 25.0
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_MOMENTS = ("breakfast", "lunch", "afternoon", "dinner", "night")


@dataclass(frozen=True)
class Latency:
    """From the ask to its answer in the asker, one caller, in ms; `cpu_ms` is processor time of asker and agents."""

    what: str
    calls: int
    p50_ms: float
    p95_ms: float
    max_ms: float
    cpu_ms: float


async def measure(folder: Path, calls: int = 400, dishes: int = 2000, past_orders: int = 5000) -> list[Latency]:
    """Search and suggest, asked durably on a server as shipped; agents and asker in one process.

    The queries are the labelled list's, whose misspelled words have to be looked up, and two words of dishes' names.
    """
    menu = large.menu(dishes)
    rng = random.Random(1)  # noqa: S311 - carts and queries, not secrets
    memory = Memory()
    ids = [dish.id for dish in menu.dishes]
    for number in range(past_orders):
        memory.remember(str(number), _EPOCH, rng.choice(_MOMENTS), rng.sample(ids[:300], rng.randint(1, 4)))
    path = folder / "menu.sqlite"
    glance = Glance(path, menu)
    async with EmbeddedServer(folder / "nats") as server:
        agents = (
            MenuAgent(server.url, menu, shelf=Shelf(path)),
            RecsysAgent(server.url, Live(glance, offers), memory=memory),
        )
        client = Client(server.url, name="orchestrator")
        try:
            for agent in agents:
                await agent.connect()
            await client.connect()
            queries = [each.typed for each in diner.queries()]
            queries += [
                " ".join(rng.sample(dish.name.split(), 2)) for dish in rng.sample(menu.dishes, min(100, dishes))
            ]

            async def search() -> None:
                try:
                    await client.request(MENU_SEARCH, Search(query=rng.choice(queries)))
                except AskError as error:
                    if error.code != "MENU_NOT_FOUND":
                        raise

            async def suggest() -> None:
                cart = [CartEntry(item_id=item, quantity=1) for item in rng.sample(ids[:300], rng.randint(0, 4))]
                context = Context(time_of_day="lunch", weather="hot", party_size=rng.randint(1, 4))
                await client.request(RECSYS_SUGGEST, Suggest(cart=cart, context=context))

            return [await _timed("search", search, calls), await _timed("suggest", suggest, calls)]
        finally:
            await client.close()
            for agent in agents:
                await agent.close()
            glance.close()


async def _timed(what: str, ask: Callable[[], Awaitable[None]], calls: int) -> Latency:
    for _ in range(20):  # not counted
        await ask()
    took_ms = []
    cpu_s = time.process_time()
    for _ in range(calls):
        began_s = time.perf_counter()
        await ask()
        took_ms.append((time.perf_counter() - began_s) * 1000)
    cpu_s = time.process_time() - cpu_s
    took_ms.sort()
    return Latency(
        what,
        calls,
        round(took_ms[calls // 2], 2),
        round(took_ms[int(calls * 0.95)], 2),
        round(took_ms[-1], 2),
        round(cpu_s / calls * 1000, 2),
    )
