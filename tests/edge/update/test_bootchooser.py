"""The handler as RAUC starts it: a program, its words, its exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.edge.update.kiosk import Machine


def ask(machine: Machine, *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "edge.update.bootchooser", *words],
        env=os.environ | machine.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_an_install_as_rauc_goes_about_it(machine: Machine) -> None:
    assert ask(machine, "get-current") == (0, "A\n", "")
    assert ask(machine, "get-primary") == (0, "A\n", "")
    assert ask(machine, "get-state", "B") == (0, "bad\n", "")
    assert ask(machine, "set-state", "B", "bad") == (0, "", "")
    assert ask(machine, "set-primary", "B") == (0, "", "")
    assert ask(machine, "get-primary") == (0, "B\n", "")
    assert ask(machine, "get-state", "B") == (0, "good\n", "")
    assert ask(machine, "set-state", "A", "good") == (0, "", "")


def test_what_would_brick_the_kiosk_is_refused(machine: Machine) -> None:
    code, told, complaint = ask(machine, "set-state", "A", "bad")
    assert (code, told) == (1, "")
    assert "slot A is the one that boots" in complaint
    assert ask(machine, "get-state", "A") == (0, "good\n", "")


@pytest.mark.parametrize("words", [(), ("get-state",), ("set-state", "C", "good"), ("set-state", "B", "fine"), ("go",)])
def test_other_words_are_an_error_that_names_the_right_ones(machine: Machine, words: tuple[str, ...]) -> None:
    code, told, complaint = ask(machine, *words)
    assert (code, told) == (1, "")
    assert "get-primary | set-primary SLOT" in complaint
    assert "Traceback" not in complaint


def test_a_machine_without_slots_is_told_so(machine: Machine) -> None:
    (machine.boot / "autoboot.txt").unlink()
    code, _, complaint = ask(machine, "get-primary")
    assert code == 1
    assert "Updates need an image" in complaint
