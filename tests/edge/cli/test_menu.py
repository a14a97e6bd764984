"""`kiosk menu`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from edge.agents.menu.catalogue import Menu

from .conftest import Kiosk

SHIPPED = files("edge.agents.menu").joinpath("menu.toml").read_text(encoding="utf-8")
TABLE = """\
id,name,category,price,description,image,calories,tags,diets,allergens,stock
1,Soup,mains,4.50,Hot.,/img/soup.svg,100,hot,,celery,
2,Cola,drinks,2.99,Cold.,/img/cola.svg,200,cold,,,0
"""


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_sound_menu_is_counted(kiosk: Kiosk, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(SHIPPED.replace("stock = 12", "stock = 0"), encoding="utf-8")
    done = await kiosk("menu", "check", "own.toml")
    assert (done.code, done.err) == (0, "")
    assert done.out == "own.toml: 25 dishes in USD, 3 of them counted\nsold out: Cheesecake\n"


async def test_all_faults_are_told_each_in_a_line(kiosk: Kiosk, tmp_path: Path) -> None:
    text = (
        SHIPPED.replace("price = 12.99", "price = 12.999")
        .replace('"Brownie"', '"Coffee"')
        .replace("stock = 40", "stok = 40")
    )
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    done = await kiosk("menu", "check", "own.toml")
    assert (done.code, done.out) == (1, "")
    *faults, last = done.err.splitlines()
    assert last == "kiosk: 3 faults"
    lines = text.splitlines()
    for fault, needle, words in zip(
        faults,
        ("price = 12.999", "stok = 40", 'name = "Coffee"'),
        ("two decimals", "unknown key `stok`", "a second dish has the `name` 'Coffee'"),
        strict=True,
    ):
        at = max(number for number, line in enumerate(lines, 1) if line == needle)
        assert fault.startswith(f"own.toml:{at}: dish ")
        assert words in fault


async def test_a_table_becomes_a_menu(kiosk: Kiosk, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(TABLE, encoding="utf-8")
    assert (await kiosk("menu", "check", "own.csv")).out.startswith("own.csv: 2 dishes in EUR, 1 of them counted")
    (tmp_path / "base.toml").write_text(SHIPPED, encoding="utf-8")
    done = await kiosk("menu", "import", "own.csv", "--base", "base.toml")
    assert (done.code, done.out) == (0, "own.toml: 2 dishes in USD\n")
    menu = Menu.load(tmp_path / "own.toml")
    assert [dish.name for dish in menu.dishes] == ["Soup", "Cola"]
    assert (menu.currency, menu.search) == ("USD", Menu.load().search)
    again = await kiosk("menu", "import", "own.csv", "--currency", "CHF")
    assert (again.code, "--force" in again.err) == (1, True)
    assert (await kiosk("menu", "import", "own.csv", "--currency", "CHF", "--force")).code == 0
    assert Menu.load(tmp_path / "own.toml").currency == "CHF"


async def test_a_table_with_faults_writes_nothing(kiosk: Kiosk, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(TABLE.replace("4.50", "free").replace("200,cold", ",cold"), encoding="utf-8")
    done = await kiosk("menu", "import", "own.csv")
    assert done.code == 1
    assert [line.split(": ")[0] for line in done.err.splitlines()] == ["own.csv:2", "own.csv:3", "kiosk"]
    assert names_in(tmp_path) == ["own.csv"]
    (tmp_path / "own.csv").write_bytes(TABLE.replace("Soup", "Crème").encode("latin-1"))
    done = await kiosk("menu", "import", "own.csv")
    assert "CSV UTF-8" in done.err
    assert "Traceback" not in done.err
    assert "no such file" in (await kiosk("menu", "check", "none.csv")).err.lower()
