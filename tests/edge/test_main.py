"""The `kiosk` command: what it imports, and that all of it is there."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from edge.__main__ import COMMANDS, application


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_there_alone_and_among_all(name: str) -> None:
    alone = typer.main.get_command(application(name))
    every = typer.main.get_command(application())
    assert isinstance(alone, typer.core.TyperGroup)
    assert isinstance(every, typer.core.TyperGroup)
    assert set(alone.commands) == {name}
    assert set(every.commands) == set(COMMANDS)
    said = CliRunner().invoke(application(name), [name, "-h"])
    assert said.exit_code == 0, said.output
    assert name in said.output


def test_one_command_does_not_wait_for_anothers_modules() -> None:
    ask = "import sys; from edge.__main__ import application; application('leds'); print('edge.virtual' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False"]


def test_a_command_that_is_none_is_said() -> None:
    said = CliRunner().invoke(application("serve"), ["serve"])
    assert said.exit_code == 2
    assert "serve" in said.output


def test_version() -> None:
    said = CliRunner().invoke(application("--version"), ["--version"])
    assert said.exit_code == 0
    assert said.output.startswith("kiosk-edge ")
