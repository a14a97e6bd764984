"""What asking an agent costs, beside raw nats-py: round trips in one run, as ratios with their spread.

    .venv/bin/python benchmarks/asking.py [--rounds 5] [--asks 400]

Raw is `nc.request` to a callback that parses and answers JSON with the json module: no envelope, no validation, no
stream. Live is the same request answered by an agent; durable is our client's typed ask through the work queue.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import nats
from nats.aio.msg import Msg

from edge.bus import Client, EmbeddedServer, NATSAgentBase, does
from edge.contract import menu
from edge.contract.money import Money
from edge.contract.subjects import MENU_SEARCH

DISH = menu.FoundItem(id=101, name="Volcano Burger", price=Money.of("12.99"), image="", tags=["spicy"], available=True)
ASK = {"payload": {"command": "search", "query": "spicy burger", "tags": ["spicy"], "limit": 10}}


class Waiter(NATSAgentBase):
    """Always has the same dish."""

    name = "menu"

    @does(MENU_SEARCH)
    async def search(self, _: menu.Search) -> menu.SearchResult:
        return menu.SearchResult(items=[DISH], total_matches=1)


async def median_us(asks: int, ask: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(asks):
        began = time.perf_counter()
        await ask()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e6


async def measure(rounds: int, asks: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with EmbeddedServer(Path(folder)) as server:
            waiter = Waiter(server.url)
            await waiter.connect()
            client = Client(server.url)
            await client.connect(wait_s=5)
            plain = await nats.connect(server.url)
            raw = await nats.connect(server.url)

            async def answer(msg: Msg) -> None:
                json.loads(msg.data)
                await msg.respond(json.dumps({"payload": {"status": "success", "items": []}}).encode())

            await raw.subscribe("raw.search", cb=answer)
            await raw.flush()
            data = json.dumps(ASK).encode()
            ways: dict[str, Callable[[], Awaitable[object]]] = {
                "raw nats-py": lambda: plain.request("raw.search", data, timeout=5),
                "live": lambda: plain.request(MENU_SEARCH.subject, data, timeout=5),
                "durable": lambda: client.request(MENU_SEARCH, menu.Search(query="spicy burger", tags=["spicy"])),
            }
            found: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(rounds):  # side by side, so that a busy moment meets all of them
                for name, ask in ways.items():
                    found[name].append(await median_us(asks, ask))
            print(f"{'':12} {'p50, us':>9}   ratio to raw (least to most of {rounds} rounds)")
            for name, times in found.items():
                ratios = [mine / raw_us for mine, raw_us in zip(times, found["raw nats-py"], strict=True)]
                spread = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
                print(f"{name:12} {statistics.median(times):9.0f}   {spread}")
            for connection in (plain, raw):
                await connection.close()
            await client.close()
            await waiter.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--asks", type=int, default=400)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.rounds, chosen.asks))
