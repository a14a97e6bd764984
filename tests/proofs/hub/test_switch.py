"""The switch: networks that don't meet, and what is left of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from image.recipe import REPOSITORY
from proofs.deploy import container
from proofs.deploy.door import MachineFailed
from proofs.hub.switch import Switch, free_net

NO_CONTAINER = container.why_not(REPOSITORY / "build")


def test_networks_do_not_meet() -> None:
    assert free_net("", 0) == "10.216.0"
    assert free_net("2: a inet 10.216.0.1/24 scope global a\n", 0) == "10.216.1"
    assert free_net("2: a inet 10.216.255.1/24 scope global a\n", 255) == "10.216.0"
    with pytest.raises(MachineFailed, match="all of"):
        free_net("".join(f" 10.216.{each}.1/24" for each in range(256)), 3)


class Machine:
    """A network namespace whose only process sleeps until it is killed."""

    name = "hub-1"

    def __init__(self) -> None:
        # It says so once it is in there.
        words = ["unshare", "--net", "sh", "-c", "ip link set lo up && echo in && exec sleep infinity"]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.process.stdout.readline()
        self.process.stdout.close()

    def first(self) -> int:
        return self.process.pid

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def links() -> list[str]:
    listed = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if f": kh{os.getpid()}" in line]


@pytest.mark.skipif(NO_CONTAINER is not None, reason=NO_CONTAINER or "")
def test_a_cable_is_pulled_and_plugged_and_nothing_is_left() -> None:
    machine = Machine()
    try:
        with Switch() as switch:
            address = switch.connect(machine, 0)  # type: ignore[arg-type] # all that it asks of a container
            cable = f"kh{os.getpid()}n0"[:15]
            master = Path(f"/sys/class/net/{cable}/master")
            assert address == switch.address(0)
            assert master.is_symlink()
            switch.pull("hub-1")
            assert not master.is_symlink()
            switch.plug("hub-1")
            assert master.is_symlink()
            assert len(links()) == 2
        assert links() == []
    finally:
        machine.end()
