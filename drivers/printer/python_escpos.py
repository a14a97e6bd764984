"""python-escpos 3.1, imported without its side effects.

On import it calls logging.basicConfig(), which would give the whole process a second voice on stderr, and
leaves a folder with a pickle in the temporary directory at every start. Both are undone here, so import it
from here only.
"""

from __future__ import annotations

import logging
import os
import shutil

_before = logging.root.handlers[:]

from escpos import capabilities  # noqa: E402  # the handlers that were there must be known first
from escpos.constants import QR_ECLEVEL_M  # noqa: E402  # as above
from escpos.exceptions import DeviceNotFoundError  # noqa: E402  # as above
from escpos.printer import Dummy, File, Network, Serial, Usb  # noqa: E402  # as above

for _handler in logging.root.handlers[:]:
    if _handler not in _before:
        logging.root.removeHandler(_handler)
if "ESCPOS_CAPABILITIES_PICKLE_DIR" not in os.environ:
    shutil.rmtree(capabilities.pickle_dir, ignore_errors=True)  # read once, at the import above

PROFILES: frozenset[str] = frozenset(capabilities.CAPABILITIES["profiles"])

__all__ = [
    "PROFILES",
    "QR_ECLEVEL_M",
    "DeviceNotFoundError",
    "Dummy",
    "File",
    "Network",
    "Serial",
    "Usb",
]
