"""The two card terminals, each with the simulated server of its service, in one set of words for the tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from edge.agents.payment.gateway import Gateway
from edge.agents.payment.simulated.stripe import SimulatedStripe
from edge.agents.payment.simulated.sumup import SimulatedSumup
from edge.agents.payment.stripe_terminal import StripeTerminal
from edge.agents.payment.sumup_reader import SumupReader

NAMES = ("stripe", "sumup")
# What our requests are called at either server, in the order of a payment.
BEGINS = {"stripe": "process", "sumup": "create"}
REQUESTS = {
    "stripe": ("create", "process", "retrieve", "look", "capture"),
    "sumup": ("create", "retrieve", "find"),
}


class Terminal:
    """A service, its reader, and the gateway that asks them. Made again, the gateway is one after a crash."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.server: SimulatedStripe | SimulatedSumup = SimulatedStripe() if name == "stripe" else SimulatedSumup()
        self.late_s = 0.0  # on the kiosk's clock
        self.made: list[Gateway] = []

    @property
    def line(self) -> set[str]:
        return self.server.serving.line.loses_answer

    def gateway(self, api_key: str | None = None) -> Gateway:
        made: Gateway
        if isinstance(self.server, SimulatedStripe):
            made = StripeTerminal(
                api_key or self.server.api_key,
                self.server.reader,
                "USD",
                api_url=self.server.serving.url,
                poll_s=0.01,
            )
        else:
            made = SumupReader(
                api_key or self.server.api_key,
                self.server.merchant,
                self.server.reader,
                "USD",
                affiliate=("app", "key"),
                api_url=self.server.serving.url,
                poll_s=0.01,
                now_s=self.now_s,
            )
        self.made.append(made)
        return made

    def now_s(self) -> float:
        return time.time() + self.late_s

    def a_minute_passes(self) -> None:
        self.late_s += 61

    def held(self, request: str) -> Callable[[], None]:
        """Keep requests of that name from being done until what is returned is called."""
        event = self.server.serving.line.holds[request] = asyncio.Event()
        return event.set

    def charged(self) -> dict[str, int]:
        """What was charged and kept, by attempt."""
        return {key.replace("order-1-", "order-1/"): minor for key, minor in self.server.charged.items()}

    async def start(self) -> None:
        await self.server.serving.start()

    async def stop(self) -> None:
        for made in self.made:
            await made.close()
        await self.server.serving.stop()
