from __future__ import annotations

import socket
from pathlib import Path

import pytest

from proofs.deploy.door import MachineFailed
from proofs.deploy.machine import Machine
from proofs.deploy.stock import Stock


def machine(path: Path) -> Machine:
    return Machine(
        "kiosk-1", Stock(path / "disk", path / "kernel", path / "initrd"), path, path / "key", accelerator="tcg"
    )


def test_a_hub_can_listen_where_the_machine_reaches_it(tmp_path: Path) -> None:
    try:
        gateway = machine(tmp_path).gateway
    except MachineFailed as error:
        pytest.skip(str(error))
    with socket.socket() as listening:
        listening.bind((gateway, 0))
        listening.listen()
    assert not gateway.startswith("127.")


def test_without_a_network_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proofs.deploy.machine._ELSEWHERE", ("255.255.255.255", 9))  # which no such socket may reach
    with pytest.raises(MachineFailed, match="no address that kiosk-1 could reach"):
        _ = machine(tmp_path).gateway
