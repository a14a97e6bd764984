"""Cuts of a small disk with everything on it: written by the real programs, logged by hand, looked at as in earnest."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edge.bus import Client, EmbeddedServer
from edge.bus.server import PageAccess
from edge.contract.subjects import TRANSCRIPT
from edge.contract.voice import Transcript
from edge.contract.wire import to_bytes
from edge.update.firmware import autoboot_text
from proofs.powercuts.acks import Due
from proofs.powercuts.checks import Checker, Touched
from proofs.powercuts.cuts import choose, examine
from proofs.powercuts.filesystems import missing_tools
from proofs.powercuts.findings import CutFound, Kept, Sum
from proofs.powercuts.log import WriteLog
from proofs.powercuts.partitions import named, partitions, put_back
from proofs.powercuts.recording import About, Recording
from tests.proofs.powercuts.written import FLUSHED, Request, write, write_log

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
MIB = 1 << 20
LAYOUT = (("KIOSK", 4), ("BOOT-A", 4), ("BOOT-B", 4), ("root-a", 4), ("root-b", 4), ("data", 32))
LACKING = [*missing_tools(), *(tool for tool in ("sfdisk", "mcopy", "mke2fs") if shutil.which(tool, path=PATH) is None)]

pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"lacks {', '.join(LACKING)} (Debian: dosfstools, fdisk, mtools)")


def tool(*words: str, stdin: str = "") -> None:
    environment = os.environ | {"PATH": PATH}
    subprocess.run(words, input=stdin.encode(), capture_output=True, check=True, env=environment)


@pytest.fixture
async def store(tmp_path: Path) -> tuple[Path, list[str]]:
    """A real server's store with 20 events, and their ids."""
    ids = []
    async with EmbeddedServer(tmp_path / "server", page=PageAccess("http://127.0.0.1")) as server:
        client = Client(server.url, name="test")
        await client.connect(wait_s=10, setup=True)
        for number in range(20):
            said = to_bytes(Transcript(text=f"{number}", confidence=1.0))
            msg_id, data = client.seal(said)
            await client.js.publish(TRANSCRIPT.subject, data, headers={"Nats-Msg-Id": msg_id})
            ids.append(msg_id)
        await client.close()
    return tmp_path / "server" / "jetstream", ids


@pytest.fixture
def data_tree(store: tuple[Path, list[str]], tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    (tree / "nats").mkdir(parents=True)
    shutil.copytree(store[0], tree / "nats" / "jetstream")
    books = tree / "agents" / "payment" / "payments"
    books.mkdir(parents=True)
    with closing(sqlite3.connect(books / "journal.sqlite")) as journal, journal:
        journal.execute("CREATE TABLE attempts (key TEXT, order_id TEXT, state TEXT, transaction_id TEXT)")
        journal.execute("INSERT INTO attempts VALUES ('a/1', 'a', 'paid', 'T1')")
    with closing(sqlite3.connect(books / "sandbox-ledger.sqlite")) as ledger, ledger:
        ledger.execute("CREATE TABLE charges (key TEXT, transaction_id TEXT)")
        ledger.execute("INSERT INTO charges VALUES ('a/1', 'T1')")
    return tree


@pytest.fixture
def disk(data_tree: Path, tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate((2 + sum(size for _, size in LAYOUT)) * MIB)
    lines = [f"size={size}MiB, name={name}" for name, size in LAYOUT]
    tool("sfdisk", "-q", str(path), stdin="\n".join(["label: gpt", *lines]))
    table = partitions(path)
    (tmp_path / "autoboot.txt").write_text(autoboot_text("A"))
    for name, size in LAYOUT:
        part = tmp_path / f"{name}.part"
        with part.open("wb") as file:
            file.truncate(size * MIB)
        if name == "data":
            tool("mke2fs", "-q", "-t", "ext4", "-d", str(data_tree), str(part))
        elif not name.startswith("root"):
            tool("mkfs.vfat", str(part))
        if name == "KIOSK":
            tool("mcopy", "-i", str(part), str(tmp_path / "autoboot.txt"), "::")
        put_back(part, path, named(name, table))
    return path


def untouched(_: str) -> bool:
    return False


def test_a_disk_that_keeps_its_word_has_nothing_wrong(disk: Path, store: tuple[Path, list[str]]) -> None:
    found = Checker().check(disk, Due(frozenset(store[1]), {"a": "T1"}), untouched)
    assert found.wrong == []
    assert (found.events_due, found.orders_due) == (20, 1)


def test_what_was_promised_and_is_not_there_is_lost(disk: Path, store: tuple[Path, list[str]]) -> None:
    found = Checker().check(disk, Due(frozenset([*store[1], "never stored"]), {"b": "T2"}), untouched)
    assert (found.events_lost, found.orders_lost) == (1, ["b"])
    assert found.wrong == ["1 of 21 acknowledged events lost", "order b was acknowledged and is lost"]


def test_a_slot_that_was_written_to_is_told(disk: Path) -> None:
    found = Checker().check(disk, Due(frozenset(), {}), lambda name: name == "root-a")
    assert found.wrong == ["root-a was written to"]


@pytest.mark.parametrize(
    ("at", "length", "words"),
    [(512, 8, "no GPT"), (2048 * 512, 4096, "autoboot"), (21 * MIB, 8 * MIB, "data: blkid sees no ext4")],
)
def test_a_disk_that_does_not_come_back_is_told(disk: Path, at: int, length: int, words: str) -> None:
    with disk.open("r+b") as file:
        file.seek(at)
        file.write(b"\xff" * length)
    found = Checker().check(disk, Due(frozenset(["e"]), {}), untouched)
    assert words in found.not_back[0]
    assert found.events_lost == 1


def test_a_broken_fat_is_told_where_it_was_written_to(disk: Path) -> None:
    boot = named("BOOT-B", partitions(disk))
    with disk.open("r+b") as file:
        file.seek(boot.begins)
        file.write(b"\xff" * 4096)
    assert Checker().check(disk, Due(frozenset(), {}), untouched).wrong == []
    assert "BOOT-B" in Checker().check(disk, Due(frozenset(), {}), lambda name: name == "BOOT-B").not_back[0]


def test_the_first_write_to_a_partition_is_known(disk: Path, tmp_path: Path) -> None:
    table = partitions(disk)
    root, fat = (named(name, table).begins // 512 for name in ("root-a", "BOOT-A"))
    asked = [write(root - 1, 1), FLUSHED, write(root, 1), write(fat - 1, 1, sectors=2)]
    with WriteLog(write_log(tmp_path / "log", asked)) as log:
        touched = Touched.by(log, table)
    assert [touched.since("root-a", position) for position in range(5)] == [False, False, False, True, True]
    assert [touched.since("BOOT-A", position) for position in range(5)] == [False] * 4 + [True]
    assert not touched.since("root-b", 4)


@pytest.mark.timeout(240)
def test_cuts_of_a_recording_find_what_a_log_took_away(
    disk: Path, store: tuple[Path, list[str]], tmp_path: Path
) -> None:
    """The log writes data's first MiB away, unflushed: cuts before keep every promise, some after break them."""
    folder = tmp_path / "recording"
    folder.mkdir()
    disk.rename(folder / "base.img")
    data = named("data", partitions(folder / "base.img"))
    spare = (data.ends - 8 * MIB) // 512  # free space of the file system
    asked: list[Request] = [write(spare, 1), FLUSHED, write(spare + 8, 2), FLUSHED]
    asked += [write(data.begins // 512 + 2048 * number, 255, sectors=2048) for number in range(4)]
    write_log(folder / "writes.log", asked)
    lines = [f'{{"type":"event","at_bytes":0,"msg_id":"{msg_id}"}}' for msg_id in store[1]]
    (folder / "acks.jsonl").write_text("\n".join(['{"type":"serving","at_bytes":0}', *lines]) + "\n")
    results: list[CutFound] = []
    kept = Kept(folder / "cuts.jsonl", CutFound)

    def tell(found: CutFound) -> None:
        results.append(found)
        kept.add(found)

    examine(Recording(folder), [1, 3, 4, 8], seed=3, jobs=2, server=None, tell=tell)
    by_position = {cut.position: cut for cut in results}
    assert [bool(by_position[position].found.wrong) for position in (1, 3, 4)] == [False] * 3
    last = by_position[8]
    assert last.whole + last.torn + last.lost == 4
    assert last.whole + last.torn, "the seed is one that keeps some of it"
    assert last.found.events_lost == 20
    assert not list(folder.glob("disk-*")), "no copy is left behind"
    assert sorted(cut.position for cut in kept.read()) == [1, 3, 4, 8]
    line = Sum(results, []).last_line()
    assert line.startswith("4 power cuts: 20 of 80 acknowledged events lost, 1 file systems or stores not back")


def test_what_was_kept_goes_on_after_a_line_that_was_cut_off(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "kept", CutFound)
    one = msgspec.convert(
        {"position": 1, "whole": 0, "torn": 0, "lost": 0, "found": {"events_due": 3}, "took_s": 0.1}, CutFound
    )
    kept.add(one)
    (tmp_path / "kept").write_bytes((tmp_path / "kept").read_bytes() + b'{"position": 2')
    again = Kept(tmp_path / "kept", CutFound)
    assert again.read() == [one]
    again.add(one)
    assert again.read() == [one, one]


def test_most_cuts_are_where_customers_were_served(tmp_path: Path) -> None:
    with WriteLog(write_log(tmp_path / "log", [write(number, 1) for number in range(500)])) as log:
        served_from = log.entries[249].ends
        chosen = choose(log, served_from, 100, seed=1)
        assert chosen == sorted(set(chosen))
        assert len(chosen) == 100
        assert sum(position > 250 for position in chosen) == 90
        assert choose(log, served_from, 100, seed=1) == chosen
        assert choose(log, served_from, 100, seed=2) != chosen
        assert len(choose(log, served_from, 10_000, seed=1)) == 500


def test_an_old_or_another_recording_is_not_gone_on_with(tmp_path: Path) -> None:
    from proofs.powercuts.recording import Wish, kept

    image = tmp_path / "image"
    image.write_bytes(b"image")
    wish = Wish(image, 4, 1, without_sync=False, within_s=1, qemu="10", accelerator="tcg")
    about = About(
        image="image", image_bytes=5, image_changed_ns=image.stat().st_mtime_ns, customers=4, seed=1,
        without_sync=False, began_s=4e9, to_serving_s=1, took_s=1, qemu="10",
    )  # fmt: skip

    def has(**changed: object) -> bool:
        (tmp_path / "recording.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(about, **changed)))
        return kept(tmp_path, wish) is not None

    assert kept(tmp_path, wish) is None
    assert has()
    assert not has(began_s=0.0)
    assert not has(customers=5)
    assert not has(without_sync=True)
    assert not has(image_changed_ns=1)


def test_half_the_cuts_are_where_several_writes_are_at_risk(tmp_path: Path) -> None:
    """One write in ten flushes has a second one beside it."""
    asked: list[Request] = []
    for number in range(200):
        asked += [*(write(number, 1) for _ in range(2 if number % 10 == 0 else 1)), FLUSHED]
    with WriteLog(write_log(tmp_path / "log", asked)) as log:
        chosen = choose(log, 0, 40, seed=1)
        several = [position for position in chosen if position - log.durable(position) >= 2]
        assert len(chosen) == 40
        assert len(several) == 20
