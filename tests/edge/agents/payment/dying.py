"""A payment agent on a shop's files, to be killed: `python -m tests.edge.agents.payment.dying URL DIR`.

Where it dies the environment says (`edge.bus.crashing`). Standard output says "ready" once it is on the bus.
With a third argument its gateway loses the answers of charges.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.edge.agents.payment.shop import FaultyGateway, Shop


async def run(nats_url: str, folder: Path, *, deaf: bool) -> None:
    """Be the agent until the end."""
    shop = Shop(folder, nats_url)
    gateway = FaultyGateway(shop.bank())
    gateway.loses_the_answer = deaf
    await shop.open(gateway, reconcile_s=0.05)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), deaf=len(sys.argv) > 3))
