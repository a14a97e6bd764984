"""The bench `qemu` where it can't run, and what it makes of an audit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.deeds import Deed, Sight
from bench.qemu_audit import read_report
from bench.qemu_bench import QemuBench
from bench.qemu_machine import lacking
from tests.conftest import REPOSITORY


def hil(*words: str, report: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "hil-tests", "-q", "--report", str(report), *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


@pytest.mark.timeout(120)
def test_without_an_image_it_says_how_to_make_one(tmp_path: Path) -> None:
    if lacking("amd64"):
        pytest.skip(f"on Debian: apt-get install {' '.join(lacking('amd64'))}")
    done = hil("--bench", "qemu", "--image", str(tmp_path / "kiosk-amd64.img"), "-k", "told_once", report=tmp_path)
    assert done.returncode == 2
    assert "there is no image" in done.stdout + done.stderr
    assert "make image ARCH=amd64" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.timeout(120)
def test_without_qemu_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    done = hil("--bench", "qemu", "-k", "told_once", report=tmp_path)
    assert done.returncode == 2
    assert "apt-get install" in done.stdout + done.stderr
    assert "qemu-system-x86" in done.stdout + done.stderr


@pytest.mark.timeout(120)
def test_what_only_an_image_can_show_is_asked_of_no_other_bench(tmp_path: Path) -> None:
    def collected(bench: str) -> str:
        return hil("--bench", bench, "--collect-only", report=tmp_path).stdout

    assert "test_the_image_" not in collected("mock")
    asked = [line for line in collected("qemu").splitlines() if "::" in line]
    assert any("test_a_tap_is_heard.py" in line for line in asked)
    assert "test_the_image_is_updated_safely.py" in asked[-1], "after it another version runs: it must be the last"


def test_what_can_not_be_done_has_a_reason(tmp_path: Path) -> None:
    bench = QemuBench(tmp_path / "kiosk-amd64.img", tmp_path, tmp_path)
    assert bench.missing(Deed.TAP) is None
    assert bench.missing(Deed.CUT_POWER) is None
    assert bench.missing(Sight.RECEIPTS) is None
    assert "camera" in (bench.missing(Deed.SHOW) or "")
    assert "SPI" in (bench.missing(Sight.LIGHTS) or "")


def test_an_audit_is_read() -> None:
    report = "# Lynis Report\nreport_version_major=1\nwarning[]=SSH-7408|weak|-|-|\nsuggestion[]=A|b|-|-|\n"
    found = read_report(report + "hardening_index=81\n")
    assert (found.index, found.warnings, found.suggestions) == (81, ("SSH-7408|weak|-|-|",), ("A|b|-|-|",))
    with pytest.raises(ValueError, match="did not come to its end"):
        read_report(report)
