"""A child process with one device in it: started, spoken to once it is open, ended for certain."""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import socket
import subprocess
import sys
import time
from typing import Any, Final

from drivers.errors import DeviceLost, DeviceTimeout, DriverError
from drivers.isolated.wire import packed, receive_blocking

# The parent's own places to import from, so that the child is the same program.
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from drivers.isolated.child import main; main(int(sys.argv[1]))"
)
_REAP_S: Final = 5.0
_PARTING_S: Final = 1.0  # between the end of its socket and that of the process


class DeviceProcess:
    """A child that opens `url` by `opener` (``module:function``). Its methods block: call them from a thread."""

    def __init__(self, what: str, opener: str, url: str) -> None:
        self._what = what
        self.connection, theirs = socket.socketpair()
        with theirs:
            self._popen = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs.fileno()), json.dumps(sys.path)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is the parent's to hear
            )
        with contextlib.suppress(OSError):  # it has ended already: `wait_until_open` says how
            self.connection.sendall(b"".join(packed("open", opener, url, logging.getLogger().getEffectiveLevel())))

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._popen.pid

    def wait_until_open(self, within_s: float) -> dict[str, Any]:
        """Return what the device says of itself (its `count` or `name`) once it is open.

        Raises:
            DriverError: it can't be opened, or was not within `within_s`; the child is ended.
        """
        ends_s = time.monotonic() + within_s
        try:
            while True:
                message = receive_blocking(self.connection, ends_s - time.monotonic())
                match message:
                    case ("log", name, level, text):
                        logging.getLogger(name).log(level, "%s", text)
                    case ("ready", facts):
                        return dict(facts)
                    case ("failed", error):
                        raise error
                    case _:
                        raise DeviceLost(f"{self._what}: its process {self.end()} while it opened the device")
        except DriverError:  # before TimeoutError, which a DeviceTimeout of the device's own is as well
            self.discard()
            raise
        except TimeoutError:
            self.discard()
            raise DeviceTimeout(f"{self._what} did not open within {within_s:g} s") from None

    def discard(self) -> None:
        """Leave a child that nobody is connected to, and take it away."""
        self.connection.close()
        self.end()

    def kill(self) -> None:
        """End the child now, whatever it does; `end` takes it away."""
        self._popen.kill()

    def end(self, patience_s: float = _PARTING_S) -> str:
        """End the child, in `patience_s` at the latest, and take it away; say how it ended: "was ended by SIGSEGV".

        Raises:
            DeviceTimeout: the kernel does not let go of it: it hangs in a system call.
        """
        try:
            code = self._popen.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            try:
                code = self._popen.wait(_REAP_S)
            except subprocess.TimeoutExpired:
                raise DeviceTimeout(
                    f"{self._what}: process {self.pid} hangs in the kernel, and can't be ended"
                ) from None
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
