"""Profiling by py-spy, which looks at a process from outside, many times a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

SAMPLES_PER_S = 1000
_SHOWN_PARTS = 3  # of a path: enough to find the file
_TIMEOUT_S = 30.0


class ProfilerFailed(Exception):
    """py-spy isn't there, or may not look at this process."""


@dataclass(frozen=True)
class Row:
    """A function's time, in s over all calls; `times` it was called, where the profiler counts."""

    own_s: float
    with_callees_s: float
    times: int | None
    function: str


@contextlib.asynccontextmanager
async def sampling(path: Path) -> AsyncIterator[None]:
    """py-spy looks at this process meanwhile, and writes its stacks to `path` at the end.

    Raises:
        ProfilerFailed: it isn't installed, or isn't allowed to.
    """
    program = shutil.which("py-spy")
    if program is None:
        raise ProfilerFailed("py-spy is not on PATH: pip install py-spy")
    words = [program, "record", "--pid", str(os.getpid()), "--rate", str(SAMPLES_PER_S), "--function"]
    # Not asyncio's: the thread that waits for the process to end would be in the samples.
    spy = subprocess.Popen(  # noqa: ASYNC220 - fork and exec take a millisecond, before anything is measured
        [*words, "--full-filenames", "--format", "raw", "--output", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        assert spy.stdout is not None
        said = await asyncio.wait_for(asyncio.to_thread(spy.stdout.readline), _TIMEOUT_S)
        if b"Sampling process" not in said:
            raise ProfilerFailed(f"py-spy may not look at this process (try as root): {said.decode().strip()}")
        yield
        spy.send_signal(signal.SIGINT)
        await asyncio.to_thread(spy.communicate, timeout=_TIMEOUT_S)
    finally:
        if spy.poll() is None:
            spy.kill()
            await asyncio.to_thread(spy.communicate)


def sampled(path: Path) -> list[Row]:
    """What `sampling` wrote."""
    return rows_of(path.read_text(encoding="utf-8"), SAMPLES_PER_S)


def rows_of(stacks: str, samples_per_s: int) -> list[Row]:
    """py-spy's raw format: a line a stack, outermost function first, and how many samples had it."""
    own: Counter[str] = Counter()
    with_callees: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, samples = line.rpartition(" ")
        functions = [_where(frame) for frame in stack.split(";")]
        own[functions[-1]] += int(samples)
        for function in set(functions):
            with_callees[function] += int(samples)
    return [
        Row(own[function] / samples_per_s, samples / samples_per_s, None, function)
        for function, samples in with_callees.items()
    ]


def _where(frame: str) -> str:
    """`name (file:line)` as we show it."""
    function, _, place = frame.rpartition(" (")
    return f"{short(place.removesuffix(')'))} {function}" if function else frame


def short(file: str) -> str:
    """The end of a path."""
    return "/".join(Path(file).parts[-_SHOWN_PARTS:])
