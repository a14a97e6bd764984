"""`kiosk fleet status|ask|watch|losses`: how the kiosks are, and what they say."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edge.bus.connection import BusUnreachable
from edge.bus.history import Entry, choosing
from edge.bus.hub import Hub, HubRefused, Stored
from edge.cli.bus.ids import SessionId, TraceId
from edge.cli.bus.telling import as_fields, clock, colour_of, in_words, print_json, put, safe
from edge.cli.fleet.opening import DEFAULT_FOLDER, DEFAULT_USER, AsOption, FolderOption, JsonOption, signed_in
from edge.cli.speaking import console, fail, json_object, run
from edge.contract.errors import ContractError
from edge.contract.fleet import FLEET_EVENTS, event_subject, events_of, kiosk_of
from edge.contract.subjects import ALL
from edge.contract.wire import to_json
from edge.fleet.asking import ask as ask_kiosk
from edge.fleet.books import Book, Notice
from edge.fleet.keeper import books, notices

KioskOption = Annotated[
    list[str] | None, typer.Option("--kiosk", help="Of this kiosk only; may be given again.", show_default=False)
]


def status(
    kiosk: Annotated[list[str] | None, typer.Argument(help="Only these.", show_default=False)] = None,
    *,
    as_json: JsonOption = False,
    hub: FolderOption = DEFAULT_FOLDER,
    user: AsOption = DEFAULT_USER,
) -> None:
    """Show every kiosk: connected or since when not, what it still has for the hub, what was lost. Ends with 1 when one
    is away or events were lost.

    The figures are the keeper's (kiosk fleet serve), some 15 s old.
    """
    found = run(_books(hub, user))
    chosen = [book for book in found if book.member and (not kiosk or book.kiosk in kiosk)]
    unknown = sorted(set(kiosk or ()) - {book.kiosk for book in chosen})
    if unknown:
        fail(f"the keeper knows no kiosk {unknown[0]!r}; kiosk fleet list shows the register")
    now_s = time.time()
    if as_json:
        for book in chosen:
            print_json(as_json_fields(book, now_s))
    else:
        console.print(shown(chosen, now_s))
    if any(not book.connected or book.lost for book in chosen):
        raise typer.Exit(1)


def ask(
    kiosk: Annotated[str, typer.Argument(help="Which kiosk.")],
    command: Annotated[
        str, typer.Argument(help="What: a command's subject, or as much of its end as is clear; about.")
    ],
    payload: Annotated[str | None, typer.Argument(help="The payload as JSON, where it needs one.")] = None,
    *,
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait for the answer.", min=0.1)] = None,
    hub: FolderOption = DEFAULT_FOLDER,
    user: AsOption = DEFAULT_USER,
) -> None:
    """Ask one kiosk, and print its answer as JSON. What may be asked is up to the kiosk ([hub] asks in its kiosk.toml).

    Examples: kiosk fleet ask shop-7 hardware.status · kiosk fleet ask shop-7 about
    """
    fields = json_object(payload) if payload is not None else None

    async def work() -> dict[str, Any]:
        async with signed_in(hub, user) as there:
            return await ask_kiosk(there, kiosk, command, fields, timeout_s=timeout)

    answer = run(work())
    console.print_json(to_json(answer).decode())
    if answer.get("status") == "error":
        raise typer.Exit(1)


def watch(
    subject: Annotated[
        str, typer.Argument(help="Which events, as the kiosk calls them; * is one word, > the rest.")
    ] = ALL,
    *,
    kiosk: KioskOption = None,
    session: SessionId = "",
    trace: TraceId = "",
    as_json: JsonOption = False,
    count: Annotated[int | None, typer.Option(help="Stop after so many.", min=1)] = None,
    hub: FolderOption = DEFAULT_FOLDER,
    user: AsOption = DEFAULT_USER,
) -> None:
    """Show the fleet's events as the hub stores them, until Ctrl-C.

    Examples: kiosk fleet watch --kiosk shop-7 · kiosk fleet watch 'kiosk.session.*' --json
    """
    run(_watch(hub, user, subject, kiosk or ["*"], session=session, trace=trace, as_json=as_json, count=count))


def losses(
    kiosk: Annotated[str, typer.Argument(help="Of one kiosk.")] = "*",
    *,
    as_json: JsonOption = False,
    hub: FolderOption = DEFAULT_FOLDER,
    user: AsOption = DEFAULT_USER,
) -> None:
    """List what was lost: which events of which kiosk, and when the hub knew."""
    found = run(_notices(hub, user, kiosk))
    for notice in found:
        if as_json:
            print_json(
                {
                    "kind": notice.kind,
                    "kiosk": notice.kiosk,
                    "at": _moment(notice.at_s),
                    "first": notice.first,
                    "last": notice.last,
                    "count": notice.count,
                    "total": notice.total,
                }
            )
        else:
            console.print(f"{_moment(notice.at_s)}  {notice.text}", highlight=False, soft_wrap=True)
    if not found and not as_json:
        console.print("nothing was lost")


def as_json_fields(book: Book, now_s: float) -> dict[str, Any]:
    """One kiosk, for a program; what isn't known is null."""
    return {
        "kiosk": book.kiosk,
        "stream": book.stream,
        "connected": book.connected,
        "since": _moment(book.since_s),
        "cut_off_s": round(book.cut_off_s(now_s), 1),
        "losing": book.losing(now_s),
        "lag": book.lag,
        "last_event": _moment(book.last_event_s),
        "version": book.version or None,
        "arrived": book.arrived,
        "lost": book.lost,
        "restarts": book.restarts,
    }


def shown(found: list[Book], now_s: float) -> Group:
    """All of them, for a person."""
    table = Table(box=None, header_style="dim", pad_edge=False)
    for head in ("kiosk", "connected", "version", "last event", ">behind", ">arrived", ">lost"):
        table.add_column(head.removeprefix(">"), justify="right" if head.startswith(">") else "left")
    for book in found:
        table.add_row(
            escape(book.kiosk),
            _connected(book, now_s),
            escape(book.version) or "[dim]?[/]",
            _moment(book.last_event_s) or "-",
            "?" if book.lag is None else f"{book.lag:,}",
            f"{book.arrived:,}",
            f"[red]{book.lost:,}[/]" if book.lost else "0",
        )
    up, lost = sum(book.connected for book in found), sum(book.lost for book in found)
    foot = f"{up} of {len(found)} connected" + (f"; {lost:,} events lost: kiosk fleet losses" if lost else "")
    return Group(table, Text(foot, style="green" if up == len(found) and not lost else "red"))


def _connected(book: Book, now_s: float) -> str:
    if book.connected:
        return "[green]yes[/]"
    if book.since_s is None:
        return "[yellow]never yet[/]"
    away = _span(book.cut_off_s(now_s))
    return f"[bold red]no, for {away}: it is losing events[/]" if book.losing(now_s) else f"[red]no, for {away}[/]"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _moment(at_s: float | None) -> str | None:
    return (
        None if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    )


async def _books(folder: Path, user: str) -> list[Book]:
    async with signed_in(folder, user) as hub:
        try:
            return await books(hub)
        except (HubRefused, BusUnreachable) as error:
            raise BusUnreachable(
                f"{error}. Was the hub set up (kiosk fleet apply), and does its keeper run?"
            ) from error


async def _notices(folder: Path, user: str, kiosk: str) -> list[Notice]:
    async with signed_in(folder, user) as hub:
        return await notices(hub, kiosk)


async def _watch(
    folder: Path,
    user: str,
    subject: str,
    kiosks: list[str],
    *,
    session: str,
    trace: str,
    as_json: bool,
    count: int | None,
) -> None:
    chosen = choosing(session=session, trace=trace, subjects=(subject,))
    seen = 0
    async with signed_in(folder, user) as hub, contextlib.aclosing(_live(hub, kiosks)) as arriving:
        async for stored in arriving:
            entry = Entry(
                event_subject(stored.subject),
                datetime.fromtimestamp(stored.at_s, UTC),
                stored.data,
                sequence=stored.sequence,
                headers=stored.headers,
            )
            if not chosen(entry):
                continue
            name = kiosk_of(stored.subject)
            if as_json:
                print_json({"kiosk": name, "origin_sequence": stored.origin} | as_fields(entry))
            else:
                _show(name, entry)
            seen += 1
            if seen == count:
                return


async def _live(hub: Hub, kiosks: list[str]) -> AsyncGenerator[Stored, None]:
    """The new events of these kiosks, from every stream of the fleet's."""
    arriving: asyncio.Queue[Stored] = asyncio.Queue(1000)
    subjects = [events_of(kiosk) for kiosk in kiosks]

    async def follow(stream: str) -> None:
        async for stored in hub.read(stream, subjects, new=True):
            await arriving.put(stored)

    following = [asyncio.create_task(follow(stream)) for stream in await hub.streams(FLEET_EVENTS)]
    try:
        while True:
            getting = asyncio.create_task(arriving.get())
            await asyncio.wait([getting, *following], return_when=asyncio.FIRST_COMPLETED)
            if not getting.done():
                getting.cancel()
                for task in following:
                    if task.done():
                        task.result()
                return
            yield getting.result()
    finally:
        for task in following:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*following, return_exceptions=True)


def _show(kiosk: str, entry: Entry) -> None:
    text = Text(f"{clock(entry.at)}  ", style="dim")
    text.append(f"{safe(kiosk):12} ", style="bold")
    text.append(f"{safe(entry.subject):28} ", style=colour_of(entry.subject))
    message = entry.message
    if isinstance(message, ContractError):
        text.append(f"malformed: {safe(str(message))}", style="red")
    else:
        text.append(in_words(entry.subject, message.payload))
    put(text, console)
