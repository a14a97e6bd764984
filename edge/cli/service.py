"""`kiosk service`: take this kiosk out of service once nobody is being served, look whether it is well, give it back.

For whoever works on a kiosk that serves: a person at its shell, or a deployment (docs/deploy.md).
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, NoReturn

import msgspec
import typer

from edge.bus import BusUnreachable, Client
from edge.bus.keys import key_path
from edge.cli.speaking import console, fail, run
from edge.config import Config, ConfigError, load
from edge.contract.errors import AskError, ErrorCode
from edge.contract.permissions import OPERATOR
from edge.contract.session import Service, SetService
from edge.contract.subjects import SET_SERVICE
from edge.update import health

app = typer.Typer(
    no_args_is_help=True,
    help="Take this kiosk out of service for work on it, see whether it is well, and give it back. It reads the "
    "operator's key, so on a kiosk it is: sudo kiosk service …",
)

APPLIED: Final = Path("/data/kiosk/kiosk.toml")
REASON: Final = "This kiosk is being updated. It will be back in a few minutes."
STILL_SERVING: Final = 3
"""The exit code of `out` when a customer is being served for longer than it may wait."""
_CONNECT_S: Final = 5.0
_EVERY_S: Final = 1.0
_TELL_EVERY_S: Final = 30.0
# An orchestrator that has just died comes back within this, and goes on with its customer.
_SILENCE_S: Final = 30.0
_SILENT: Final = (ErrorCode.UNAVAILABLE, ErrorCode.TIMEOUT)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help=f"The kiosk's kiosk.toml. (default: {APPLIED}, where there is one)"),
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command()
def out(
    *,
    reason: Annotated[str, typer.Option(help="What the page tells customers.")] = REASON,
    wait_s: Annotated[float, typer.Option("--wait", min=0, help="Seconds that a customer may still take.")] = 600.0,
    for_s: Annotated[
        float, typer.Option("--for", min=1, max=86_400, help="Seconds after which it opens again by itself.")
    ] = 1800.0,
    config: ConfigFile = None,
) -> None:
    """Let nobody begin an order any more, and wait until who is being served has gone.

    Exits 3 when a customer took longer than --wait; the kiosk then stays in service. Where nothing answers there is
    nobody to wait for: that exits 0, and says so.

    Example: sudo kiosk service out --reason "Back at noon." --wait 300 --for 3600
    """
    run(_out(_chosen(config), SetService(wanted=False, reason=reason, for_s=for_s), wait_s))


@app.command("in")
def back_in(*, config: ConfigFile = None) -> None:
    """Let customers order again."""
    told = run(_ask(_chosen(config), SetService(wanted=True)))
    if told is None:
        _nobody()
    console.print(_in_words(told), highlight=False)


@app.command()
def show(*, as_json: AsJson = False, config: ConfigFile = None) -> None:
    """Say whether customers can order, whether one does, and which devices are there."""
    chosen = _chosen(config)
    told = run(_ask(chosen, SetService()))
    devices = run(health.devices_present(health.monitor_at(_monitor(chosen))))
    if as_json:
        print(json.dumps({"service": msgspec.to_builtins(told), "devices": devices}))
        return
    if told is None:
        _nobody()
    console.print(_in_words(told), highlight=False)
    there = "nobody can tell which devices are there" if devices is None else ", ".join(devices) or "no device is there"
    console.print(there, highlight=False)


@app.command()
def well(
    *,
    hold_s: Annotated[float, typer.Option("--hold", min=0, help="Seconds without a break that count as well.")] = 30.0,
    limit_s: Annotated[float, typer.Option("--within", min=0, help="When to give up.")] = 600.0,
    device: Annotated[
        list[str] | None, typer.Option(help="A device that has to be there; may be given again.", show_default=False)
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Look until bus, streams and every agent are well for a while without a break; exits 1 if they don't get there.

    Example: kiosk service well --hold 30 --within 300 --device printer
    """
    chosen = _chosen(config)
    ask = health.monitor_at(_monitor(chosen))
    wanted = tuple(device or ())
    wrong = run(health.well_for(_telling(lambda: health.problems(ask, wanted), hold_s), hold_s=hold_s, limit_s=limit_s))
    if wrong:
        fail(f"not well after {limit_s:.0f} s: {'; '.join(wrong)}")
    console.print(f"[green]well[/] for {hold_s:.0f} s", highlight=False)


async def close(
    ask: Callable[[SetService], Awaitable[Service | None]],
    closing: SetService,
    wait_s: float,
    *,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> bool | None:
    """Close as `closing` says and wait at most `wait_s` for who is being served; None when nobody answers.

    False when they took longer: the closure is then taken back.
    """
    began = heard = clock()
    said = began - _TELL_EVERY_S
    words = closing
    while True:
        told, now = await ask(words), clock()
        if told is None:
            if now - heard >= _SILENCE_S:
                return None
        else:
            heard = now
            if not (told.serving or told.in_service):
                return True
            # A closure may run out while the customer takes their time.
            words = SetService() if told.closing else closing
            if now - said >= _TELL_EVERY_S:
                say(f"a customer is being served; waited {now - began:.0f} of {wait_s:.0f} s")
                said = now
        if told is not None and now - began >= wait_s:
            await ask(SetService(wanted=True))
            return False
        await pause(_EVERY_S)


async def _out(chosen: Config, closing: SetService, wait_s: float) -> None:
    async def ask(words: SetService) -> Service | None:
        return await _ask(chosen, words)

    closed = await close(ask, closing, wait_s, say=lambda text: console.print(text, highlight=False))
    if closed is False:
        fail(f"a customer is still being served after {wait_s:.0f} s; the kiosk stays in service", STILL_SERVING)
    if closed is None:
        console.print("[yellow]nothing answers on this kiosk, so nobody is being served[/]", highlight=False)
        return
    console.print("out of service; nobody is being served", highlight=False)


async def _ask(chosen: Config, words: SetService) -> Service | None:
    """The orchestrator's answer; None when there is no bus, or nobody on it."""
    keys = chosen.bus.keys
    client = Client(chosen.bus.url, name=OPERATOR, key_file=key_path(keys, OPERATOR) if keys else None)
    try:
        await client.connect(wait_s=_CONNECT_S)
        return await client.request(SET_SERVICE, words)
    except BusUnreachable:
        return None
    except AskError as error:
        if error.code in _SILENT:
            return None
        raise
    finally:
        await client.close()


def _telling(look: Callable[[], Awaitable[tuple[str, ...]]], hold_s: float) -> Callable[[], Awaitable[tuple[str, ...]]]:
    """`look`, with each change said."""
    said: list[tuple[str, ...]] = []

    async def looking() -> tuple[str, ...]:
        wrong = await look()
        if said[-1:] != [wrong]:
            said.append(wrong)
            console.print("; ".join(wrong) or f"everything is well; {hold_s:.0f} s of that", highlight=False)
        return wrong

    return looking


def _in_words(told: Service) -> str:
    served = ", a customer is being served" if told.serving else ""
    if told.in_service:
        return f"in service{served}" + ("; it closes after that" if told.closing else "")
    missing = f"; missing: {', '.join(told.missing)}" if told.missing else ""
    return f"out of service{', as was asked' if told.closing else ''}{missing}{served}"


def _nobody() -> NoReturn:
    fail("the orchestrator doesn't answer: is the kiosk running? systemctl status 'kiosk*'")


def _monitor(chosen: Config) -> str:
    return f"http://127.0.0.1:{chosen.monitor.port}"


def _chosen(config: Path | None) -> Config:
    try:
        if config is None:
            return load(APPLIED) if APPLIED.exists() else Config()
        return load(config)
    except (ConfigError, OSError) as error:
        fail(str(error))
