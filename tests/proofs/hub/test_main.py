"""What can be said on the command line, and what is said when it can't be done."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from proofs.hub import __main__ as module
from proofs.hub.__main__ import main


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "Needs root" in said
    assert "Exits with 1" in said


def test_without_root_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["--out", str(tmp_path / "out")]) == 2
    assert "needs root" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_without_rsync_no_change_would_get_to_the_nodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "why_not", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert main(["--out", str(tmp_path / "out")]) == 2
    assert "apt-get install rsync" in capsys.readouterr().out


def test_without_an_archive_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "why_not", lambda _: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    monkeypatch.setattr("proofs.deploy.container.state_of", lambda _: None)
    assert main(["--out", str(tmp_path)]) == 2
    assert "Debian's archive can't be reached" in " ".join(capsys.readouterr().out.split())
