"""An update can't brick a kiosk: a good one stays, a broken, forged or half-written one leaves the old one running."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest

from bench import BenchUnusable
from bench.qemu_bench import BOOTED_S, COMMAND_S, QemuBench, Stage
from bench.qemu_bundles import Bundles, plug_stick
from bench.qemu_shell import CommandFailed
from bench.waiting import hold, until
from proofs.powercuts.guest import GuestFailed

_INSTALL_S = 3600.0
_JUDGED_S = 3600.0
_WRITTEN_BYTES = 100 << 20  # a slot's root is some hundreds of MiB
_LOOK_S = 0.5


@pytest.fixture(scope="module")
def bundles(booted: QemuBench, tmp_path_factory: pytest.TempPathFactory) -> Bundles:
    """Updates for the image that is booted."""
    try:
        return Bundles(booted.image_file, booted.image_file.parent / "signing", tmp_path_factory.mktemp("bundles"))
    except BenchUnusable as error:
        pytest.skip(str(error))


async def status(booted: QemuBench) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(await booted.shell.run("kiosk update status --json", within_s=COMMAND_S))
    return facts


async def written_bytes(booted: QemuBench) -> int:
    stats = await booted.machine.monitor.do("query-blockstats")
    return max(int(each["stats"]["wr_bytes"]) for each in stats if each.get("device") == "card")


async def until_started_again(booted: QemuBench, times: int, before: int) -> None:
    async def is_so() -> bool:
        return len(booted.machine.boots) >= before + times

    await until(is_so, f"{times} more start(s) of the machine", timeout_s=BOOTED_S)


async def until_judged(booted: QemuBench) -> dict[str, Any]:
    """What is so once nothing is on trial any more, whatever restarts that takes."""
    async with asyncio.timeout(_JUDGED_S):
        while True:
            # While it restarts nobody answers, and a machine that just ended is started again.
            with contextlib.suppress(CommandFailed, GuestFailed, TimeoutError):
                facts = await status(booted)
                if facts["running"] == facts["committed"] and facts["next"] is None:
                    return facts
            await hold(_LOOK_S)


def others(facts: dict[str, Any]) -> Any:
    """The slot that doesn't run."""
    return next(each for each in facts["slots"].values() if not each["running"])


async def test_a_wrong_signature_is_refused(booted: QemuBench, bundles: Bundles) -> None:
    before = await status(booted)
    wrote = await written_bytes(booted)
    forged = bundles.forged(bundles.good("bench-good"))
    path = await plug_stick(booted.machine, booted.shell, forged, COMMAND_S)
    code, said, wrong = await booted.shell.tried(f"kiosk update install --no-reboot {path}", within_s=_INSTALL_S)
    assert code == 1
    assert "signature" in said + wrong or "certificate" in said + wrong
    assert "Traceback" not in said + wrong
    assert await status(booted) == before
    assert await written_bytes(booted) - wrote < _WRITTEN_BYTES


async def test_a_cut_in_the_middle_of_writing_a_slot_is_survived(booted: QemuBench, bundles: Bundles) -> None:
    before = await status(booted)
    path = await plug_stick(booted.machine, booted.shell, bundles.good("bench-good"), COMMAND_S)
    wrote = await written_bytes(booted)
    installing = asyncio.create_task(
        booted.shell.tried(f"kiosk update install --no-reboot {path}", within_s=_INSTALL_S)
    )
    while await written_bytes(booted) - wrote < _WRITTEN_BYTES:
        assert not installing.done(), installing.result()
        await hold(_LOOK_S)
    await booted.to(Stage.OFF)
    await asyncio.wait([installing])
    await booted.to(Stage.SERVING)
    after = await status(booted)
    assert booted.machine.boots[-1].slot == before["running"] == after["running"] == after["committed"]
    assert others(after)["condition"] == "writing"
    code, said, wrong = await booted.shell.tried("kiosk update try", within_s=COMMAND_S)
    assert code == 1, said + wrong
    assert len({boot.slot for boot in booted.machine.boots[-2:]}) == 1


async def test_a_good_update_stays(booted: QemuBench, bundles: Bundles) -> None:
    before = await status(booted)
    starts = len(booted.machine.boots)
    path = await plug_stick(booted.machine, booted.shell, bundles.good("bench-good"), COMMAND_S)
    await booted.shell.tried(f"kiosk update install --reboot {path}", within_s=_INSTALL_S)
    await until_started_again(booted, 1, starts)
    trial = booted.machine.boots[-1]
    assert trial.trial
    assert trial.slot != before["running"]
    await booted.to(Stage.SERVING)
    after = await until_judged(booted)
    assert after["running"] == after["committed"] == trial.slot
    assert after["slots"][trial.slot]["version"] == "bench-good"
    await booted.to(Stage.OFF)  # and it boots without being told to
    await booted.to(Stage.SERVING)
    assert booted.machine.boots[-1].slot == trial.slot
    assert not booted.machine.boots[-1].trial


@pytest.mark.parametrize("how", ["dead", "dumb"])
async def test_a_broken_update_goes_by_itself(booted: QemuBench, bundles: Bundles, how: str) -> None:
    """`dead` never starts; `dumb` starts and can't serve, which its health check finds within ten minutes."""
    before = await status(booted)
    starts = len(booted.machine.boots)
    bundle = getattr(bundles, how)(f"bench-{how}")
    path = await plug_stick(booted.machine, booted.shell, bundle, COMMAND_S)
    await booted.shell.tried(f"kiosk update install --reboot {path}", within_s=_INSTALL_S)
    await until_started_again(booted, 1, starts)
    assert booted.machine.boots[starts].trial
    assert booted.machine.boots[starts].slot != before["running"]
    await until_started_again_after_trial(booted, starts)
    assert not booted.machine.boots[starts + 1].trial
    await booted.to(Stage.SERVING)
    after = await until_judged(booted)
    assert after["running"] == after["committed"] == before["running"]
    assert others(after)["condition"] == "failed"
    assert others(after)["words"]


async def until_started_again_after_trial(booted: QemuBench, starts: int) -> None:
    async def is_so() -> bool:
        return len(booted.machine.boots) >= starts + 2

    await until(is_so, "the old slot to start by itself", timeout_s=_JUDGED_S)
