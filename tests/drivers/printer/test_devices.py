"""Printers that can't be opened, break or hang, on this machine's real files, ports and USB bus."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from drivers.errors import DeviceAbsent, DeviceLost, DeviceSetup, DeviceTimeout
from drivers.printer import Receipt, open_printer


async def test_a_serial_port_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with pytest.raises(DeviceAbsent, match="plain"):
        await open_printer(f"escpos+serial:{tmp_path}/plain").status()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, the device file that takes nothing")
async def test_a_device_file_that_breaks(receipt: Receipt) -> None:
    with pytest.raises(DeviceLost, match="/dev/full"):
        await open_printer("escpos+file:/dev/full").print_receipt(receipt)


async def test_a_device_file_that_hangs(tmp_path: Path, receipt: Receipt) -> None:
    pipe = tmp_path / "lp0"
    before = set(threading.enumerate())
    os.mkfifo(pipe)  # opening it for writing takes until somebody reads
    printer = open_printer(f"escpos+file:{pipe}?timeout_ms=20&print_ms=50")
    with pytest.raises(DeviceTimeout, match="stalled"):
        await printer.print_receipt(receipt)
    stuck = [thread for thread in threading.enumerate() if thread.name == "printer" and thread not in before]
    assert stuck
    assert all(thread.daemon for thread in stuck)  # it keeps no process alive
    with pipe.open("rb"):  # let it go
        for thread in stuck:
            thread.join(5)
    assert not any(thread.is_alive() for thread in stuck)


async def test_a_usb_printer_that_is_not_plugged_in(receipt: Receipt) -> None:
    # Where libusb itself is missing, that is what is said.
    with pytest.raises((DeviceAbsent, DeviceSetup), match=r"fffe:fffe is not plugged in|need libusb"):
        await open_printer("escpos+usb://fffe:fffe").print_receipt(receipt)
