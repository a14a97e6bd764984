"""`kiosk update`: another version, tried once and kept if the kiosk is well on it."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import TransferSpeedColumn as Speed
from rich.table import Table

from edge.cli.speaking import console, fail, run
from edge.config import Monitor
from edge.update import bootchooser, health
from edge.update.download import fetch, is_url
from edge.update.errors import UpdateError
from edge.update.rauc import Rauc
from edge.update.rebooting import restart
from edge.update.slots import Slots, in_words
from edge.update.state import SLOTS

app = typer.Typer(
    no_args_is_help=True,
    help="Install another version, see which there are, go back. A new version is booted once and kept only if the "
    "kiosk is well on it for a minute; otherwise, and at any power cut, the old one boots.",
)

MonitorUrl = Annotated[
    str, typer.Option("--monitor-url", envvar="KIOSK_MONITOR_URL", help="Where `kiosk monitor` answers.")
]
_MONITOR_URL = f"http://127.0.0.1:{Monitor().port}"


@app.command()
def install(
    bundle: Annotated[str, typer.Argument(help="A .raucb file, or its https:// address.")],
    *,
    reboot: Annotated[
        bool | None,
        typer.Option("--reboot/--no-reboot", help="Boot it at once, without asking; or not now.", show_default=False),
    ] = None,
    monitor_url: MonitorUrl = _MONITOR_URL,
) -> None:
    """Write a bundle to the slot that doesn't run, and boot it for a trial.

    Examples: kiosk update install kiosk-2.1.raucb · kiosk update install https://example.com/kiosk-2.1.raucb --reboot
    """
    with _said():
        _root()
        run(_install(bundle, monitor_url))
        if reboot is None and sys.stdin.isatty():
            reboot = typer.confirm("Boot it now? The kiosk is away for a minute or two.")
        if reboot:
            _try()
        else:
            console.print("It is booted when you say so: [bold]kiosk update try[/]. Until then nothing changes.")


@app.command("try")
def try_it() -> None:
    """Boot the installed version once. It stays if the kiosk is well on it for a minute."""
    with _said():
        _root()
        _try()


@app.command()
def rollback(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    monitor_url: MonitorUrl = _MONITOR_URL,
) -> None:
    """Boot the version before this one, if it was good; it stays if the kiosk is well on it for a minute."""
    with _said():
        _root()
        slots = bootchooser.slots_here()
        present = run(health.devices_present(health.monitor_at(monitor_url)))
        back = slots.choose_rollback()
        version = slots.state.slot(back).version
        slots.expect("", present)
        if not yes and not (sys.stdin.isatty() and typer.confirm(f"Boot slot {back} ({version or 'no version'}) now?")):
            console.print("It is booted when you say so: [bold]kiosk update try[/]")
            return
        _try()


@app.command()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show both slots: which runs, which boots, which version is in each and how it is."""
    with _said():
        facts = _facts(bootchooser.slots_here())
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    table = Table("", "slot", "version", "state", "installed", box=None, header_style="dim")
    colours = {"good": "green", "installed": "yellow", "trying": "yellow", "failed": "red", "writing": "red"}
    for name in SLOTS:
        each = facts["slots"][name]
        mark = "[green]●[/]" if each["running"] else "○"
        state = f"[{colours.get(each['condition'], 'dim')}]{escape(each['words'])}[/]"
        boots = ", boots" if each["committed"] else ", is tried next" if facts["next"] == name else ""
        table.add_row(mark, name, each["version"] or "–", state + boots, each["installed"] or "–")
    console.print(table)
    if facts["running"] != facts["committed"]:
        console.print(
            f"[yellow]Slot {facts['running']} is on trial.[/] Should it fail, slot {facts['committed']} boots."
        )


@app.command("mark-good")
def mark_good(
    *,
    hold_s: Annotated[float, typer.Option(min=0, help="How long everything has to be well.")] = health.HOLD_S,
    limit_s: Annotated[float, typer.Option(min=0, help="When to give up.")] = health.LIMIT_S,
    monitor_url: MonitorUrl = _MONITOR_URL,
) -> None:
    """Judge this boot (kiosk-health.service runs this). Of a version that is kept already there is nothing to judge.

    One on trial is kept once server, streams, agents and the devices from before the update are well for a minute
    without a break. If they are not within ten minutes, the kiosk restarts into the version before.
    """
    with _said():
        slots = bootchooser.slots_here()
        if slots.settle(_image_version()) == "committed":
            console.print(f"slot {slots.committed()} is the one that boots; nothing is on trial", highlight=False)
            return
        slot, present = slots.running(), slots.state.present
        ask = health.monitor_at(monitor_url)

        def tell(words: str) -> None:
            console.print(f"slot {slot} on trial: {escape(words)}", highlight=False)

        wrong = run(health.well_for(lambda: health.problems(ask, present), hold_s=hold_s, limit_s=limit_s, report=tell))
        if not wrong and slots.state.slot(slot).condition != "failed":
            slots.commit()
            console.print(f"slot {slot} is good: it boots from now on", highlight=False)
            return
        reason = "; ".join(wrong) or "it was marked bad"
        slots.give_up(reason)
        restart()
    fail(f"slot {slot} is not kept: {reason}. Slot {slots.committed()} boots now")


@app.command("bootchooser", context_settings={"ignore_unknown_options": True})
def choose(words: Annotated[list[str] | None, typer.Argument(help=bootchooser.USAGE)] = None) -> None:
    """Answer RAUC (its custom bootloader handler). `python -m edge.update.bootchooser` does the same, sooner."""
    code = bootchooser.main(words or [])
    if code:
        raise typer.Exit(code)


async def _install(bundle: str, monitor_url: str) -> None:
    slots, rauc = bootchooser.slots_here(), Rauc()
    slots.settle(_image_version())
    running, committed = slots.running(), slots.committed()
    if running != committed:
        raise UpdateError(f"slot {running} is on trial: wait until `kiosk update status` calls it good")
    fetched = None
    if is_url(bundle):
        columns = (TextColumn("fetching"), BarColumn(), DownloadColumn(), Speed(), TimeRemainingColumn())
        with Progress(*columns, console=console) as bars:
            task = bars.add_task("", total=None)
            path = fetched = await fetch(
                bundle,
                slots.data / "kiosk/update",
                lambda here, total: bars.update(task, completed=here, total=total),
            )
    else:
        path = Path(bundle)
        if not path.is_file():
            raise UpdateError(f"{path} is not there")
    described = await rauc.info(path)
    present = await health.devices_present(health.monitor_at(monitor_url))
    if present is None:
        console.print("[yellow]Nobody can tell which devices are there now: the trial won't ask for any.[/]")
    slots.expect(described.version or "", present)
    with Progress(TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), console=console) as bars:
        task = bars.add_task("installing", total=100)
        try:
            await rauc.install(path, lambda percent, words: bars.update(task, completed=percent, description=words))
        except asyncio.CancelledError:
            console.print("RAUC goes on by itself; what becomes of it: [bold]kiosk update status[/]")
            raise
    if fetched:
        fetched.unlink()
    console.print(f"{described.version or 'the update'} is in slot {slots.primary()}", highlight=False)


def _try() -> None:
    slot = bootchooser.slots_here().begin_try()
    console.print(f"slot {slot} is booted now, for a trial", highlight=False)
    restart(tryboot=True)


def _facts(slots: Slots) -> dict[str, Any]:
    running, committed, state = slots.running(), slots.committed(), slots.state
    described = {}
    for name in SLOTS:
        each = state.slot(name)
        version = each.version or (_image_version() if name == running else "")
        condition = "good" if name == committed else each.condition
        words = "good" if name == committed else in_words(each)
        described[name] = {
            "condition": condition,
            "words": words,
            "version": version,
            "installed": each.installed,
            "running": name == running,
            "committed": name == committed,
        }
    return {"running": running, "committed": committed, "next": state.next, "slots": described}


def _image_version() -> str:
    try:
        return platform.freedesktop_os_release().get("IMAGE_VERSION", "")
    except OSError:
        return ""


def _root() -> None:
    if os.geteuid() != 0:
        raise UpdateError("this writes a slot and restarts the kiosk, so it needs root: sudo kiosk update …")


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except UpdateError as error:
        fail(str(error))
