"""`pytest hil-tests --bench mock|wire|qemu|BENCH.toml`: one bench for the run, its report at the end."""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import AsyncIterator, Generator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bench import BUILT_IN, Bench, BenchUnusable, Paper
from bench.choice import bench_named, facts_of
from bench.deeds import MENDS, Deed, Sight
from bench.lobby import Lobby
from bench.page import write_page
from bench.qemu_bench import QemuBench
from bench.record import Record, Run
from bench.table import skipped_table
from bench.watch import Watch
from edge.bus import BusError, Client
from edge.contract.permissions import OPERATOR

_BUS_S = 10.0
# A promise and, for the first, setting the bench up: on a machine with other work. Where people do it, each deed and
# each answer has a limit of its own (`[manual] timeout_s`), so this one only ends what hangs.
_LONGEST_S = 300.0
_LONGEST_BY_HAND_S = 3600.0
# An emulated kiosk boots in half a minute on a quiet machine, and in a quarter of an hour beside much else.
_LONGEST_BOOTED_S = 3600.0
REPOSITORY = Path(__file__).resolve().parent.parent
_LAST = "test_the_image_is_updated_safely"  # after it another version runs
_RUN = pytest.StashKey[Run]()
_RECORD = pytest.StashKey[Record]()
_NEEDED = pytest.StashKey[list[Deed | Sight]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--bench", default="mock", metavar="NAME|FILE", help=f"{', '.join(BUILT_IN)}, or a BENCH.toml [default: mock]"
    )
    parser.addoption("--image", default=None, help="the software image under test")
    parser.addoption("--report", default=None, type=Path, help="where the report goes [default: build/hil/<bench>]")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*what): the deeds and sights that a promise is shown with")
    if hasattr(config, "workerinput") or config.getoption("numprocesses", default=None):
        raise pytest.UsageError("a bench is one kiosk: hil-tests don't run in parallel (leave out -n)")
    name = config.getoption("--bench")
    label = name if name in BUILT_IN else Path(name).stem
    folder = config.getoption("--report") or REPOSITORY / "build" / "hil" / label
    folder.mkdir(parents=True, exist_ok=True)
    config.option.report = folder
    if config.option.xmlpath is None:
        config.option.xmlpath = str(folder / "junit.xml")
    config.stash[_RUN] = Run(label)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What only a booted image can show is asked of no other bench."""
    of_the_image = collection_path.name.startswith("test_the_image_")
    return True if of_the_image and config.getoption("--bench") != "qemu" else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    name = config.getoption("--bench")
    longest_s = _LONGEST_BOOTED_S if name == "qemu" else _LONGEST_S if name in BUILT_IN else _LONGEST_BY_HAND_S
    items.sort(key=lambda item: item.path.stem == _LAST)
    for item in items:
        # One event loop for the bench and all its tests; a person at a bench takes longer than a test may.
        item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        item.add_marker(pytest.mark.timeout(longest_s))
        needed = [each for marker in item.iter_markers("needs") for each in marker.args]
        item.stash[_NEEDED] = needed
        function = getattr(item, "function", None)
        item.stash[_RECORD] = Record(
            file=item.path.stem, promise=_promise(sys.modules[function.__module__]), case=_words(item.name)
        )


def _promise(module: Any) -> str:
    return str(module.__doc__ or module.__name__).strip().splitlines()[0].rstrip(".")


def _words(name: str) -> str:
    base, _, variant = name.removeprefix("test_").partition("[")
    words = base.replace("_", " ")
    return (words[:1].upper() + words[1:]) + (f" ({variant.rstrip(']')})" if variant else "")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """The bench of this run, set up."""
    config = request.config
    try:
        made = bench_named(config.getoption("--bench"), tmp_path_factory.mktemp("bench"), config)
        await made.open()
    except BenchUnusable as error:
        pytest.exit(f"the bench {config.getoption('--bench')} can't be used: {error}", returncode=2)
    except Exception:  # ours to mend: said once, and not by every test
        pytest.exit(f"the bench {config.getoption('--bench')} did not open:\n{traceback.format_exc()}", returncode=2)
    run = config.stash[_RUN]
    run.facts = facts_of(made, REPOSITORY, config.getoption("--image"))
    run.devices = made.devices
    yield made
    await made.close()


@pytest.fixture(scope="session")
def booted(bench: Bench) -> QemuBench:
    """The bench whose image this run has booted."""
    assert isinstance(bench, QemuBench)
    return bench


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def ear(bench: Bench) -> AsyncIterator[Watch]:
    """The bench's own connection to the bus, which remembers everything."""
    client = Client(bench.bus.url, name=OPERATOR, key_file=bench.bus.key_file)  # by it, keys allow an inbox
    watch = Watch(client)
    try:
        await client.connect(wait_s=_BUS_S)
        await watch.open()
    except BusError as error:
        pytest.exit(f"the kiosk of bench {bench.name} can't be reached: {error}", returncode=2)
    yield watch
    await watch.close()
    await client.close()


@pytest.fixture(scope="session", autouse=True)
def facts_in_junit(bench: Bench, request: pytest.FixtureRequest, record_testsuite_property: Any) -> None:
    """What ran on what, in the junit report."""
    for name, value in request.config.stash[_RUN].facts.items():
        record_testsuite_property(name, value)
    for name, value in bench.devices.items():
        record_testsuite_property(f"device {name}", value)


@pytest_asyncio.fixture(loop_scope="session")
async def lobby(bench: Bench, ear: Watch, request: pytest.FixtureRequest) -> AsyncIterator[Lobby]:
    """The place where the test happens, at rest before and after it."""
    needed = request.node.stash[_NEEDED]
    record = request.node.stash[_RECORD]
    for what in [*needed, *(MENDS[each] for each in needed if isinstance(each, Deed) and each in MENDS)]:
        reason = bench.missing(what)
        if reason is not None:
            pytest.skip(f"bench {bench.name} can't {_doing(what)}: {reason}")
    place = Lobby(bench, ear.client, ear, record, needed)
    place.begin()
    record.began_s = time.monotonic()
    _record_papers(bench, record)
    yield place
    try:
        await place.mend()
        await place.rest()
    finally:
        place.end()
        request.node.user_properties.extend(record.figures.items())  # for junit
    assert not place.malformed, f"on the bus, against the contract: {'; '.join(place.malformed)}"


def _doing(what: Deed | Sight) -> str:
    return f"see {what.value}" if isinstance(what, Sight) else what.value.replace("_", " ")


def _record_papers(bench: Bench, record: Record) -> None:
    def take(paper: Paper) -> None:
        record.papers.append(paper)
        record.note("paper", "A receipt", paper.text)

    if hasattr(bench.receipts, "on_paper"):
        bench.receipts.on_paper = take


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    record = item.stash[_RECORD]
    run = item.config.stash[_RUN]
    if report.when == "setup":
        run.records.append(record)
    record.took_s += report.duration if report.when == "call" else 0.0
    if report.skipped:
        record.outcome = "skipped"
        record.reason = re.sub(r"^Skipped: ", "", report.longrepr[2] if isinstance(report.longrepr, tuple) else "")
    elif report.failed:
        record.outcome = "broken"
        record.reason = call.excinfo.exconly() if call.excinfo is not None else str(report.longrepr)
    elif report.when == "call":
        record.outcome = "kept"
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    run = session.config.stash[_RUN]
    if run.records and run.facts:
        write_page(run, session.config.option.report / "index.html")


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    run = config.stash[_RUN]
    if not run.facts:
        return
    for line in skipped_table(run):
        terminalreporter.write_line(line)
    terminalreporter.write_line(f"report: {config.option.report / 'index.html'}")
