"""The journal of jobs, on a disk that forgets, tears and fails."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from drivers.errors import DeviceSetup
from drivers.printer.journal import REMEMBERED, Journal


def test_it_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    journal.write("a", "not printed")
    journal.write("a", "unknown")
    journal.write("ü\n", "printed")
    again = Journal(path)
    assert (again.entry("a"), again.entry("ü\n"), again.entry("b")) == ("unknown", "printed", None)
    assert again.last == "printed"


def test_a_line_that_was_torn_by_a_power_cut_costs_nothing_but_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    Journal(path).write("a", "printed")
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole + whole[:size])
        torn = Journal(path)
        assert torn.entry("a") == "printed"
        torn.write("b", "unknown")
        assert Journal(path).entry("b") == "unknown"


def test_it_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_text("".join(f'["{number}", "printed"]\n' for number in range(REMEMBERED + 100)))
    journal = Journal(path)
    assert journal.entry("99") is None
    assert journal.entry("100") == "printed"
    assert len(path.read_text().splitlines()) == REMEMBERED


def test_a_place_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with pytest.raises(DeviceSetup, match=r"journal .*plain/journal can't be used"):
        Journal(tmp_path / "plain" / "journal")


def test_a_disk_that_fails_costs_no_receipt(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "journal"
    journal = Journal(path)
    path.unlink()
    path.mkdir()  # what can't be written, whoever runs this
    with caplog.at_level(logging.WARNING):
        journal.write("a", "printed")
    assert journal.entry("a") == "printed"
    assert "can't be written" in caplog.text
