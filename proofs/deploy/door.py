"""How a proof gets into the machine it deploys to: ssh, whatever the machine is."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

_LOOK_S: Final = 1.0
_SSH_TRY_S: Final = 60
_SAID: Final = 600


class MachineFailed(Exception):
    """The machine does not run, or a command on it failed; the text says which and what it said."""


@dataclass(frozen=True)
class Door:
    """The machine's ssh server as it is reached from here, and the private key that it lets in."""

    address: str
    port: int
    key: Path

    def run(self, user: str, command: str) -> str:
        """What `command` prints there.

        Raises:
            MachineFailed: it fails, or `user` isn't let in.
        """
        done = subprocess.run([*self._ssh(user), command], capture_output=True, text=True, check=False)
        if done.returncode:
            raise MachineFailed(f"{command}: {done.stderr.strip()[-_SAID:]}")
        return done.stdout

    @contextlib.contextmanager
    def tunnel(self, user: str, port: int) -> Iterator[int]:
        """A port here that leads to `port` of the machine's loopback; it may stand a moment later."""
        here = free_port()
        words = [*self._ssh(user)[:-1], "-N", "-L", f"{here}:127.0.0.1:{port}", f"{user}@{self.address}"]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield here
            finally:
                process.kill()

    def _ssh(self, user: str) -> list[str]:
        options = {
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": os.devnull,
            "BatchMode": "yes",
            "LogLevel": "ERROR",
            "ConnectTimeout": str(_SSH_TRY_S),
            "ServerAliveInterval": "30",
        }
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["ssh", "-i", str(self.key), "-p", str(self.port), *settings, f"{user}@{self.address}"]


class Target(Protocol):
    """A stock Debian 13 that runs: within its context it has power, and nothing of it is left after."""

    name: str  # of the kiosk in the inventory
    scannable: bool  # whether all of its ports can be knocked at from here

    def __enter__(self) -> Target: ...

    def __exit__(self, *_: object) -> None: ...

    @property
    def door(self) -> Door:
        """How to get in while it runs."""
        ...

    @property
    def gateway(self) -> str:
        """An address here that it reaches; it may have to run for that."""
        ...

    def ended(self) -> str | None:
        """Why it doesn't run any more; None while it does."""
        ...

    def last_words(self) -> str:
        """What it said last on its console, for whoever waits for it in vain."""
        ...


def until_up(target: Target, user: str, within_s: float) -> None:
    """Return once `user` can sign in.

    Raises:
        MachineFailed: not in time, or it has ended.
    """
    began = time.monotonic()
    while True:
        try:
            target.door.run(user, "true")
        except MachineFailed as error:
            ended = target.ended()
            if ended is not None:
                raise MachineFailed(f"{target.name} ended: {ended}") from None
            if time.monotonic() - began > within_s:
                raise MachineFailed(
                    f"{target.name} lets nobody in after {within_s:.0f} s ({error}); it says: {target.last_words()}"
                ) from None
            time.sleep(_LOOK_S)
        else:
            return


def free_port() -> int:
    """A TCP port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
