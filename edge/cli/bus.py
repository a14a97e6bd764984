"""`kiosk bus`: look at the bus, watch it, say and ask something on it."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.table import Table

from edge.bus import Client
from edge.bus.connection import DEFAULT_URL
from edge.bus.overview import Overview, overview
from edge.cli.speaking import complaints, console, fail, json_object, run
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError
from edge.contract.subjects import ALL

app = typer.Typer(no_args_is_help=True, help="Look at the bus, watch it, publish and ask on it.")

_CONNECT_S = 5.0

Url = Annotated[str, typer.Option("--url", envvar="KIOSK_BUS_URL", help="The NATS server.")]
Payload = Annotated[
    str,
    typer.Argument(help="The payload as JSON (or a whole envelope).", metavar="PAYLOAD", show_default=False),
]


async def _connected(url: str) -> Client:
    client = Client(url, name="kiosk-cli")
    await client.connect(wait_s=_CONNECT_S)
    return client


@app.command()
def status(url: Url = DEFAULT_URL) -> None:
    """Show the server, the streams, the work queues and the agents.

    Exits 1 when a stream is missing.
    """

    async def look() -> Overview:
        client = await _connected(url)
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


@app.command()
def watch(
    subject: Annotated[str, typer.Argument(help="Which subjects; * is one word, > the rest.")] = ALL,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    count: Annotated[int | None, typer.Option(help="Stop after so many messages.", min=1)] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Show messages as they come. Ctrl-C ends.

    Examples: kiosk bus watch · kiosk bus watch 'kiosk.voice.*' · kiosk bus watch --json | jq .
    """

    async def look() -> None:
        client = await _connected(url)
        seen = 0
        try:
            async for where, message in client.watch(subject):
                _show(where, message, as_json=as_json)
                seen += 1
                if seen == count:
                    return
        finally:
            await client.close()

    run(look())


def _show(subject: str, message: NATSMessage | ContractError, *, as_json: bool) -> None:
    if isinstance(message, ContractError):
        if as_json:
            print(json.dumps({"subject": subject, "malformed": str(message)}), flush=True)
        else:
            complaints.print(f"{subject}  [red]malformed:[/] {message}", highlight=False)
        return
    if as_json:
        print(json.dumps({"subject": subject} | vars(message), ensure_ascii=False), flush=True)
    else:
        clock = message.timestamp[11:23]
        text = json.dumps(message.payload, ensure_ascii=False)
        console.print(f"[dim]{clock:12}[/] [cyan]{subject}[/] ", end="", highlight=False)
        console.print(text, markup=False, soft_wrap=True)


@app.command()
def publish(
    subject: Annotated[str, typer.Argument(help="An event's subject.", show_default=False)],
    payload: Payload,
    url: Url = DEFAULT_URL,
) -> None:
    """Publish an event in a proper envelope, and wait until the stream has it.

    Example: kiosk bus publish kiosk.vision.person_detected '{"event":"person_detected"}'
    """

    async def say() -> None:
        client = await _connected(url)
        try:
            await client.publish(subject, json_object(payload))
        finally:
            await client.close()

    run(say())
    console.print("[green]stored[/]")


@app.command()
def request(
    subject: Annotated[str, typer.Argument(help="A command's subject.", show_default=False)],
    payload: Payload,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for the answer.", min=0.01)] = 5.0,
    url: Url = DEFAULT_URL,
) -> None:
    """Ask an agent and show its answer.

    Exits 1 when it refused (the answer's status is error), isn't running or didn't answer.

    Example: kiosk bus request kiosk.agent.menu.search '{"command":"search","query":"burger"}'
    """

    async def ask() -> dict[str, object]:
        client = await _connected(url)
        try:
            return await client.request(subject, json_object(payload), timeout)
        finally:
            await client.close()

    answer = run(ask())
    console.print_json(json.dumps(answer))
    body = answer.get("payload")
    if isinstance(body, dict) and body.get("status") == "error":
        raise typer.Exit(1)
