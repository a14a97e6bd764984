"""`make fleet` in its short form: three hub nodes and three kiosks on loopback, with cables that are relays."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from edge.fleet.applying import apply_all
from edge.fleet.register import changing
from proofs.fleet.__main__ import main
from proofs.fleet.cable import Cables
from proofs.fleet.machines import HubMachines, KioskMachine, free_port, settings_on
from proofs.fleet.network import why_not
from proofs.fleet.run import Fleet, Plan, prove


@pytest.mark.timeout(900)  # nats-server waits between its tries to source, and the hub's nodes elect leaders
@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine: install the package openssl")
async def test_every_event_once_in_order_under_its_own_name_and_what_is_lost_is_told(tmp_path: Path) -> None:
    hub = HubMachines.found(tmp_path / "hub", settings_on(dict.fromkeys("abc", "127.0.0.1"), loopback=True))
    cables = Cables()
    kiosks = [
        KioskMachine(name, tmp_path / name, free_port(), limits={"max_msgs": 60}) for name in ("one", "two", "three")
    ]
    try:
        await hub.start()
        with changing(hub.folder.path) as register:
            for kiosk in kiosks:
                kiosk.folder.mkdir()
                register.add(kiosk.name, kiosk.make_key())
        assert (await apply_all(hub.folder, hub.sign_in)).problems == []
        ca = hub.folder.ca.read_text(encoding="utf-8")
        for kiosk in kiosks:
            kiosk.join(await cables.lay(kiosk.name, hub.folder.settings().leaf_urls), ca)
        await asyncio.gather(*(kiosk.start() for kiosk in kiosks))
        found = await prove(Fleet(hub, kiosks, cables), Plan(events=20, day_s=1.0, limit=60, age_s=None))
    finally:
        await asyncio.gather(*(kiosk.stop() for kiosk in kiosks))
        await cables.remove()
        await hub.stop()
    assert found.broken == []
    assert (found.nodes_killed, found.revoked, found.lost, found.lost_told) == (1, 1, 20, 20)


def test_too_few_kiosks_prove_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--kiosks", "2"]) == 2
    assert "at least 3 kiosks" in capsys.readouterr().err


@pytest.mark.skipif(why_not() is None, reason="this machine makes network namespaces: make fleet uses them")
def test_a_machine_without_namespaces_is_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path)]) == 2
    assert str(why_not()) in capsys.readouterr().err
