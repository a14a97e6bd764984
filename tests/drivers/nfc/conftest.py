"""A private pcscd, one home a process: libpcsclite looks for its socket's name once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drivers.nfc import pcscd


@pytest.fixture(scope="session")
def pcscd_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where this process's private pcscd lives; skips where the machine can't have one."""
    reason = pcscd.missing()
    if reason is not None:
        pytest.skip(reason)
    # Tests elsewhere import this fixture, and pytest runs it anew for them.
    home = pcscd.home_of_this_process(lambda: tmp_path_factory.mktemp("pcscd"))
    before = os.environ.get("PCSCLITE_CSOCK_NAME")
    os.environ["PCSCLITE_CSOCK_NAME"] = str(pcscd.Pcscd.socket_of(home))
    yield home
    if before is None:
        del os.environ["PCSCLITE_CSOCK_NAME"]
    else:
        os.environ["PCSCLITE_CSOCK_NAME"] = before
