"""The menu on its shelf: stock that lasts, sales that count once, a neighbour's glance, files that can't be used."""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

import msgspec
import pytest

from edge.agents.menu.catalogue import Dish, Menu
from edge.agents.menu.search import Finder
from edge.agents.menu.shelf import Glance, Shelf, ShelfUnusable

MENU = Menu.load()
WINGS, KOMBUCHA, CHEESECAKE = 109, 204, 402  # 40, 24 and 12 of them in the shipped menu


def changed(item_id: int, **fields: object) -> Menu:
    dishes = [msgspec.structs.replace(dish, **fields) if dish.id == item_id else dish for dish in MENU.dishes]
    return Menu(dishes, MENU.currency, MENU.search, MENU.pronounced)


def left(menu: Menu, item_id: int) -> int | None:
    return menu.dish(item_id).left


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "menu" / "menu.sqlite"


def test_a_sale_is_taken_off_the_shelf_once_and_outlives_a_restart(path: Path) -> None:
    shelf = Shelf(path)
    assert shelf.put(MENU)
    assert shelf.sell("order-1", {CHEESECAKE: 2, 101: 3}) == []
    assert shelf.sell("order-1", {CHEESECAKE: 2, 101: 3}) == []
    assert (left(shelf.menu, CHEESECAKE), left(shelf.menu, 101)) == (10, None)
    shelf.close()
    again = Shelf(path)
    assert not again.put(MENU)
    assert left(again.menu, CHEESECAKE) == 10
    again.sell("order-1", {CHEESECAKE: 2})
    assert left(again.menu, CHEESECAKE) == 10
    sold_out = again.sell("order-2", {CHEESECAKE: 11})
    assert [dish.id for dish in sold_out] == [CHEESECAKE]
    assert (left(again.menu, CHEESECAKE), again.menu.dish(CHEESECAKE).available) == (0, False)
    assert again.sell("order-3", {CHEESECAKE: 1, 999: 1}) == []
    again.close()


def test_a_count_is_kept_until_the_file_says_another(path: Path) -> None:
    shelf = Shelf(path)
    shelf.put(MENU)
    shelf.sell("order-1", {CHEESECAKE: 5, WINGS: 5})
    assert shelf.put(changed(CHEESECAKE, description="With more berries."))
    assert (left(shelf.menu, CHEESECAKE), left(shelf.menu, WINGS)) == (7, 35)
    assert shelf.put(changed(CHEESECAKE, stock=20))
    assert (left(shelf.menu, CHEESECAKE), left(shelf.menu, WINGS)) == (20, 35)
    assert shelf.put(changed(CHEESECAKE, stock="unlimited"))
    assert left(shelf.menu, CHEESECAKE) is None
    shelf.close()


def test_a_search_follows_sales_and_new_menus(path: Path) -> None:
    shelf = Shelf(path)
    shelf.put(MENU)
    finder = Finder(shelf)
    assert [dish.available for dish in finder.find("cheesecake")] == [True]
    shelf.sell("order-1", {CHEESECAKE: 12})
    assert [dish.available for dish in finder.find("cheesecake")] == [False]
    shelf.put(changed(CHEESECAKE, name="Sachertorte"))
    assert [dish.name for dish in finder.find("sachertorte")] == ["Sachertorte"]
    assert [dish.name for dish in finder.find("sacertorte")] == ["Sachertorte"]
    assert finder.find("cheesecake") == finder.find("new york")
    shelf.close()


def test_a_neighbour_sees_the_files_menu_until_there_is_a_shelf_and_then_what_is_on_it(path: Path) -> None:
    glance = Glance(path, MENU)
    assert left(glance.menu, CHEESECAKE) == 12
    shelf = Shelf(path)
    assert left(glance.menu, CHEESECAKE) == 12
    shelf.put(changed(CHEESECAKE, stock=9, price=MENU.dish(101).price))
    assert (left(glance.menu, CHEESECAKE), glance.menu.dish(CHEESECAKE).price) == (9, MENU.dish(101).price)
    seen = glance.menu
    assert glance.menu is seen
    assert (seen.dishes, seen.search, seen.pronounced) == (shelf.menu.dishes, MENU.search, MENU.pronounced)
    shelf.sell("order-1", {CHEESECAKE: 9})
    assert not glance.menu.dish(CHEESECAKE).available
    shelf.close()
    path.unlink()
    assert not glance.menu.dish(CHEESECAKE).available
    anew = Shelf(path)
    anew.put(MENU)
    assert glance.menu.dish(CHEESECAKE).available
    glance.close()
    anew.close()


def test_searches_go_on_while_a_menu_is_put_on_the_shelf(path: Path) -> None:
    shelf = Shelf(path)
    shelf.put(MENU)
    finder = Finder(shelf)
    begun, go_on = threading.Event(), threading.Event()

    class Slow(tuple[Dish, ...]):  # stands still in the middle of being written
        __slots__ = ()

        def __iter__(self):  # type: ignore[no-untyped-def]  # a generator in a tuple's place
            for number, dish in enumerate(tuple.__iter__(self)):
                if number == 5 and threading.current_thread() is writer:
                    begun.set()
                    assert go_on.wait(60)
                yield dish

    new = changed(CHEESECAKE, name="Sachertorte")
    new.dishes = Slow(new.dishes)
    writer = threading.Thread(target=shelf.put, args=(new,))
    writer.start()
    assert begun.wait(60)
    assert [dish.name for dish in finder.find("cheesecake")] == ["Cheesecake"]
    go_on.set()
    writer.join(60)
    assert [dish.name for dish in finder.find("sachertorte")] == ["Sachertorte"]
    shelf.close()


def test_a_damaged_file_is_put_aside_and_made_anew(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all, " * 100)
    with caplog.at_level(logging.ERROR):
        shelf = Shelf(path)
    assert "damaged" in caplog.text
    assert path.with_suffix(".damaged").read_bytes().startswith(b"no database")
    shelf.put(MENU)
    assert Finder(shelf).find("cheesecake")
    shelf.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "menu").write_text("a file where a folder should be", encoding="utf-8")
    with pytest.raises(ShelfUnusable, match="menu"):
        Shelf(tmp_path / "menu" / "menu.sqlite")


def test_a_sqlite_without_trigrams_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "edge.agents.menu.shelf._DERIVED", 'CREATE VIRTUAL TABLE t USING fts5(a, tokenize = "quadgram");'
    )
    with pytest.raises(ShelfUnusable, match=r"SQLite 3\.34 or newer with FTS5.*install"):
        Shelf()


def test_a_shelf_of_an_older_form_keeps_what_is_left(path: Path) -> None:
    shelf = Shelf(path)
    shelf.put(MENU)
    shelf.sell("order-1", {CHEESECAKE: 4})
    shelf.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE called")
        connection.execute("PRAGMA user_version = 0")
    connection.close()
    again = Shelf(path)
    assert again.put(MENU)
    assert left(again.menu, CHEESECAKE) == 8
    assert Finder(again).find("cheesecake")
    again.close()
