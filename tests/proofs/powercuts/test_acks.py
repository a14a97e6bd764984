from __future__ import annotations

from pathlib import Path

from proofs.powercuts.acks import NOTHING_DUE, AckWriter, Serving, due, read_acks


def test_what_was_heard_by_a_length_is_due_from_it_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes(1000))
    with AckWriter(tmp_path / "acks", log) as acks:
        acks.serving()
        acks.stored("a")
        log.write_bytes(bytes(3000))
        acks.paid("order", "transaction")
        acks.stored("b")
        assert (acks.events, acks.orders) == (2, 1)
    heard = read_acks(tmp_path / "acks")
    assert heard[0] == Serving(1000)
    assert due(heard, 999) == NOTHING_DUE
    assert due(heard, 1000).events == {"a"}
    assert due(heard, 2999).orders == {}
    assert due(heard, 3000).events == {"a", "b"}
    assert due(heard, 3000).orders == {"order": "transaction"}


def test_a_last_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"")
    with AckWriter(tmp_path / "acks", log) as acks:
        acks.stored("a")
        acks.stored("b")
    path = tmp_path / "acks"
    path.write_bytes(path.read_bytes()[:-5])
    assert due(read_acks(path), 0).events == {"a"}
