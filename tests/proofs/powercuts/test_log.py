from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from proofs.powercuts.log import LogDamaged, WriteLog
from proofs.powercuts.replay import Disk
from tests.proofs.powercuts.written import FLUSHED, FUA, discard, write, write_log

REQUESTS = [write(3, 1, sectors=2), FLUSHED, write(8, 2, flags=FUA), discard(5, 4), write(9, 3), FLUSHED, write(1, 4)]


def test_each_entry_is_read_with_its_data(tmp_path: Path) -> None:
    with WriteLog(write_log(tmp_path / "log", REQUESTS)) as log:
        assert [(each.sector, each.sectors) for each in log.entries] == [
            (3, 2), (0, 0), (8, 1), (5, 4), (9, 1), (0, 0), (1, 1),
        ]  # fmt: skip
        assert [log.data(each)[:1] for each in log.entries] == [b"\1", b"", b"\2", b"\0", b"\3", b"", b"\4"]
        assert [len(log.data(each)) for each in log.entries] == [1024, 0, 512, 2048, 512, 0, 512]
        assert [each.flushes for each in log.entries] == [False, True, False, False, False, True, False]
        assert [each.forced for each in log.entries] == [False, False, True, False, False, False, False]
        assert [each.discards for each in log.entries] == [False, False, False, True, False, False, False]
        assert [each.changes for each in log.entries] == [True, False, True, True, True, False, True]


def test_what_a_flush_covered_is_durable_from_the_flush_on(tmp_path: Path) -> None:
    with WriteLog(write_log(tmp_path / "log", REQUESTS)) as log:
        assert [log.durable(position) for position in range(len(log) + 1)] == [0, 0, 2, 2, 2, 2, 6, 6]


def test_a_length_tells_how_many_entries_were_whole(tmp_path: Path) -> None:
    path = write_log(tmp_path / "log", REQUESTS)
    with WriteLog(path) as log:
        first, second = log.entries[:2]
        assert first.ends == 512 + 512 + 1024
        assert log.position(0) == 0
        assert log.position(first.ends - 1) == 0
        assert log.position(first.ends) == 1
        assert log.position(second.ends) == 2
        assert log.position(path.stat().st_size) == len(REQUESTS)


def test_an_entry_that_was_being_written_is_left_out(tmp_path: Path) -> None:
    path = write_log(tmp_path / "log", REQUESTS, promised=6)
    path.write_bytes(path.read_bytes()[:-1])
    with WriteLog(path) as log:
        assert len(log) == 6


def test_more_entries_than_promised_are_read_for_the_superblock_comes_with_flushes(tmp_path: Path) -> None:
    with WriteLog(write_log(tmp_path / "log", REQUESTS, promised=2)) as log:
        assert len(log) == len(REQUESTS)


def test_space_that_was_taken_and_never_written_ends_the_log(tmp_path: Path) -> None:
    path = write_log(tmp_path / "log", REQUESTS[:2])
    path.write_bytes(path.read_bytes() + bytes(4096))
    with WriteLog(path) as log:
        assert len(log) == 2


def test_a_log_with_fewer_entries_than_promised_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogDamaged, match="7 of its 9 entries"):
        WriteLog(write_log(tmp_path / "log", REQUESTS, promised=9))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (b"", "no log of writes"),
        (bytes(512), "no log of writes"),
        (struct.pack("<QQQI", 0x6A736677736872, 2, 0, 512).ljust(512, b"\0"), "version 2"),
        (struct.pack("<QQQI", 0x6A736677736872, 1, 0, 500).ljust(512, b"\0"), "sector of 500"),
        (
            struct.pack("<QQQI", 0x6A736677736872, 1, 0, 512).ljust(512, b"\0") + b"\xff" * 512,
            "no entry at byte 512",
        ),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, damage: bytes, words: str) -> None:
    path = tmp_path / "log"
    path.write_bytes(damage)
    with pytest.raises(LogDamaged, match=words):
        WriteLog(path)


def test_qemus_own_log_is_read(tmp_path: Path) -> None:
    """The real driver, by qemu-io: no guest is needed for it to log."""
    if shutil.which("qemu-io") is None:
        pytest.skip("no qemu-io here: Debian's package qemu-utils has it")
    image, path = tmp_path / "image", tmp_path / "log"
    image.write_bytes(bytes(1 << 20))
    path.write_bytes(b"")
    options = f"driver=blklogwrites,file.driver=file,file.filename={image},log.driver=file,log.filename={path}"
    deeds = ["write -P 7 4096 8192", "flush", "write -z 65536 4096", "discard 131072 4096", "write -P 9 0 512"]
    words = ["qemu-io", "--image-opts", options, *(word for deed in deeds for word in ("-c", deed))]
    subprocess.run(words, check=True, capture_output=True)
    with WriteLog(path) as log:
        changes = [(each.sector, each.sectors, each.discards) for each in log.entries if each.changes]
        assert changes == [(8, 16, False), (128, 8, False), (256, 8, True), (0, 1, False)]
        assert log.data(log.entries[0]) == b"\7" * 8192
        assert log.entries[1].flushes
        assert log.durable(2) == 2
        before = tmp_path / "before"
        before.write_bytes(bytes(1 << 20))
        disk = Disk(before, log)
        disk.forward(len(log))
        disk.close()
    assert before.read_bytes() == image.read_bytes()
