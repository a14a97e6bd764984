"""Counting what was lost: gaps in the sequences that events had on their kiosk."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.bus.hub import Stored
from edge.fleet.books import KEPT_ON_KIOSK_S, Book, KioskStream, Notice


def event(origin: int, sequence: int, at_s: float = 100.0) -> Stored:
    return Stored("fleet.k.ui.update", b"", sequence, at_s, {"Nats-Stream-Source": f"KIOSK_EVENTS:x {origin} kiosk.>"})


def told(book: Book, *origins: int, start: int = 1) -> list[Notice]:
    return [each for number, origin in enumerate(origins) for each in book.tally(event(origin, start + number))]


def stream(first: int, last: int, created: str = "once") -> KioskStream:
    return KioskStream(first=first, last=last, messages=max(0, last - first + 1), created=created)


def a_book() -> Book:
    return Book(kiosk="k", stream="FLEET_EVENTS")


def test_what_came_before_a_kiosk_joined_is_not_lost() -> None:
    book = a_book()
    assert told(book, 500, 501) == []
    assert (book.lost, book.arrived, book.seen) == (0, 2, 501)


def test_a_gap_is_lost_and_told_with_its_sequences() -> None:
    book = a_book()
    notices = told(book, 1, 2, 7)
    assert [(each.kind, each.first, each.last, each.count, each.total) for each in notices] == [("lost", 3, 6, 4, 4)]
    assert "4 events of k are lost (3 to 6" in notices[0].text
    assert book.lost == 4


def test_what_is_read_twice_counts_once() -> None:
    book = a_book()
    told(book, 1, 2, 7)
    assert told(book, 1, 2, 7) == []
    assert (book.lost, book.arrived) == (4, 3)


@given(st.lists(st.integers(1, 60), min_size=2, unique=True).map(sorted), st.integers(0, 59))
def test_lost_and_arrived_are_all_there_were(origins: list[int], die_at: int) -> None:
    """Whatever arrives, and wherever a keeper dies and another reads on from what was written."""
    book = a_book()
    events = [event(origin, number + 1) for number, origin in enumerate(origins)]
    cut = die_at % len(events)
    for each in events[:cut]:
        book.tally(each)
    for each in events[max(0, cut - 3) :]:  # some are given again
        book.tally(each)
    assert book.arrived + book.lost == origins[-1] - origins[0] + 1


def test_a_loss_of_which_nothing_comes_is_told_at_the_second_look() -> None:
    book = a_book()
    told(book, 1, 2)
    assert book.look(stream(11, 10), 50.0) == []
    (notice,) = book.look(stream(11, 10), 60.0)
    assert (notice.first, notice.last, notice.count) == (3, 10, 8)
    assert book.look(stream(11, 10), 70.0) == []
    assert told(book, 11, start=3) == []
    assert (book.lost, book.arrived) == (8, 3)


def test_what_was_on_its_way_is_not_lost() -> None:
    book = a_book()
    told(book, 1, 2)
    assert book.look(stream(11, 10), 50.0) == []
    assert told(book, *range(3, 11), start=3) == []
    assert book.look(stream(11, 10), 60.0) == []
    assert book.lost == 0


def test_what_was_thought_lost_and_came_after_all_is_taken_back() -> None:
    book = a_book()
    told(book, 1)
    book.look(stream(4, 3), 50.0)
    book.look(stream(4, 3), 60.0)
    assert book.lost == 2
    assert told(book, 2, 3, 4, start=2) == []
    assert book.lost == 0


def test_a_kiosk_that_is_away_loses_nothing_by_it() -> None:
    book = a_book()
    told(book, 1)
    book.look(stream(4, 3), 50.0)
    book.miss(55.0)
    assert book.look(stream(4, 3), 60.0) == []  # it must be seen twice while it is connected


def test_a_new_stream_is_told_and_counted_from_its_beginning() -> None:
    book = a_book()
    book.look(stream(1, 10), 1.0)
    told(book, *range(1, 11))
    (notice,) = book.look(stream(1, 3, "again"), 2.0)
    assert (notice.kind, notice.first) == ("restarted", 11)
    assert told(book, 1, 2, 3, start=11) == []
    assert (book.lost, book.restarts, book.arrived) == (0, 1, 13)


def test_a_new_stream_that_already_forgot_events_lost_them() -> None:
    book = a_book()
    book.look(stream(1, 10), 1.0)
    told(book, *range(1, 11))
    book.look(stream(5, 8, "again"), 2.0)
    (lost,) = told(book, 5, 6, start=11)
    assert (lost.first, lost.last, lost.count) == (1, 4, 4)


def test_a_new_stream_is_noticed_by_its_sequences_alone() -> None:
    book = a_book()
    told(book, 8, 9)
    notices = told(book, 1, start=3)
    assert [each.kind for each in notices] == ["restarted"]
    assert told(book, 2, 4, start=4)[0].count == 1


def test_connected_and_since_when_not() -> None:
    book = a_book()
    book.miss(5.0)
    assert (book.connected, book.since_s, book.cut_off_s(9.0)) == (False, None, 0.0)  # it was never there
    book.look(None, 10.0)
    assert (book.connected, book.since_s) == (True, 10.0)
    book.miss(20.0)
    book.miss(30.0)
    assert (book.connected, book.since_s, book.cut_off_s(50.0)) == (False, 20.0, 30.0)
    assert not book.losing(20.0 + KEPT_ON_KIOSK_S)
    assert book.losing(21.0 + KEPT_ON_KIOSK_S)


def test_the_lag_is_what_the_kiosk_has_and_the_hub_has_not() -> None:
    book = a_book()
    assert book.lag is None
    told(book, 1, 2)
    book.look(stream(1, 9), 1.0)
    assert book.lag == 7


def test_the_same_notice_has_the_same_id_and_another_another() -> None:
    one, two = a_book(), a_book()
    first, again = told(one, 1, 5)[0], told(two, 1, 5)[0]
    assert first.msg_id == again.msg_id
    assert first.msg_id != told(one, 9, start=3)[0].msg_id
