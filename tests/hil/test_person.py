"""The person at the bench: what they are told, what they answer, and that nobody waits for ever."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys

import pytest

from bench import BenchUnusable
from bench.deeds import Deed, in_words
from bench.person import Person
from bench.real import AskedLights, AskedReceipts


class Typed:
    """A console at which somebody types `lines`, one for each question."""

    def __init__(self, *lines: str | None) -> None:
        self.lines = list(lines)
        self.shown = ""

    def write(self, text: str) -> None:
        self.shown += text

    def read_line(self, timeout_s: float) -> str | None:
        return self.lines.pop(0)


async def test_a_deed_is_told_in_words_and_awaited() -> None:
    console = Typed("")
    await Person(console, 5).do(in_words(Deed.TAP, "loyalty"))
    assert "Hold the loyalty card to the reader for a second, then take it away, then press Enter" in console.shown


async def test_a_question_is_asked_again_until_it_is_answered() -> None:
    console = Typed("perhaps", "", "Yes")
    assert await Person(console, 5).sees("Do the LEDs shine?")
    assert console.shown.count("Do the LEDs shine? [y/n]") == 3
    assert not await Person(Typed("n"), 5).sees("Do they?")
    assert await Person(Typed("two", "2"), 5).counts("How many?") == 2


async def test_who_does_not_answer_is_not_awaited_for_ever() -> None:
    with pytest.raises(BenchUnusable, match="nobody answered within 5 s: Pull the printer's cable"):
        await Person(Typed(None), 5).do(in_words(Deed.UNPLUG_PRINTER))


async def test_what_a_person_sees_decides() -> None:
    assert "12.99" in (await AskedReceipts(Person(Typed("y"), 5)).next(["12.99"], 1)).text
    with pytest.raises(AssertionError, match=r"no receipt that shows “12\.99”"):
        await AskedReceipts(Person(Typed("n"), 5)).next(["12.99"], 1)
    assert await AskedReceipts(Person(Typed("0"), 5)).count() == 0
    await AskedLights(Person(Typed("y"), 5)).until(lit=True, timeout_s=1)
    with pytest.raises(AssertionError, match="not dark"):
        await AskedLights(Person(Typed("n"), 5)).until(lit=False, timeout_s=1)


_ASKS = """
import asyncio
from bench import BenchUnusable
from bench.person import Person, Terminal
async def main():
    person = Person(Terminal(), 30)
    await person.do("Hold the card")
    print("counted", await person.counts("How many"), flush=True)
    try:
        await Person(Terminal(), 0.05).do("Too late")
    except BenchUnusable as error:
        print(error, flush=True)
asyncio.run(main())
"""


def test_a_real_terminal_is_asked() -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-c", _ASKS], {**os.environ, "PYTHONPATH": ":".join(sys.path)})  # noqa: S606 - Python, no shell
    try:
        assert "Hold the card, then press Enter" in _until(terminal, "Enter: ")
        os.write(terminal, b"\n")
        _until(terminal, "[number]: ")
        os.write(terminal, b"3\n")
        assert "counted 3" in _until(terminal, "nobody answered within 0.05 s")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def _until(terminal: int, words: str) -> str:
    said = ""
    while words not in said:
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, f"no {words!r} in {said!r}"
        said += os.read(terminal, 4096).decode()
    return said
