"""A notice: a title, lines and a code, without anything of a receipt, at the end of each wire."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from drivers.errors import OutOfPaper
from drivers.printer import Notice

from .conftest import Bench

NOTICE = Notice(
    title="This kiosk's configuration has a mistake",
    lines=("kiosk.toml, line 7:", "", "a word " * 20, "a\x1bcommand"),
    printed_at=datetime(2026, 11, 23, 13, 5, tzinfo=UTC),
    qr="kiosk-001 ansible_host=10.0.0.20",
    job="notice:mistakes-1",
)


async def test_a_notice_has_its_words_and_code_and_no_total(bench: Bench) -> None:
    await bench.printer.print_notice(NOTICE)
    paper = await bench.device.next_receipt()
    text = str(paper)
    assert "configuration has a mistake" in " ".join(text.split())
    assert "kiosk.toml, line 7:\n\na word a word" in text
    assert "a command" in text
    assert "TOTAL" not in text
    assert paper.qr == [NOTICE.qr]
    assert bench.device.unknown == []


async def test_a_notice_is_printed_once_a_job(bench: Bench) -> None:
    await bench.printer.print_notice(NOTICE)
    await bench.printer.print_notice(NOTICE)
    assert len(bench.device.receipts) == 1


async def test_without_paper_it_is_refused_and_printed_when_asked_again(bench: Bench) -> None:
    bench.device.empty_roll()
    with pytest.raises(OutOfPaper):
        await bench.printer.print_notice(NOTICE)
    bench.device.load_roll()
    await bench.printer.print_notice(NOTICE)
    assert len(bench.device.receipts) == 1
