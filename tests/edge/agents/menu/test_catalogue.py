"""The menu's file: what ships holds together, and what is wrong is named with its place."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest

from edge.agents.menu.catalogue import DishUnknown, Menu, MenuInvalid
from edge.contract.money import Money

SHIPPED = files("edge.agents.menu").joinpath("menu.toml").read_text(encoding="utf-8")

ONE_DISH = """\
currency = "EUR"

[[dish]]
id = 1
name = "Soup"
description = "Hot."
category = "mains"
price = 4.5
image = "/img/soup.svg"
tags = []
diets = ["vegan", "vegetarian"]
allergens = []
calories = 100
customizations = [
  { name = "Bread", price = 0.5 },
]
"""


def test_the_shipped_menu_has_the_dishes_of_the_specification() -> None:
    menu = Menu.load()
    assert menu.currency == "USD"
    assert [len([dish for dish in menu.dishes if dish.id // 100 == each]) for each in (1, 2, 3, 4)] == [
        12,
        7,
        3,
        3,
    ]
    volcano = menu.dish(101)
    assert (volcano.name, volcano.price, volcano.calories) == ("Volcano Burger", Money.of("12.99"), 850)
    assert volcano.description.startswith("Spicy beef patty with jalapeños")
    assert volcano.allergens == ["gluten", "dairy"]
    assert [(each.name, each.price) for each in volcano.customizations] == [
        ("Extra Cheese", Money.of("1.50")),
        ("No Onions", Money(0)),
    ]
    assert {"spicy", "popular"} <= set(volcano.tags)
    assert (menu.dish(201).name, menu.dish(201).price) == ("Iced Cola", Money.of(5.99))
    assert menu.dish(301).name == "Fries Combo"


def test_every_shipped_dish_is_complete() -> None:
    for dish in Menu.load().dishes:
        assert dish.description.endswith(".")
        assert dish.tags
        assert dish.price > Money(0)
        assert dish.category == {1: "mains", 2: "drinks", 3: "sides", 4: "desserts"}[dish.id // 100]


def test_a_dish_that_is_not_there_is_named() -> None:
    with pytest.raises(DishUnknown, match="999"):
        Menu.load().dish(999)


def test_stock_says_whether_a_dish_is_available() -> None:
    def stocked(stock: str) -> bool:
        return Menu.parse(f"{ONE_DISH}stock = {stock}\n").dish(1).available

    assert Menu.parse(ONE_DISH).dish(1).available
    assert stocked('"unlimited"')
    assert stocked("1")
    assert not stocked("0")


def place(text: str, needle: str) -> int:
    """The line of `needle`, from 1."""
    return text[: text.index(needle)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ('name = "Soup"', 'name = "Soup"\ncolour = "red"', ["dish 1 Soup", "unknown key `colour`"]),
        ("{ name =", "{ title = 1, name =", ["dish 1 Soup", "unknown key `title`", "customizations[0]"]),
        ("price = 4.5", "price = 4.555", ["dish 1 Soup", "`price`", "two decimals"]),
        ("price = 4.5", 'price = "4.50"', ["dish 1 Soup", "`price`"]),
        ("price = 4.5", "price = -1", ["dish 1 Soup", "`price`"]),
        ("calories = 100", "calories = true", ["dish 1 Soup", "`calories`"]),
        ('category = "mains"', 'category = "maims"', ["dish 1 Soup", "`category`", "maims"]),
        ("allergens = []", 'allergens = ["dairy"]', ["dish 1 Soup", "vegan", "dairy"]),
        ('diets = ["vegan", "vegetarian"]', 'diets = ["vegan"]', ["dish 1 Soup", "without vegetarian"]),
        ("calories = 100", "calories = 100\npairs_with = [2]", ["dish 1 Soup", "`pairs_with`", "2"]),
        ("calories = 100", "calories = 100\npairs_with = [1]", ["dish 1 Soup", "`pairs_with`"]),
        ("calories = 100", 'calories = 100\nstock = "lots"', ["dish 1 Soup", "`stock`"]),
        ("calories = 100", "calories = 100\nstock = -1", ["dish 1 Soup", "`stock`"]),
        ('image = "/img/soup.svg"', 'image = "../soup.svg"', ["dish 1 Soup", "`image`"]),
        ('currency = "EUR"', 'currency = "euro"', ["`currency`"]),
        ('currency = "EUR"', 'currency = "EUR"\nkurrency = 1', ["unknown key `kurrency`"]),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(old: str, new: str, names: list[str]) -> None:
    text = ONE_DISH.replace(old, new, 1)
    with pytest.raises(MenuInvalid) as wrong:
        Menu.parse(text, "my-menu.toml")
    said = str(wrong.value)
    assert all(name in said for name in names), said
    file, line, _ = said.split(":", 2)
    assert file == "my-menu.toml"
    changed = [at for at, each in enumerate(text.splitlines(), 1) if each not in ONE_DISH.splitlines()]
    key_lines = {
        *changed,
        *(at + 1 for at in changed if "{" in new),
        *(at - 1 for at in changed if "{" in new),
    }
    if "allergens" in old:  # the contradiction is told of the diets
        key_lines = {place(text, "diets")}
    assert int(line) in key_lines, said


def test_a_second_dish_of_an_id_or_name_is_refused_at_its_own_line() -> None:
    second = ONE_DISH.partition("\n\n")[2]
    for text, what in (
        (second.replace('"Soup"', '"Stew"'), "`id` 1"),
        (second.replace("id = 1", "id = 2").replace("Soup", "SOUP"), "`name` 'SOUP'"),
    ):
        whole = f"{ONE_DISH}\n{text}"
        with pytest.raises(MenuInvalid, match=what) as wrong:
            Menu.parse(whole)
        line = int(str(wrong.value).split(":")[1])
        assert line > place(whole, "Bread")


@pytest.mark.parametrize("missing", ["id", "name", "price", "diets"])
def test_a_missing_key_is_named_with_where_its_dish_begins(missing: str) -> None:
    lines = [line for line in ONE_DISH.splitlines() if not line.startswith(f"{missing} =")]
    with pytest.raises(MenuInvalid, match=f"key `{missing}` is missing") as wrong:
        Menu.parse("\n".join(lines))
    assert str(wrong.value).startswith("menu.toml:3: dish ")


def test_a_file_that_is_no_toml_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(MenuInvalid, match=r"menu\.toml: .*line 2"):
        Menu.parse('currency = "USD"\nid = =\n')
    with pytest.raises(MenuInvalid, match=r"absent\.toml"):
        Menu.load(tmp_path / "absent.toml")
    latin = tmp_path / "latin.toml"
    latin.write_bytes(ONE_DISH.replace("Soup", "Crème").encode("latin-1"))
    with pytest.raises(MenuInvalid, match=r"latin\.toml"):
        Menu.load(latin)


def test_a_menu_of_ones_own_is_read(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(ONE_DISH, encoding="utf-8")
    menu = Menu.load(own)
    assert (menu.currency, [dish.name for dish in menu.dishes]) == ("EUR", ["Soup"])
    assert menu.diets == {"vegan", "vegetarian"}


def test_dishes_written_inline_are_read_and_errors_have_no_line() -> None:
    inline = 'currency = "USD"\ndish = [{ id = 1, name = "Soup", size = 2 }]\n'
    with pytest.raises(MenuInvalid, match=r"^menu\.toml: dish 1 Soup: unknown key `size`"):
        Menu.parse(inline)


def test_everything_that_is_wrong_is_told_each_with_its_line() -> None:
    text = """\
currency = "euro"

[search]
ignore = ["a", "Two words"]

[[dish]]
id = 1
name = "Soup"
category = "starters"
price = 4.555
image = "/img/soup.svg"
tags = []
diets = []
allergens = []
calories = 100
customizations = [
  { name = "Bread", price = 0.5 },
  { name = "Salt", price = "free" },
  { name = "Pepper", prize = 0 },
]
colour = "red"

[[dish]]
id = 2
name = "Stew"
description = "Thick."
category = "mains"
price = 5
image = "/img/stew.svg"
tags = []
diets = ["vegan", "vegetarian"]
allergens = ["dairy"]
calories = 200
pairs_with = [1, 3]

[[dish.customizations]]
name = "Bread"
price = 1

[[dish.customizations]]
name = "Salt"
price = -1

[dish.names]
de = "Eintopf"
deutsch = "Eintopf"
"""
    with pytest.raises(MenuInvalid) as wrong:
        Menu.parse(text, "m.toml")
    told = [(each.split(":")[1], each) for each in wrong.value.faults]
    lines = text.splitlines()
    for needle, word in (
        ('currency = "euro"', "`currency`"),
        ("ignore =", "`search.ignore[1]`"),
        ('category = "starters"', "starters"),
        ("price = 4.555", "two decimals"),
        ('Salt", price', "`customizations[1].price`"),
        ("prize", "unknown key `prize`"),
        ("colour", "unknown key `colour`"),
        ("price = -1", "`customizations[1].price`"),
        ("[dish.names]", "`deutsch`"),
    ):
        at = next(number for number, line in enumerate(lines, 1) if needle in line)
        assert any(line == str(at) and word in each for line, each in told), (needle, at, wrong.value.faults)
    missing = [each for each in wrong.value.faults if "is missing" in each]
    assert [each.split(":")[1] for each in missing if "description" in each] == ["6"]
    assert any("`price` is missing in `customizations[2]`" in each for each in missing)
    # Contradictions are looked for in dishes that hold what they should: Stew has other faults first.
    assert len(wrong.value.faults) == 11, wrong.value.faults


def test_contradictions_are_told_beside_other_dishes_faults() -> None:
    second = ONE_DISH.partition("\n\n")[2]
    text = (
        ONE_DISH.replace("price = 4.5", "price = []")
        + "\n"
        + second.replace("id = 1", "id = 2")
        .replace("Soup", "Stew")
        .replace("allergens = []", 'allergens = ["egg", "fish"]')
        + "pairs_with = [1, 7]\n"
    )
    with pytest.raises(MenuInvalid) as wrong:
        Menu.parse(text)
    assert [each.split(": ", 1)[1] for each in wrong.value.faults] == [
        "dish 1 Soup: `price`: expected a number, got `list`",
        "dish 2 Stew: `pairs_with` names 7, which is no other dish",
        "dish 2 Stew: `diets` say vegan and `allergens` say egg",
        "dish 2 Stew: `diets` say vegan and `allergens` say fish",
        "dish 2 Stew: `diets` say vegetarian and `allergens` say fish",
    ]


def test_a_dish_has_names_in_other_languages() -> None:
    dish = Menu.parse(f'{ONE_DISH}[dish.names]\nde = "Suppe"\npt-BR = "Sopa"\n').dish(1)
    assert [dish.name_in(each) for each in (None, "de", "de-AT", "pt-BR", "pt", "en")] == [
        "Soup",
        "Suppe",
        "Suppe",
        "Sopa",
        "Soup",
        "Soup",
    ]
