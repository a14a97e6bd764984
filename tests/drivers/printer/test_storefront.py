"""What `open_printer` takes and refuses, and the printers behind a file or a serial port."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from drivers.errors import DeviceAbsent, DeviceSetup
from drivers.printer import PrinterStatus, Receipt, open_printer
from drivers.printer.layout import encode_receipt
from drivers.printer.simulated import SimulatedEscposPrinter


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("lpr:", r"no printer backend for 'lpr:'; known: simulated:, escpos\+tcp:"),
        ("printer", "has no scheme"),
        ("escpos+tcp:", "needs a host, as in"),
        ("escpos+tcp://10.0.0.5:99999", "[Pp]ort"),
        ("escpos+tcp://10.0.0.5?columns=40", "columns=40; 48 fits 80 mm paper, 32 fits 58 mm"),
        ("escpos+tcp://10.0.0.5?columns=wide", "not a whole number"),
        ("escpos+tcp://10.0.0.5?baud=9600", "unknown option 'baud'; known: columns"),
        ("escpos+tcp://10.0.0.5?profile=Hectograph", "no profile 'Hectograph'; known: .*TM-T88"),
        ("escpos+tcp://10.0.0.5?confirm=maybe", "confirm can be printed, id, status, none"),
        ("escpos+tcp://10.0.0.5?timeout_ms=0", "are above 0"),
        ("escpos+usb://04b8", "no vendor:product"),
        ("escpos+usb://04b8:zz", "no vendor:product"),
        ("escpos+usb://1ffff:0e15", "no vendor:product"),
        ("escpos+serial:", "needs a device, as in"),
        ("escpos+serial:/dev/ttyUSB0?flow=tidal", "flow='tidal' is neither dsrdtr nor xonxoff"),
        ("escpos+file:", "needs a device file, as in"),
        ("simulated:?roll_mm=-1", "less than no paper"),
    ],
)
def test_a_wrong_address_is_refused_with_the_way_to_mend_it(url: str, words: str) -> None:
    with pytest.raises(DeviceSetup, match=words):
        open_printer(url)


@pytest.mark.parametrize("columns", [48, 32])
async def test_a_simulated_printer_has_the_paper_that_was_asked_for(receipt: Receipt, columns: int) -> None:
    printer = open_printer(f"simulated:?columns={columns}&roll_mm=2000")
    assert isinstance(printer, SimulatedEscposPrinter)
    assert await printer.status() == PrinterStatus("yes", "low", "closed")
    await printer.print_receipt(receipt)
    assert printer.device.receipts[0].width_px == columns * 12
    assert max(len(line) for line in printer.device.receipts[0].text) == columns
    assert 1700 < printer.device.paper_left_mm < 1950
    await printer.close()


async def test_a_device_file_is_written_and_never_asked(tmp_path: Path, receipt: Receipt) -> None:
    path = tmp_path / "lp0"
    path.touch()
    printer = open_printer(f"escpos+file:{path}?columns=32")
    assert await printer.status() == PrinterStatus("unknown", "unknown", "unknown")
    await printer.print_receipt(receipt)
    await printer.close()
    assert path.read_bytes() == encode_receipt(receipt, columns=32).whole


@pytest.mark.parametrize("scheme", ["escpos+file", "escpos+serial"])
async def test_a_path_to_nothing_is_an_absence_and_stays_nothing(tmp_path: Path, receipt: Receipt, scheme: str) -> None:
    path = tmp_path / "lp0"
    with pytest.raises(DeviceAbsent, match=str(path)):
        await open_printer(f"{scheme}:{path}").print_receipt(receipt)
    assert not path.exists()


def test_opening_a_printer_leaves_the_process_log_and_the_temporary_directory_alone(tmp_path: Path) -> None:
    """python-escpos configures the root logger and leaves a pickle behind when it is imported."""
    script = (
        "import logging; from drivers.printer import open_printer; open_printer('escpos+tcp://127.0.0.1');"
        "assert logging.root.handlers == [], logging.root.handlers"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"TMPDIR": str(tmp_path), "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
