"""`kiosk bus status`: how the bus is."""

from __future__ import annotations

from rich.table import Table

from edge.bus.connection import DEFAULT_URL
from edge.bus.overview import Overview, overview
from edge.cli.bus.opening import Url, connected
from edge.cli.speaking import console, fail, run


def status(url: Url = DEFAULT_URL) -> None:
    """Show the server, the streams, the work queues and the agents.

    Exits 1 when a stream is missing.
    """

    async def look() -> Overview:
        client = await connected(url)
        try:
            return await overview(client)
        finally:
            await client.close()

    seen = run(look())
    console.print(f"[bold]nats-server {seen.server_version}[/] at {seen.url}")
    streams = Table("stream", "messages", "bytes", box=None, header_style="dim")
    for stream in seen.streams:
        words = (f"{stream.messages:,}", f"{stream.size_bytes:,}") if stream.made else ("[red]missing[/]", "")
        streams.add_row(stream.name, *words)
    console.print(streams)
    agents = Table("agent", "running", "waiting", "at work", "delivered again", box=None, header_style="dim")
    queues = {consumer.agent: consumer for consumer in seen.consumers}
    for agent, instances in seen.agents.items():
        queue = queues.get(agent)
        counts = (
            (str(queue.waiting), str(queue.at_work), str(queue.redelivered))
            if queue and queue.made
            else ("-", "-", "-")
        )
        agents.add_row(agent, str(instances) if instances else "[yellow]no[/]", *counts)
    console.print(agents)
    if not all(stream.made for stream in seen.streams):
        fail("a stream is missing: start an agent, it makes them")
