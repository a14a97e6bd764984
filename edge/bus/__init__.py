"""The bus: the only code that imports nats.

`NATSAgentBase` is what an agent inherits; `Client` is what everyone else uses to publish, ask and watch.
"""

from edge.bus.agent import NATSAgentBase
from edge.bus.client import Client
from edge.bus.connection import BusError, BusUnreachable
from edge.bus.deadline import time_left_s
from edge.bus.marks import always, does, hears
from edge.bus.server import EmbeddedServer

__all__ = [
    "BusError",
    "BusUnreachable",
    "Client",
    "EmbeddedServer",
    "NATSAgentBase",
    "always",
    "does",
    "hears",
    "time_left_s",
]
