"""Which TCP ports of a machine answer on its network: found by nmap where it is installed, else by trying each."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

ALL: Final = range(1, 65536)
# The machine is a cable away: a port that a firewall drops is silent, any other answers within milliseconds.
_KNOCK_S: Final = 1.0
_TOGETHER: Final = 500


@dataclass(frozen=True)
class Scan:
    """The ports that let somebody in, and by what it was found."""

    open: tuple[int, ...]
    by: str


def scan(address: str, ports: Iterable[int] = ALL) -> Scan:
    """Try all `ports` of `address`, by nmap where there is one."""
    wanted = sorted(set(ports))
    if shutil.which("nmap") is None:
        return Scan(asyncio.run(knock(address, wanted)), "a connection to each port (no nmap here)")
    listed = f"{wanted[0]}-{wanted[-1]}" if wanted == list(range(wanted[0], wanted[-1] + 1)) else _joined(wanted)
    words = ["nmap", "-n", "-Pn", "-sT", "-T4", "--max-retries", "1", "-p", listed, "-oG", "-", address]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return Scan(open_in(done.stdout), f"nmap {_version()}")


def open_in(listed: str) -> tuple[int, ...]:
    """The open ports in what `nmap -oG -` printed."""
    return tuple(sorted(int(each) for each in re.findall(r"(\d+)/open/tcp", listed)))


async def knock(address: str, ports: Iterable[int]) -> tuple[int, ...]:
    """Those of `ports` that accept a connection."""
    gate = asyncio.Semaphore(_TOGETHER)

    async def try_one(port: int) -> int | None:
        async with gate:
            try:
                async with asyncio.timeout(_KNOCK_S):
                    _, writer = await asyncio.open_connection(address, port)
            except (OSError, TimeoutError):
                return None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            return port

    found = await asyncio.gather(*(try_one(each) for each in ports))
    return tuple(each for each in found if each is not None)


def _joined(ports: list[int]) -> str:
    return ",".join(map(str, ports))


def _version() -> str:
    said = subprocess.run(["nmap", "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"version (\S+)", said)
    return found[1] if found else "?"
