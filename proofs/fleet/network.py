"""Machines that are network namespaces: each hub node and each kiosk, on one switch, with a cable that can be pulled.

Everything is named after this process, so that two proofs don't meet, and is removed at the end. Needs root and `ip`.
A kiosk has a second cable to the prover, so that it can still be told to speak while it is cut off; the prover forwards
nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Final

_NET: Final = "10.213.0"
_SHOP: Final = "10.214"
_LIMIT: Final = 15  # characters of an interface's name


class NoNamespaces(Exception):
    """This machine can't make network namespaces; the text says why."""


def why_not() -> str | None:
    """Why this machine can't; None when it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no `ip`: apt install iproute2"
    name = f"kf{os.getpid()}t"
    done = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return f"this kernel or container makes no network namespaces: {done.stderr.strip()}"
    made = subprocess.run(
        ["ip", "link", "add", f"{name}b", "type", "bridge"], capture_output=True, text=True, check=False
    )
    subprocess.run(["ip", "link", "del", f"{name}b"], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
    return None if made.returncode == 0 else f"this kernel has no bridge: {made.stderr.strip()}"


class Network:
    """The switch and the machines on it. Use as a context manager."""

    def __init__(self) -> None:
        self._tag = f"kf{os.getpid() % 100_000}"
        self._switch = f"{self._tag}n"
        self._made: list[str] = []
        self._cables: dict[str, str] = {}

    def __enter__(self) -> Network:
        problem = why_not()
        if problem:
            raise NoNamespaces(problem)
        self._namespace(self._switch)
        self._in(self._switch, "ip", "link", "add", "br0", "type", "bridge")
        self._in(self._switch, "ip", "link", "set", "br0", "up")
        # The prover is on the switch too, as whoever looks after the fleet is.
        own = f"{self._tag}p"
        _run("ip", "link", "add", own, "type", "veth", "peer", "name", "prover", "netns", self._switch)
        self._in(self._switch, "ip", "link", "set", "prover", "master", "br0", "up")
        _run("ip", "addr", "add", f"{_NET}.254/24", "dev", own)
        _run("ip", "link", "set", own, "up")
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(self._made):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)

    def machine(self, name: str) -> tuple[str, str, Sequence[str]]:
        """A new machine: its address on the switch, the one that the prover reaches it by, and its prefix."""
        number = len(self._made)
        space = f"{self._tag}{name}"
        address, shop = f"{_NET}.{number}", f"{_SHOP}.{number}.2"
        self._namespace(space)
        self._in(space, "ip", "link", "set", "lo", "up")
        cable = f"s{number}"
        self._cables[name] = cable
        _run("ip", "link", "add", cable, "netns", self._switch, "type", "veth", "peer", "name", "net0", "netns", space)
        self._in(self._switch, "ip", "link", "set", cable, "master", "br0", "up")
        self._in(space, "ip", "addr", "add", f"{address}/24", "dev", "net0")
        self._in(space, "ip", "link", "set", "net0", "up")
        bench = f"{self._tag}b{number}"[:_LIMIT]
        _run("ip", "link", "add", bench, "type", "veth", "peer", "name", "bench0", "netns", space)
        _run("ip", "addr", "add", f"{_SHOP}.{number}.1/30", "dev", bench)
        _run("ip", "link", "set", bench, "up")
        self._in(space, "ip", "addr", "add", f"{shop}/30", "dev", "bench0")
        self._in(space, "ip", "link", "set", "bench0", "up")
        return address, shop, ("ip", "netns", "exec", space)

    def pull(self, name: str) -> None:
        """Pull the machine's cable out of the switch: nothing comes or goes, and nobody is told."""
        self._in(self._switch, "ip", "link", "set", self._cables[name], "nomaster")

    def plug(self, name: str) -> None:
        """Plug it in again."""
        self._in(self._switch, "ip", "link", "set", self._cables[name], "master", "br0")

    def _namespace(self, name: str) -> None:
        _run("ip", "netns", "add", name)
        self._made.append(name)

    def _in(self, space: str, *command: str) -> None:
        _run("ip", "netns", "exec", space, *command)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoNamespaces(f"{' '.join(command)}: {done.stderr.strip()}")
