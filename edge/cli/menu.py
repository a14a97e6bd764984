"""`kiosk menu`: checking a menu's file, and making one from a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from edge.agents.menu.catalogue import Menu, MenuInvalid
from edge.agents.menu.importing import as_toml, read_csv
from edge.agents.menu.shelf import Shelf
from edge.cli.speaking import complaints, console, fail

app = typer.Typer(no_args_is_help=True, help="Check a menu's file, or make one from a spreadsheet (docs/menu.md).")


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="The menu: TOML, or a CSV as `kiosk menu import` takes it.")],
) -> None:
    """Read a menu as the kiosk would, and name everything that is wrong with its line. Exits 1 if anything is.

    A running kiosk takes a changed file over by itself, and one with faults not at all: check it first.

    Example: kiosk menu check menu.toml
    """
    menu = _read_table(file, "EUR", None) if file.suffix.lower() == ".csv" else _told(lambda: Menu.load(file))
    Shelf().put(menu)  # whether it can be searched on this machine
    counted = [dish for dish in menu.dishes if dish.left is not None]
    sold_out = [dish.name for dish in counted if not dish.available]
    languages = sorted({language for dish in menu.dishes for language in dish.names})
    console.print(
        f"{file}: {len(menu.dishes)} dishes in {menu.currency}, {len(counted)} of them counted"
        + (f", names in {', '.join(languages)}" if languages else ""),
        highlight=False,
        markup=False,
    )
    if sold_out:
        console.print(f"sold out: {', '.join(sold_out)}", highlight=False, markup=False)


@app.command("import")
def import_table(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="With the columns' names in its first line.")],
    to: Annotated[Path | None, typer.Option("--to", help="The menu to write; by default beside the CSV.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217; by default that of --base, or EUR.")] = None,
    base: Annotated[Path | None, typer.Option(help="A menu to take [search], [pronounced] and currency from.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a menu that is there.")] = False,
) -> None:
    """Make a menu from a spreadsheet's CSV. Names every fault with its line, and writes nothing if there is one.

    Columns: id, name, category (mains, drinks, sides, desserts), price, description, image, calories, tags, diets,
    allergens; and if you like customizations, stock, also_called, pairs_with, name_de, name_es, ... Several entries
    in a cell are separated by ; or |; a customization is written "Extra Cheese=1.50".

    Example: kiosk menu import menu.csv --to menu.toml --currency USD
    """
    target = to or table.with_suffix(".toml")
    if target.exists() and not force:
        fail(f"{target} is there already; --force writes over it, --to names another")
    before = None if base is None else _told(lambda: Menu.load(base))
    menu = _read_table(table, currency or (before.currency if before else "EUR"), before)
    written = target.with_name(f".{target.name}.new")  # a kiosk that follows the file never sees half of it
    try:
        written.write_text(as_toml(menu), encoding="utf-8")
        written.replace(target)
    except OSError as error:
        fail(f"{target}: {error.strerror}")
    console.print(f"{target}: {len(menu.dishes)} dishes in {menu.currency}", highlight=False, markup=False)


def _read_table(table: Path, currency: str, base: Menu | None) -> Menu:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except OSError as error:
        fail(f"{table}: {error.strerror}")
    except UnicodeDecodeError as error:
        fail(f'{table} isn\'t UTF-8 ({error.reason} at byte {error.start}): save it as "CSV UTF-8"')
    return _told(lambda: read_csv(text, str(table), currency, base))


def _told(read: Callable[[], Menu]) -> Menu:
    """What `read` reads; or all its faults, a line each, and the end."""
    try:
        return read()
    except MenuInvalid as error:
        for fault in error.faults:
            complaints.print(escape(fault), highlight=False, soft_wrap=True)
        fail(f"{len(error.faults)} {'fault' if len(error.faults) == 1 else 'faults'}")
