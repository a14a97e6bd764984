"""Which bench is meant, and the facts of a run on it."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from bench import BUILT_IN, Bench, BenchUnusable
from bench.here import mock, wire
from bench.qemu_bench import QemuBench
from benchmarks.machine import commit, server_version
from edge.bus.server import ServerMissing, find_server
from edge.models import Store

_IMAGE = Path(__file__).resolve().parents[2] / "build" / "image" / "kiosk-amd64.img"
_PACKAGES = ("kiosk-edge", "nats-py", "pyscard", "python-escpos", "pyusb", "pyserial", "sounddevice", "spidev")


def bench_named(name: str, folder: Path, config: pytest.Config) -> Bench:
    """The bench called `name`, or the one in the file of that name; not set up yet.

    Raises:
        BenchUnusable: there is no such bench, its file is wrong, or the models are missing.
    """
    if name == "qemu":
        image = Path(config.getoption("--image") or _IMAGE)
        return QemuBench(image, folder, config.getoption("--report"))
    if name not in BUILT_IN:
        from bench.real import real_bench  # noqa: PLC0415 - terminals and labgrid are for real benches only

        return real_bench(Path(name), folder, config)
    store = Store()
    wrong = [finding.words for finding in store.verify() if finding.state != "good"]
    if wrong:
        raise BenchUnusable(f"{wrong[0]}; kiosk models pull brings them")
    return mock(store, folder) if name == "mock" else wire(name, store, folder)


def facts_of(bench: Bench, repository: Path, image: str | None) -> dict[str, str]:
    """What a report must say to be worth anything later."""
    facts = {
        "bench": bench.name,
        "commit": commit(repository) or "not a checkout",
        "image": image or bench.image,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "Python": sys.version.split()[0],
    }
    try:
        facts["nats-server"] = server_version(find_server())
    except ServerMissing:
        facts["nats-server"] = "not on this machine"
    for package in _PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            continue
    return facts
