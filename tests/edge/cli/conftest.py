"""Running the real `kiosk` command."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Done:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Kiosk = Callable[..., Awaitable[Done]]


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    """Run `kiosk` with arguments, in a wide terminal, and wait for it."""

    async def run(*arguments: str, **environment: str) -> Done:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edge",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=tmp_path,
            env=os.environ | {"COLUMNS": "200", "NO_COLOR": "1"} | environment,
        )
        out, err = await asyncio.wait_for(process.communicate(), 50)
        return Done(process.returncode or 0, out.decode(), err.decode())

    return run
