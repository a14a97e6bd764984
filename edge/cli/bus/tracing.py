"""`kiosk bus trace`: one customer's journey."""

from __future__ import annotations

import statistics
from typing import Annotated, Final

import typer
from rich.text import Text

from edge.bus.connection import DEFAULT_URL
from edge.bus.history import Journey, journey, last_journey
from edge.cli.bus.ids import SessionId, beginning_of_an_id
from edge.cli.bus.opening import Url, connected
from edge.cli.bus.telling import clock, colour_of, print_json, put, safe
from edge.cli.bus.timeline import Moment, answers, as_fields, bar, duration, moments, outcome
from edge.cli.speaking import console, fail, run

_BAR_WIDTH: Final = 24


def trace(
    trace_id: Annotated[
        str,
        typer.Argument(
            metavar="TRACE_ID", help="Its first characters do.", callback=beginning_of_an_id, show_default=False
        ),
    ] = "",
    *,
    session: SessionId = "",
    last: Annotated[bool, typer.Option("--last", help="The newest session's.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
    url: Url = DEFAULT_URL,
) -> None:
    """Show one customer's journey as a timeline: what was said when, by whom, and what took how long.

    The bars show where in the journey the time before an event passed. Commands are not in it: their queue keeps
    none. The time between two events has them in it; telemetry has them one by one (docs/audit.md).

    Examples: kiosk bus trace --last · kiosk bus trace 3f8c · kiosk bus trace --session 0b1c --json
    """
    if [bool(trace_id), bool(session), last].count(True) != 1:
        fail("say which journey: TRACE_ID, --session ID or --last", 2)

    async def find() -> Journey:
        client = await connected(url)
        try:
            if last:
                return await last_journey(client)
            return await journey(client, trace=trace_id, session=session)
        finally:
            await client.close()

    found = run(find())
    if as_json:
        print_json(as_fields(found))
    else:
        _show(found)


def _show(found: Journey) -> None:
    told = moments(found)
    title = Text("trace ", style="dim").append(safe(found.trace_id) or "-", style="bold")
    for session_id in found.session_ids:
        title.append("  session ", style="dim").append(safe(session_id))
    if found.replayed:
        title.append("  played again by kiosk bus replay", style="yellow")
    put(title, console)
    ended = outcome(told)
    put(
        Text(f"{found.began_at.astimezone():%Y-%m-%d}, {duration(found.duration_s)}, {len(told)} events, ").append(
            safe(ended) if ended else "not ended", style="green" if ended == "completed" else "yellow"
        ),
        console,
    )
    who_width = max(len(each.who) for each in told)
    heading = f"{'time':12}  {'since':>9}  {'gap':>9}  {'':{_BAR_WIDTH}}  {'who':{who_width}}  what"
    put(Text(heading, style="dim"), console)
    for each in told:
        put(_line(each, found.duration_s, who_width), console)
    waited = answers(told)
    if waited:
        slowest = max(waited, key=lambda answer: answer.took_s)
        median_s = statistics.median(answer.took_s for answer in waited)
        put(
            Text(
                f"{len(waited)} deeds of the customer, the next screen after {duration(median_s)} (median), at most "
                f"{duration(slowest.took_s)} ({slowest.deed.what})"
            ),
            console,
        )


def _line(each: Moment, total_s: float, who_width: int) -> Text:
    colour = colour_of(each.entry.subject)
    line = Text(f"{clock(each.entry.at)}  ", style="dim")
    line.append(f"{duration(each.since_s):>9}  ")
    line.append(f"{duration(each.gap_s):>9}  ", style="bold" if each.gap_s >= 1 else "dim")
    line.append(f"{bar(each, total_s, _BAR_WIDTH):{_BAR_WIDTH}}  ", style=colour)
    line.append(f"{each.who:{who_width}}  ", style=colour)
    if each.entry.replay_of:
        line.append("(replay) ", style="yellow")
    line.append(each.what)
    if each.foreign:
        line.append(f"  (of trace {safe(each.entry.trace_id)[:8] or '-'})", style="yellow")
    return line
