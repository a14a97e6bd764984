"""A hub that can't start says at once why."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

from proofs.fleet.machines import HubMachines, KioskMachine, free_port, settings_on


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine: install the package openssl")
async def test_a_node_that_ended_is_named_with_its_reason(tmp_path: Path) -> None:
    settings = settings_on(dict.fromkeys("abc", "127.0.0.1"), loopback=True)
    hub = HubMachines.found(tmp_path / "hub", settings)
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.nodes["c"].leaf_port))
        other.listen()
        try:
            with pytest.raises(RuntimeError, match=r"node c of the hub ended: .*address already in use"):
                await hub.start()
        finally:
            await hub.stop()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine: install the package openssl")
async def test_a_kiosk_whose_port_is_taken_says_so(tmp_path: Path) -> None:
    hub = HubMachines.found(tmp_path / "hub", settings_on({"a": "127.0.0.1"}, loopback=True))
    kiosk = KioskMachine("one", tmp_path / "one", free_port())
    kiosk.folder.mkdir()
    kiosk.make_key()
    kiosk.join(hub.folder.settings().leaf_urls, hub.folder.ca.read_text(encoding="utf-8"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", kiosk.port))
        other.listen()
        try:
            with pytest.raises(RuntimeError, match=r"the server of one ended: .*address already in use"):
                await kiosk.start()
        finally:
            await kiosk.stop()


def test_a_free_port_is_none_that_somebody_has() -> None:
    ports = {free_port() for _ in range(20)}
    assert len(ports) > 15
    for port in ports:
        with socket.socket() as mine:
            mine.bind(("127.0.0.1", port))
