"""`python -m benchmarks`, with next to no calls: that it measures what it says, not how fast that is."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.machine import server_version
from edge.bus.server import find_server

REPOSITORY = Path(__file__).resolve().parent.parent.parent
FEW = "--rounds 2 --slices 2 --calls 4 --callers 3 --calls-at-once 6".split()


@dataclass
class Done:
    """How the command ended, and what it said."""

    code: int | None
    out: str
    err: str


async def bench(folder: Path, *arguments: str) -> Done:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "benchmarks",
        *FEW,
        "--out",
        str(folder),
        *arguments,
        cwd=REPOSITORY,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(50):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Done(process.returncode, out.decode(), err.decode())


def report_of(folder: Path) -> dict[str, Any]:
    report = json.loads((folder / "bus.json").read_text(encoding="utf-8"))
    assert isinstance(report, dict)
    return report


async def test_the_bus_is_measured_on_both_loops(tmp_path: Path) -> None:
    done = await bench(tmp_path, "--only", "bus")
    assert done.code == 0, done.err
    report = report_of(tmp_path)
    assert report["suite"] == "bus"
    assert report["machine"]["nats-server"] == server_version(find_server())
    assert report["machine"]["python"] == sys.version.split()[0]
    assert report["machine"]["cores"] >= 1
    assert [(run["loop"], run["processes"]) for run in report["runs"]] == [("asyncio", 1), ("uvloop", 1)]
    ways = set(report["meaning"])
    assert {"raw", "live", "live-client", "durable", "faststream", "raw-publish", "publish"} <= ways
    for run in report["runs"]:
        assert len(run["rounds"]) == 2
        for one in run["rounds"]:
            assert {name: figures["calls"] for name, figures in one["alone"].items()} == dict.fromkeys(ways, 4)
            assert {name: figures["calls"] for name, figures in one["at_once"].items()} == dict.fromkeys(ways, 6)
            assert all(figures["least_us"] > 0 for figures in one["alone"].values())
        assert len(run["targets"]) == 7
        # Fair: everyone says and answers as many bytes.
        assert len({tuple(run["bytes"][name].items()) for name in ways if "publish" not in name}) == 1
        assert len({tuple(run["bytes"][name].items()) for name in ways if "publish" in name}) == 1
    assert "asyncio, agents in the same process" in done.out
    assert "durable: p50 at most 1.4 x raw" in done.out
    assert os.listdir(tmp_path) == ["bus.json"]  # noqa: PTH208 - the stores are gone; a listing, in a test


async def test_agents_can_be_in_a_process_of_their_own(tmp_path: Path) -> None:
    done = await bench(tmp_path, "--loop", "asyncio", "--processes", "2", "--ways", "durable")
    assert done.code == 0, done.err
    report = report_of(tmp_path)
    assert [(run["loop"], run["processes"]) for run in report["runs"]] == [("asyncio", 1), ("asyncio", 2)]
    assert list(report["meaning"]) == ["raw", "durable"]  # with what it is a multiple of
    (asking, answering), (asking_2, answering_2) = (run["process_ids"] for run in report["runs"])
    assert asking == answering == asking_2 != answering_2
    assert "agents in a process of their own" in done.out


@pytest.mark.parametrize(
    ("way", "seen"), [("durable", "benchmarks/bus/answering.py"), ("publish", "edge/bus/client.py")]
)
async def test_a_profile_shows_both_sides(tmp_path: Path, way: str, seen: str) -> None:
    done = await bench(tmp_path, "--profile", way, "--loop", "asyncio", "--top", "400")
    assert done.code == 0, done.err
    assert seen in done.out
    assert (tmp_path / f"{way}-asyncio.prof").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--ways", "live,carrier-pigeon"), "no way is called carrier-pigeon"),
        (("--rounds", "0"), "0 is not at least 1"),
        (("--only", "stock-exchange"), "invalid choice: 'stock-exchange'"),
    ],
)
async def test_a_wrong_word_is_named(tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    done = await bench(tmp_path, *arguments)
    assert done.code == 2
    assert says in done.err
    assert "Traceback" not in done.err
