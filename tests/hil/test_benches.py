"""`pytest hil-tests --bench …` as people run it: what is reported, skipped and refused."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from edge.config import Config
from edge.contract.subjects import CARD_TAP
from edge.models import Store
from edge.virtual.kiosk import VirtualKiosk
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.timeout(180)


def hil(*words: str, bench: Path | str = "mock", report: Path) -> subprocess.CompletedProcess[str]:
    """Run the bench's tests as people do."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "hil-tests", "-q", "--bench", str(bench), "--report", str(report), *words],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )


def properties(report: Path) -> dict[str, str]:
    tree = ElementTree.parse(report / "junit.xml")  # noqa: S314 - our own
    return {each.get("name", ""): each.get("value", "") for each in tree.iter("property")}


def test_a_run_leaves_a_report_with_what_ran_on_what(model_store: Store, tmp_path: Path) -> None:
    done = hil("-k", "lies_there or cut or felt", "--image", "kiosk-42.img", report=tmp_path)
    assert done.returncode == 0, done.stdout
    said = properties(tmp_path)
    assert said["bench"] == "mock"
    assert said["image"] == "kiosk-42.img"
    assert said["commit"]
    assert said["nats-server"]
    assert said["device printer"]
    assert said["tap to event, median"].endswith(" ms")
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "A card that lies there is one tap" in page
    assert "bench mock can't cut power: the kiosk is a part of this process" in done.stdout
    assert "A kiosk comes back with what it stored" in done.stdout


@pytest.mark.parametrize(
    ("words", "bench", "said"),
    [
        ((), "moc", "there is no bench 'moc'"),
        (("-n", "2"), "mock", "don't run in parallel"),
    ],
)
def test_what_is_no_bench_is_refused_in_a_line(words: tuple[str, ...], bench: str, said: str, tmp_path: Path) -> None:
    done = hil(*words, "-k", "lies_there", bench=bench, report=tmp_path)
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


@pytest.fixture
async def kiosk(model_store: Store, tmp_path: Path) -> AsyncIterator[VirtualKiosk]:
    """A kiosk that runs already, as a real one does."""
    async with VirtualKiosk(Config(), model_store, tmp_path / "kiosk", keys=True) as kiosk:
        yield kiosk


async def _hil(*words: str, bench: Path, report: Path) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(hil, *words, bench=bench, report=report)


def bench_for(kiosk: VirtualKiosk, folder: Path, more: str = "") -> Path:
    """A BENCH.toml for `kiosk`, whose stimuli are programs."""
    arm = f'"{sys.executable}", "-m", "tests.hil.actuator", "{kiosk.page_url}"'
    file = folder / "arm.toml"
    file.write_text(
        f'name = "arm"\nimage = "the virtual kiosk"\n[kiosk]\nbus = "{kiosk.server.url}"\nkeys = "{kiosk.keys}"\n'
        f'[do]\ntap = {{ command = [{arm}, "tap", "id", "{{what}}"] }}\n'
        f'say = {{ command = [{arm}, "say", "id", "{{what}}"] }}\n{more}',
        encoding="utf-8",
    )
    return file


async def test_the_same_promises_are_shown_on_a_kiosk_elsewhere(kiosk: VirtualKiosk, tmp_path: Path) -> None:
    bench = bench_for(kiosk, tmp_path)
    done = await _hil("-k", "heard or torn", bench=bench, report=tmp_path / "report")
    assert done.returncode == 0, done.stdout
    said = properties(tmp_path / "report")
    assert said["image"] == "the virtual kiosk"
    assert "bench arm can't tear: its BENCH.toml has no tear under [do]" in done.stdout
    # It was this kiosk that heard the taps.
    heard = [message async for message in kiosk.bus.stored(CARD_TAP.subject)]
    assert len(heard) >= 5 + 2 + 1


async def test_a_kiosk_that_hears_nothing_breaks_the_promise(kiosk: VirtualKiosk, tmp_path: Path) -> None:
    bench = tmp_path / "lame.toml"
    bench.write_text(
        f'name = "lame"\n[kiosk]\nbus = "{kiosk.server.url}"\nkeys = "{kiosk.keys}"\n'
        '[do]\ntap = { command = ["true"] }\n',
        encoding="utf-8",
    )
    done = await _hil("-k", "told_apart", "-x", bench=bench, report=tmp_path / "report")
    assert done.returncode == 1, done.stdout
    assert "no kiosk.input.card_tap as expected" in done.stdout


async def test_an_actuator_that_fails_is_no_fault_of_the_kiosk(kiosk: VirtualKiosk, tmp_path: Path) -> None:
    bench = bench_for(kiosk, tmp_path)
    bench.write_text(bench.read_text(encoding="utf-8").replace('"tap", "id"', '"nothing", "id"'), encoding="utf-8")
    done = await _hil("-k", "told_apart", bench=bench, report=tmp_path / "report")
    assert done.returncode == 1
    assert "BenchUnusable" in done.stdout
    assert "exit code 1" in done.stdout


async def test_a_bench_without_its_kiosk_says_so(tmp_path: Path) -> None:
    bench = tmp_path / "away.toml"
    bench.write_text('name = "away"\n[kiosk]\nbus = "nats://127.0.0.1:9"\n[do]\ntap = "manual"\n', encoding="utf-8")
    done = await _hil("-k", "told_apart", bench=bench, report=tmp_path / "report")
    assert done.returncode == 2
    assert "nats://127.0.0.1:9" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


async def test_a_kiosk_toml_runs_here_with_its_devices(model_store: Store, tmp_path: Path) -> None:
    (tmp_path / "kiosk.toml").write_text('[devices]\ncamera = "simulated:?fps=2"\n', encoding="utf-8")
    bench = tmp_path / "here.toml"
    bench.write_text('name = "here"\n[kiosk]\nconfig = "kiosk.toml"\npins = "simulated:"\n', encoding="utf-8")
    done = await _hil("-k", "server_may_die or felt", bench=bench, report=tmp_path / "report")
    assert done.returncode == 0, done.stdout
    assert properties(tmp_path / "report")["device camera"] == "simulated:?fps=2"
    assert "can't press button: its BENCH.toml has no press_button under [do]" in done.stdout
