"""What can be said on the command line, and what is said when it can't be done."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proofs.deploy import __main__ as module
from proofs.deploy.__main__ import arguments, main
from proofs.deploy.steps import from_outside


@pytest.mark.parametrize("count", ["0", "2", "100", "many", "-1"])
def test_two_kiosks_show_no_rollout(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        arguments().parse_args([f"--kiosks={count}"])
    assert "1, or 3 and more" in capsys.readouterr().err


def test_several_are_containers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--kiosks", "3"])
    assert "--target container" in capsys.readouterr().err


def test_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "needs root" in said
    assert "Exits with 1" in said


def test_without_root_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["--target", "container", "--out", str(tmp_path / "out")]) == 2
    assert "needs root" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_without_an_archive_it_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "why_not", lambda _: None)
    monkeypatch.setattr("proofs.deploy.container.state_of", lambda _: None)
    assert main(["--target", "container", "--out", str(tmp_path)]) == 2
    assert "Debian's archive can't be reached" in " ".join(capsys.readouterr().out.split())


def test_what_listens_on_loopback_is_nobodys_business() -> None:
    listening = ["127.0.0.1:8080", "[::1]:4222", "127.0.0.53%lo:53", "0.0.0.0:22", "[::]:22", "*:80"]
    assert from_outside(listening) == ["*:80", "0.0.0.0:22", "[::]:22"]
