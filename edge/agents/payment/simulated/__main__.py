"""`python -m edge.agents.payment.simulated --ledger FILE`: a simulated Stripe as a process, to try a terminal out.

The first line it prints is where it listens: the `api_url` of [payment.stripe], with the key `sk_test_simulated` and
the reader `tmr_simulated`. A card is held to the reader by a POST to /stage/tap with that key, a declined one by
/stage/tap?declined=CODE.
Killed and started again it goes on from its ledger.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from edge.agents.payment.simulated.stripe import SimulatedStripe


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser(
        prog="python -m edge.agents.payment.simulated",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--ledger", type=Path, required=True, help="its books, a JSON file")
    parser.add_argument("--port", type=int, default=0, help="where to listen on this machine; 0 takes a free one")
    chosen = parser.parse_args(arguments)
    try:
        asyncio.run(_run(chosen.ledger, chosen.port))
    except OSError as error:
        parser.exit(1, f"the simulated Stripe can't run on port {chosen.port}: {error.strerror or error}\n")


async def _run(ledger: Path, port: int) -> None:
    service = SimulatedStripe(ledger=ledger)

    async def tap(request: web.Request) -> web.Response:
        try:
            service.tap(declined=request.query.get("declined"))
        except RuntimeError as error:
            return web.json_response({"error": str(error)}, status=409)
        service.write()
        return web.json_response({})

    service.serving.add("/stage/tap", tap)
    await service.serving.start(port)
    sys.stdout.write(f"{service.serving.url}\n")
    sys.stdout.flush()
    end = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, end.set)
    await end.wait()
    await service.serving.stop()


if __name__ == "__main__":
    main()
