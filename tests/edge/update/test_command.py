"""`kiosk update` from end to end: the real RAUC, a monitor that answers, and a systemctl that notes what it is told."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge.cli.update import app
from tests.edge.update.kiosk import Machine
from tests.edge.update.rauc_service import RaucService
from tests.edge.update.test_health import answer


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def status() -> dict[str, object]:
    told = json.loads(run("status", "--json").stdout)
    assert isinstance(told, dict)
    return told


@pytest.fixture
def told(machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What systemctl was told, a line a call; the machine is where the command looks."""
    folder, notes = tmp_path / "programs", tmp_path / "told"
    folder.mkdir()
    notes.touch()
    (folder / "systemctl").write_text(f'#!/bin/sh\necho "$@" >> {notes}\n', encoding="ascii")
    (folder / "systemctl").chmod(0o755)
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return notes


class Monitor:
    """Answers /healthz with `content`."""

    def __init__(self) -> None:
        self.content = answer()
        monitor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(503)
                self.end_headers()
                self.wfile.write(monitor.content)

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)


@pytest.fixture
def monitor(monkeypatch: pytest.MonkeyPatch) -> Iterator[Monitor]:
    made = Monitor()
    monkeypatch.setenv("KIOSK_MONITOR_URL", f"http://127.0.0.1:{made.server.server_port}")
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def test_an_update_from_a_to_b_and_back(rauc_runs: RaucService, told: Path, monitor: Monitor, machine: Machine) -> None:
    done = run("install", rauc_runs.bundle("new", version="2.1"), "--reboot")
    assert done.exit_code == 0, done.output
    assert told.read_text() == "reboot --reboot-argument=0 tryboot\n"
    assert rauc_runs.slot("B") == rauc_runs.image_of("new")
    assert machine.slots.state.present == ("printer",)

    machine.power_on(tryboot=True)
    shown = run("status")
    assert "Slot B is on trial. Should it fail, slot A boots." in shown.output
    done = run("mark-good", "--hold-s", 0)
    assert done.exit_code == 0, done.output
    assert "slot B is good" in done.output
    assert machine.power_on() == "B"
    slots = status()["slots"]
    assert isinstance(slots, dict)
    assert slots["B"] == slots["B"] | {"version": "2.1", "condition": "good", "running": True, "committed": True}
    assert "nothing is on trial" in run("mark-good").output

    assert run("rollback", "--yes").exit_code == 0
    assert told.read_text().count("0 tryboot") == 2
    assert machine.power_on(tryboot=True) == "A"
    assert run("mark-good", "--hold-s", 0).exit_code == 0
    assert machine.power_on() == "A"


def test_a_version_on_which_the_kiosk_is_not_well_is_left(told: Path, monitor: Monitor, machine: Machine) -> None:
    machine.slots.settle()
    machine.install("2.1")
    assert run("try").exit_code == 0
    machine.power_on(tryboot=True)
    monitor.content = answer(printer="absent")
    done = run("mark-good", "--limit-s", 0)
    assert done.exit_code == 1
    assert "slot B is not kept: printer was there before the update and is not now" in done.output.replace("\n", " ")
    assert told.read_text().splitlines()[-1] == "reboot"
    assert machine.power_on() == "A"
    assert run("mark-good").exit_code == 0
    assert "failed: printer was there before" in run("status").output


def test_on_trial_nothing_is_installed(told: Path, machine: Machine, tmp_path: Path) -> None:
    machine.slots.settle()
    machine.install()
    machine.slots.begin_try()
    machine.power_on(tryboot=True)
    done = run("install", tmp_path / "kiosk.raucb")
    assert done.exit_code == 1
    assert "slot B is on trial: wait" in done.output


def test_what_can_not_be_done_is_a_sentence(
    told: Path, machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "is not there" in run("install", tmp_path / "absent.raucb").output
    assert "no installed update waits" in run("try").output
    assert "slot B can't be gone back to: it is empty" in run("rollback", "--yes").output
    (machine.boot / "autoboot.txt").unlink()
    assert "Updates need an image" in run("status").output
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "so it needs root: sudo kiosk" in run("try").output
    assert told.read_text() == ""


def test_rauc_is_answered(told: Path) -> None:
    assert run("bootchooser", "get-primary").output == "A\n"
    assert run("bootchooser", "set-state", "A", "bad").exit_code == 1
