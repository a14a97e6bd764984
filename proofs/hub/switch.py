"""The switch between a hub's nodes: a second cable for each container, which can be pulled, and one for the prover.

A container's own cable ends at this machine, which forwards nothing: over that one it is deployed to, and it stays.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

from proofs.deploy.container import Container
from proofs.deploy.door import MachineFailed

_NET: Final = "10.216"
_NETS: Final = 256
_LIMIT: Final = 15  # characters of an interface's name
_INSIDE: Final = "switch0"


def free_net(taken: str, start: int) -> str:
    """The first three numbers of a network that `ip -o -4 addr` (`taken`) doesn't name.

    Raises:
        MachineFailed: there is none.
    """
    for each in range(_NETS):
        net = f"{_NET}.{(start + each) % _NETS}"
        if f" {net}." not in taken:
            return net
    raise MachineFailed(f"all of {_NET}.0.0/16 is taken")


class Switch:
    """A bridge here. Use as a context manager: within it containers can be plugged in, which run for longer or not."""

    def __init__(self) -> None:
        self._tag = f"kh{os.getpid()}"
        self._bridge = f"{self._tag}b"[:_LIMIT]
        self._net = ""
        self._cables: dict[str, str] = {}

    def __enter__(self) -> Switch:
        self._net = free_net(_ip("-o", "-4", "addr"), os.getpid())
        _ip("link", "add", self._bridge, "type", "bridge")
        try:
            _ip("addr", "add", f"{self._net}.1/24", "dev", self._bridge)
            _ip("link", "set", self._bridge, "up")
        except MachineFailed:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Cables go with their containers, or here.
        for each in (*self._cables.values(), self._bridge):
            subprocess.run(["ip", "link", "del", each], capture_output=True, check=False)

    def address(self, number: int) -> str:
        """The address of the machine with this number (from 0), plugged in or not."""
        return f"{self._net}.{number + 11}"

    def connect(self, container: Container, number: int) -> str:
        """Give a container that runs its cable to the switch; its address there.

        Raises:
            MachineFailed: this machine can't.
        """
        cable, address = f"{self._tag}n{number}"[:_LIMIT], self.address(number)
        first = str(container.first())
        _ip("link", "add", cable, "type", "veth", "peer", "name", _INSIDE, "netns", first)
        self._cables[container.name] = cable
        # Its network alone: the programs are ours.
        inside = ("nsenter", f"--net={Path('/proc') / first / 'ns' / 'net'}", "ip")
        _run(*inside, "addr", "add", f"{address}/24", "dev", _INSIDE)
        _run(*inside, "link", "set", _INSIDE, "up")
        self.plug(container.name)
        return address

    def pull(self, name: str) -> None:
        """Pull the cable out of the switch: nothing comes or goes, and nobody is told."""
        _ip("link", "set", self._cables[name], "nomaster")

    def plug(self, name: str) -> None:
        """Plug it in again."""
        _ip("link", "set", self._cables[name], "master", self._bridge, "up")


def _ip(*words: str) -> str:
    return _run("ip", *words)


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineFailed(f"{' '.join(words)}: {done.stderr.strip()}")
    return done.stdout
