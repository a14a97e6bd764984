"""The folder of notices."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from edge.notices import Notice, NoticeFolder


def notice(notice_id: str = "status-1.0", **more: object) -> Notice:
    return Notice(id=notice_id, title="A title", lines=["one", "two"], **more)  # type: ignore[arg-type]  # any field


def test_a_notice_waits_until_it_is_done_and_is_never_left_again(tmp_path: Path) -> None:
    folder = NoticeFolder(tmp_path / "notices")
    assert list(folder.waiting()) == []
    assert folder.leave(notice(qr="a code"))
    assert not folder.leave(notice())
    assert list(folder.waiting()) == [notice(qr="a code")]
    folder.done(notice())
    assert list(folder.waiting()) == []
    assert not folder.leave(notice())
    assert [path.name for path in (tmp_path / "notices" / "printed").iterdir()] == ["status-1.0.json"]


def test_the_oldest_comes_first_and_others_may_read_it(tmp_path: Path) -> None:
    folder = NoticeFolder(tmp_path)
    for number, name in enumerate(("c", "a", "b")):
        folder.leave(notice(name))
        os.utime(tmp_path / f"{name}.json", (number, number))
        assert stat.S_IMODE((tmp_path / f"{name}.json").stat().st_mode) == 0o644
    assert [each.id for each in folder.waiting()] == ["c", "a", "b"]


def test_what_is_not_true_any_more_is_withdrawn(tmp_path: Path) -> None:
    folder = NoticeFolder(tmp_path)
    for name in ("mistakes-1", "mistakes-2", "status-1"):
        folder.leave(notice(name))
    folder.withdraw("mistakes-", but="mistakes-2")
    assert sorted(each.id for each in folder.waiting()) == ["mistakes-2", "status-1"]
    folder.done(notice("mistakes-1"))  # withdrawn while it was printed


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"id": "other", "title": "t", "lines": []}', b'{"id": "bad", "title": "t"}']
)
def test_a_file_that_is_no_notice_is_put_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    folder = NoticeFolder(tmp_path)
    folder.leave(notice())
    assert [each.id for each in folder.waiting()] == ["status-1.0"]
    assert (tmp_path / "bad.spoilt").exists()
