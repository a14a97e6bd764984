"""`kiosk bus replay`: what happened, once more."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge.bus import Client
from edge.bus.connection import DEFAULT_URL
from edge.bus.history import Entry, choosing, journey, last_journey, recorded
from edge.bus.replay import Replay
from edge.cli.bus.ids import SessionId, TraceId
from edge.cli.bus.moments import SHAPES, moment
from edge.cli.bus.opening import Url, connected
from edge.cli.bus.pacing import in_time, speed_of
from edge.cli.bus.telling import SHORT, as_fields, clock, print_json, show
from edge.cli.speaking import complaints, console, fail, run
from edge.contract.envelope import NATSMessage
from edge.contract.errors import ContractError
from edge.contract.subjects import event_on

_LEADER: Final = "orchestrator"  # decides what happens next; on a bus where it runs it says so itself


@dataclass(frozen=True)
class _Choice:
    """What of the record to play."""

    session: str
    trace: str
    last: bool
    since: datetime | None
    until: datetime | None
    subjects: tuple[str, ...]

    @property
    def empty(self) -> bool:
        return not (self.session or self.trace or self.last or self.since or self.until)


def replay(
    *,
    session: SessionId = "",
    trace: TraceId = "",
    last: Annotated[bool, typer.Option("--last", help="The newest session.")] = False,
    since: Annotated[
        datetime | None,
        typer.Option("--from", parser=moment, metavar="TIME", help=f"From then on: {SHAPES}.", show_default=False),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--to", parser=moment, metavar="TIME", help="Up to then.", show_default=False),
    ] = None,
    subject: Annotated[
        list[str] | None,
        typer.Option(help="Only these subjects; * is one word, > the rest. May be given again.", show_default=False),
    ] = None,
    speed: Annotated[
        float,
        typer.Option(parser=speed_of, metavar="X", help="X times as fast as it happened; 0 or max: without a pause."),
    ] = 1.0,
    max_gap: Annotated[
        float | None,
        typer.Option(help="Seconds that a pause takes at most, before it is divided by the speed.", min=0),
    ] = None,
    onto: Annotated[
        str | None,
        typer.Option("--onto", "--to-url", metavar="URL", help="Say it all again on the bus at this server."),
    ] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="With --onto: also what a running orchestrator there says itself.")
    ] = False,
    same_record: Annotated[
        bool, typer.Option("--same-record", help="With --onto: allow the very KIOSK_EVENTS that it comes from.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be played, at once, and say nothing on any bus.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No line for each event.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Play recorded events again, in their order and with their pauses: to the terminal, or onto another bus.

    On a bus each event is a message of its own: new msg_id, session and trace (the same new ones throughout), the
    time of the replay, and the header Kiosk-Replay-Of with the original's msg_id. Exits 1 when nothing is found.

    Examples: kiosk bus replay --last · kiosk bus replay --session 3f8c --speed 10 --onto nats://localhost:4333
    """
    choice = _Choice(session, trace, last, since, until, tuple(subject or ()))
    if choice.empty:
        fail("say what to replay: --session, --trace, --last, or --from and --to", 2)
    if since and until and since > until:
        fail(f"--from ({since:%Y-%m-%d %H:%M:%S %Z}) is after --to ({until:%Y-%m-%d %H:%M:%S %Z})", 2)

    async def play() -> None:
        async with contextlib.AsyncExitStack() as leaving:
            source = await connected(url)
            leaving.push_async_callback(source.close)
            entries = await _found(source, choice)
            target, player = None, None
            if onto is not None:
                target = await connected(onto)
                leaving.push_async_callback(target.close)
                player = Replay(target)
                kept = await player.check(source, same_record=same_record)
                entries = await _without_the_leaders(entries, target, everything=everything)
                if not kept:
                    complaints.print("[dim]no KIOSK_EVENTS there: who listens hears it, nothing keeps it[/]")
            if dry_run:
                _tell(entries, quiet=quiet, as_json=as_json)
                _sum_up("would play", entries, onto)
                return
            began_s = asyncio.get_running_loop().time()
            with _progress(len(entries), as_json=as_json) as (step, out):
                async for entry in in_time(entries, speed, max_gap):
                    said = await _say(entry, player)
                    if not quiet:
                        _show(entry, said, out, as_json=as_json)
                    step(entry)
            _sum_up("played", entries, onto, asyncio.get_running_loop().time() - began_s)
            if player is not None:
                _tell_traces(entries, player)

    run(play())


async def _found(source: Client, choice: _Choice) -> list[Entry]:
    """What the record has of it; says so and exits 1 where that is nothing."""
    chosen = choosing(subjects=choice.subjects)
    if choice.session or choice.trace:
        whole = await journey(source, session=choice.session, trace="" if choice.session else choice.trace)
    elif choice.last:
        whole = await last_journey(source)
    else:
        return [e async for e in recorded(source, since=choice.since, until=choice.until) if chosen(e)] or _nothing()
    return [
        entry
        for entry in whole.entries
        if chosen(entry)
        and (choice.since is None or entry.at >= choice.since)
        and (choice.until is None or entry.at <= choice.until)
        and entry.trace_id.startswith(choice.trace)
    ] or _nothing()


def _nothing() -> list[Entry]:
    fail("KIOSK_EVENTS holds nothing of the kind")


async def _without_the_leaders(entries: list[Entry], target: Client, *, everything: bool) -> list[Entry]:
    """Leave out what an orchestrator on the target will say itself: two of them would talk across each other."""
    if everything or not await target.is_up(_LEADER):
        return entries
    kept = [entry for entry in entries if (event := event_on(entry.subject)) is None or event.said_by != _LEADER]
    left_out = len(entries) - len(kept)
    if left_out:
        complaints.print(
            f"[dim]an orchestrator runs there: {left_out} events that are its own to say are left out (--all)[/]",
            highlight=False,
        )
    return kept or _nothing()


async def _say(entry: Entry, player: Replay | None) -> NATSMessage | None:
    if player is None or isinstance(entry.message, ContractError):
        return None  # a malformed one is shown, and not said again
    return await player.say(entry)


def _show(entry: Entry, said: NATSMessage | None, out: Console, *, as_json: bool) -> None:
    if not as_json:
        show(entry, out)
        return
    fields = as_fields(entry)
    if said is not None:
        fields["played_as"] = {name: getattr(said, name) for name in ("msg_id", "session_id", "trace_id", "timestamp")}
    print_json(fields)


def _tell(entries: Sequence[Entry], *, quiet: bool, as_json: bool) -> None:
    for entry in entries:
        if not quiet:
            _show(entry, None, console, as_json=as_json)


def _sum_up(did: str, entries: Sequence[Entry], onto: str | None, took_s: float | None = None) -> None:
    lasted_s = (entries[-1].at - entries[0].at).total_seconds()
    broken = sum(isinstance(entry.message, ContractError) for entry in entries) if onto else 0
    complaints.print(
        f"[bold]{did} {len(entries) - broken} events[/]"
        + (f" onto {onto}" if onto else "")
        + (f" in {took_s:.1f} s" if took_s is not None else "")
        + f"; they happened within {lasted_s:.1f} s from {clock(entries[0].at)}"
        + (f"; {broken} malformed ones left out" if broken else ""),
        highlight=False,
    )


def _tell_traces(entries: Sequence[Entry], player: Replay) -> None:
    for trace_id in dict.fromkeys(entry.trace_id for entry in entries if entry.trace_id in player.ids):
        complaints.print(
            f"[dim]trace {trace_id[:SHORT]} is {player.ids[trace_id]} there[/]", highlight=False, soft_wrap=True
        )


@contextlib.contextmanager
def _progress(count: int, *, as_json: bool) -> Iterator[tuple[Callable[[Entry], None], Console]]:
    """A bar below the lines, on a terminal; and the console that writes above it."""
    out = complaints if as_json else console
    shown = out.is_terminal and not (as_json and sys.stdout.isatty())
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=out,
        transient=True,
        disable=not shown,
    )
    with bars:
        task = bars.add_task("replay", total=count)
        yield (lambda entry: bars.update(task, advance=1, description=clock(entry.at))), out
