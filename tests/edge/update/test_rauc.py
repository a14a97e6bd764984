"""The real RAUC: bundles read and refused, written to the other slot, and what is said when that fails."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edge.update.errors import BundleRefused, RaucMissing, UpdateError
from edge.update.rauc import Rauc, explained
from tests.edge.update.rauc_service import RaucService


async def test_a_bundle_tells_what_it_is_for(rauc: RaucService) -> None:
    told = await Rauc(rauc.program).info(rauc.bundle(version="2.1"))
    assert (told.compatible, told.version) == ("kiosk-edge-test", "2.1")


async def test_a_bundle_signed_by_a_stranger_is_refused(rauc: RaucService) -> None:
    bundle = rauc.bundle("strange", signed=rauc.key("stranger"))
    with pytest.raises(BundleRefused, match=r"strange\.raucb is not signed by a key this kiosk trusts"):
        await Rauc(rauc.program).info(bundle)


@pytest.mark.parametrize("at", [100, -600])
async def test_a_changed_bundle_is_refused(rauc: RaucService, at: int) -> None:
    bundle = rauc.bundle()
    content = bytearray(bundle.read_bytes())
    content[at] ^= 0xFF
    bundle.write_bytes(content)
    with pytest.raises(BundleRefused):
        await Rauc(rauc.program).info(bundle)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
async def test_a_bundle_that_was_cut_off_is_refused(rauc: RaucService, share: float) -> None:
    bundle = rauc.bundle()
    content = bundle.read_bytes()
    bundle.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(BundleRefused, match="is no bundle, or was cut off: get it again"):
        await Rauc(rauc.program).info(bundle)


async def test_without_rauc_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(RaucMissing, match="rauc is not installed"):
        await Rauc(str(tmp_path / "rauc")).info(tmp_path / "kiosk.raucb")


async def test_without_its_service_it_says_so(rauc: RaucService) -> None:
    with pytest.raises(RaucMissing, match="systemctl status rauc"):
        await Rauc(rauc.program).install(rauc.bundle(), lambda *_: None)


async def test_an_install_writes_the_other_slot_and_has_it_tried_next(rauc_runs: RaucService) -> None:
    before = rauc_runs.slot("A")
    steps: list[tuple[int, str]] = []
    bundle = rauc_runs.bundle("new")
    await Rauc(rauc_runs.program).install(bundle, lambda percent, words: steps.append((percent, words)))
    assert rauc_runs.slot("B") == rauc_runs.image_of("new")
    assert rauc_runs.slot("A") == before
    slots = rauc_runs.machine.slots
    assert (slots.primary(), slots.committed(), slots.state.slot("B").condition) == ("B", "A", "installed")
    percents = [percent for percent, _ in steps]
    assert percents == sorted(percents)
    assert percents[-1] == 100
    assert any("Copying image to rootfs.1" in words for _, words in steps)


async def test_a_bundle_for_another_kiosk_is_refused_before_a_byte_is_written(rauc_runs: RaucService) -> None:
    before = rauc_runs.slot("B")
    bundle = rauc_runs.bundle("lift", compatible="lift-control")
    with pytest.raises(BundleRefused, match="is for 'lift-control'; this kiosk is 'kiosk-edge-test'"):
        await Rauc(rauc_runs.program).install(bundle, lambda *_: None)
    assert rauc_runs.slot("B") == before
    assert rauc_runs.machine.slots.state.slot("B").condition == "unknown"


async def test_on_trial_rauc_itself_can_not_write_the_slot_that_is_good(rauc_runs: RaucService) -> None:
    """The kiosk runs A. Were B committed and A on trial, RAUC would take B for the free one."""
    rauc_runs.machine.slots.autoboot.commit("B")
    before = rauc_runs.slot("B")
    with pytest.raises(UpdateError, match="the slot can't be written now"):
        await Rauc(rauc_runs.program).install(rauc_runs.bundle(), lambda *_: None)
    assert rauc_runs.slot("B") == before


async def test_two_installs_at_a_time_are_one_too_many(rauc_runs: RaucService) -> None:
    held = rauc_runs.folder / "held"
    os.mkfifo(held)
    bundle, program = rauc_runs.bundle(), Rauc(rauc_runs.program)
    first = asyncio.create_task(program.install(bundle, lambda *_: None))
    handle = await asyncio.to_thread(os.open, held, os.O_WRONLY)  # it opens once RAUC's handler reads: it installs
    try:
        with pytest.raises(UpdateError, match="another update is being installed"):
            await program.install(bundle, lambda *_: None)
    finally:
        os.write(handle, b"\n")
        os.close(handle)
    await first
    assert rauc_runs.slot("B") == rauc_runs.image_of("kiosk")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("LastError: Installation error: Failed updating slot rootfs.1: No space left on device", "doesn't fit"),
        ("LastError: Slot (5 bytes) is too small for image (9 bytes).", "Was it made for a larger image"),
        ("LastError: Something new\nInstalling failed", r"Something new\. More: journalctl -u rauc"),
        ("signature verification failed: Verify error: certificate is not yet valid", "Is the clock right"),
        ("No such file: /x\nLastError: Failed marking slot rootfs.1 as bad", "Is an update on trial"),
        ("No such file: /tmp/kiosk.raucb", "is not there"),
        ("", "it says nothing"),
    ],
)
def test_what_rauc_says_is_said_with_what_to_do(said: str, words: str) -> None:
    with pytest.raises(UpdateError, match=words):
        raise explained("kiosk.raucb", said)
