from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from proofs.powercuts.__main__ import main
from proofs.powercuts.checks import Found
from proofs.powercuts.filesystems import missing_tools
from proofs.powercuts.findings import BootFound, CutFound, Sum
from proofs.powercuts.guest import missing_programs


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def cut(**found: object) -> CutFound:
    fields = {"position": 7, "whole": 1, "torn": 2, "lost": 3, "found": found, "took_s": 0.1}
    return msgspec.convert(fields, CutFound)


def test_a_machine_without_the_programs_is_told_which_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["--out", str(tmp_path)]) == 2
    said = capsys.readouterr().out
    assert "apt-get install" in said
    assert "qemu-system-x86" in said


@pytest.mark.parametrize(("content", "words"), [(None, "make image ARCH=amd64"), (b"nothing" * 1000, "no GPT")])
def test_what_is_no_image_is_said(
    content: bytes | None, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if missing_tools() or missing_programs():
        pytest.skip(f"lacks Debian's {', '.join([*missing_tools(), *missing_programs()])}")
    image = tmp_path / "image"
    if content is not None:
        image.write_bytes(content)
    assert main(["--out", str(tmp_path / "out"), "--image", str(image)]) == 2
    assert words in " ".join(capsys.readouterr().out.split())


def test_the_last_line_counts_what_went_wrong() -> None:
    found = Found(events_due=10, events_lost=2, orders_due=3, orders_lost=["a"], charged_twice=["b"], not_back=["data"])
    boots = [
        BootFound(position=7, not_served="no bus", to_serving_s=1, found=Found(events_due=5)),
        BootFound(position=8, not_served="", to_serving_s=1, found=Found(books_wrong=["c"])),
    ]
    total = Sum([cut(events_due=4), cut(**msgspec.to_builtins(found))], boots)
    assert total.last_line() == (
        "2 power cuts: 2 of 19 acknowledged events lost, 1 file systems or stores not back, "
        "1 of 3 acknowledged orders lost, 1 charged twice, 1 books wrong; 2 booted: 1 don't serve"
    )
    assert [words.partition(":")[0] for words in total.wrong] == ["cut 7", "boot of cut 7", "boot of cut 8"]


def test_when_nothing_is_wrong_nothing_is_said_to_be() -> None:
    total = Sum([cut(events_due=4, repaired=["Clearing orphaned inode 12"])], [])
    assert total.wrong == []
    assert total.figures()["repaired"] == 1
