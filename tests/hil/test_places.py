"""labgrid's environments for the bench, with the real labgrid in its own environment."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

PLACES = REPOSITORY / "hil-tests" / "places"

_ENVIRONMENT = """
targets:
  main:
    drivers:
      ExternalPowerDriver:
        cmd_on: 'sh -c "echo on >> {folder}/power"'
        cmd_off: 'sh -c "echo off >> {folder}/power"'
      ExternalConsoleDriver:
        cmd: 'sh {folder}/guest.sh'
      ShellDriver:
        prompt: 'root@kiosk:/# '
        login_prompt: 'kiosk login: '
        username: root
      KioskStrategy:
        ready: '{ready}'
imports:
  - {strategy}
"""
_GUEST = """
echo "Debian GNU/Linux 13 kiosk ttyS0"
printf 'kiosk login: '
read user
exec env PS1='root@kiosk:/# ' sh -i 2>&1
"""
_TRY = """
import sys
from labgrid import Environment
from labgrid.strategy import StrategyError
strategy = Environment(sys.argv[1]).get_target().get_driver("KioskStrategy")
try:
    strategy.transition("up")
    print(strategy.status.name, *strategy.shell.run_check("echo hello from $USER"))
except StrategyError as error:
    print("not up:", error)
strategy.transition("off")
print(strategy.status.name)
"""


@pytest.fixture
def labgrid() -> Path:
    """The Python that has labgrid; skips where there is none."""
    python = Path(os.environ.get("KIOSK_LABGRID", REPOSITORY / ".venv-labgrid")) / "bin" / "python"
    if not python.is_file():
        pytest.skip(f"no labgrid at {python}: python -m venv .venv-labgrid && .venv-labgrid/bin/pip install labgrid")
    return python


def run(labgrid: Path, *words: str, folder: Path) -> str:
    done = subprocess.run(
        [labgrid, *words],
        env={**os.environ, "LG_KIOSK_IMAGE": str(folder / "kiosk.img"), "LG_PLACE": "kiosk-1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def kiosk(folder: Path, ready: str) -> Path:
    (folder / "guest.sh").write_text(_GUEST, encoding="utf-8")
    environment = folder / "env.yaml"
    environment.write_text(
        _ENVIRONMENT.format(folder=folder, ready=ready, strategy=PLACES / "strategy.py"), encoding="utf-8"
    )
    return environment


def test_a_kiosk_is_brought_up_and_switched_off(labgrid: Path, tmp_path: Path) -> None:
    said = run(labgrid, "-c", _TRY, str(kiosk(tmp_path, "true")), folder=tmp_path)
    assert said.splitlines()[0].startswith("up hello from")
    assert said.splitlines()[-1] == "off"
    assert (tmp_path / "power").read_text(encoding="utf-8").split() == ["off", "on", "off"]


def test_a_kiosk_that_is_not_up_is_said(labgrid: Path, tmp_path: Path) -> None:
    said = run(labgrid, "-c", _TRY, str(kiosk(tmp_path, "echo degraded; false")), folder=tmp_path)
    assert said.split("\n")[0] == "not up: the kiosk isn't up: degraded"
    assert said.split()[-1] == "off"


def test_the_environment_is_one_that_labgrid_reads(labgrid: Path, tmp_path: Path) -> None:
    words = f"from labgrid import Environment; print(Environment({str(PLACES / 'pi.yaml')!r}).config.get_targets())"
    assert "KioskStrategy" in run(labgrid, "-c", words, folder=tmp_path)
