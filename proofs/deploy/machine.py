"""The stock machine running in QEMU, reached by ssh; its power goes at the end."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from typing import Final

from proofs.deploy.door import Door, MachineFailed, free_port
from proofs.deploy.stock import Stock

PROGRAM: Final = "qemu-system-x86_64"
_SAID: Final = 600
# Of a network for examples (RFC 5737). Nothing is sent there.
_ELSEWHERE: Final = ("192.0.2.1", 9)


class Machine:
    """A machine with a disk of its own over `stock`'s. Use as a context manager: it has power within."""

    scannable = False  # only the port of ssh is led to it

    def __init__(self, name: str, stock: Stock, folder: Path, key: Path, *, accelerator: str) -> None:
        self.name = name
        self.door = Door("127.0.0.1", free_port(), key)
        self._stock = stock
        self._folder = folder
        self._accelerator = accelerator
        self._process: subprocess.Popen[bytes] | None = None
        self._console = folder / f"{name}-console.log"

    def __enter__(self) -> Machine:
        layer = self._folder / f"{self.name}.qcow2"
        layer.unlink(missing_ok=True)
        _done("qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(self._stock.disk), str(layer))
        words = [
            *(PROGRAM, "-machine", "q35", "-accel", self._accelerator, "-cpu", "max", "-smp", "2", "-m", "2048"),
            *("-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{self._console}"),
            *("-kernel", str(self._stock.kernel), "-initrd", str(self._stock.initrd)),
            *("-append", "root=/dev/vda rw console=ttyS0 systemd.default_device_timeout_sec=600"),
            # No power is cut here: what the host has in memory needn't be on its disk.
            *("-drive", f"file={layer},if=virtio,cache=unsafe", "-device", "virtio-rng-pci"),
            *("-netdev", f"user,id=net,hostfwd=tcp:127.0.0.1:{self.door.port}-:22"),
            *("-device", "virtio-net-pci,netdev=net"),
        ]
        with self._log().open("wb") as said:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    @property
    def gateway(self) -> str:
        """This machine's own address, to which QEMU's network leads: what here listens there, the machine reaches.

        QEMU's name for here, 10.0.2.2, is no address here; and who joins a hub is told the addresses it has.

        Raises:
            MachineFailed: this machine has none but its loopback's.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(_ELSEWHERE)
            except OSError as error:
                raise MachineFailed(f"this machine has no address that {self.name} could reach: {error}") from None
            return str(probe.getsockname()[0])

    def ended(self) -> str | None:
        """What QEMU said when it ended; None while it runs."""
        if self._process is not None and self._process.poll() is None:
            return None
        return self._log().read_text(encoding="utf-8", errors="replace")[-_SAID:] or "QEMU said nothing"

    def last_words(self) -> str:
        """The end of its console."""
        return self._console.read_text(encoding="utf-8", errors="replace")[-_SAID:]

    def _log(self) -> Path:
        return self._folder / f"{self.name}-qemu.log"


def _done(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MachineFailed(f"{words[0]}: {done.stderr.strip()[-_SAID:]}")
