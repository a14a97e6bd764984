"""What was measured on: the facts without which a figure says nothing."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_FSYNCS = 50


def facts(packages: Iterable[str], folder: Path) -> dict[str, Any]:
    """The machine, Python, the versions of `packages`, and the file system that `folder` is on."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1_000_000,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "load_1_min": load(),
        "python": sys.version.split()[0],
        "packages": {name: _version(name) for name in packages},
        "file_system": _file_system(folder),
        "fsync_p50_us": fsync_us(folder),
    }


def load() -> float:
    """How many processes wanted a core in the last minute."""
    return os.getloadavg()[0]


def server_version(program: Path) -> str:
    """What a nats-server says it is."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    found = re.search(r"v?(\d+\.\d+\.\d+\S*)", said)
    return found[1] if found else said.strip()


def commit(repository: Path) -> str | None:
    """The commit that is checked out, with a + when files differ from it; None outside git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
            timeout=10,
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() or None


def fsync_us(folder: Path) -> float:
    """How long 4 KB take to reach the disk under `folder`, in us: the floor of a stored event."""
    times_s = []
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        for _ in range(_FSYNCS):
            file.write(b"\0" * 4096)
            file.flush()
            began_s = time.perf_counter()
            os.fsync(file.fileno())
            times_s.append(time.perf_counter() - began_s)
    return statistics.median(times_s) * 1e6


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    with contextlib.suppress(OSError):
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
        found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", text, re.MULTILINE)
        if found:
            return found[1].strip()
    return platform.processor() or platform.machine()


def _file_system(folder: Path) -> str | None:
    """The type of the longest mount point above `folder`; None where /proc doesn't say."""
    where = folder.resolve()
    best: tuple[int, str] | None = None
    with contextlib.suppress(OSError):
        for line in Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines():
            _, point, kind, *_ = line.split(" ")
            if where.is_relative_to(point) and (best is None or len(point) >= best[0]):
                best = (len(point), kind)
    return best[1] if best else None
