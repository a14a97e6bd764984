"""The rules of the house that a machine can see (docs/house.md)."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = sorted([*REPOSITORY.glob("edge/**/*.py"), *REPOSITORY.glob("drivers/**/*.py")])
TESTS = sorted([*REPOSITORY.glob("tests/**/*.py"), *REPOSITORY.glob("hil-tests/**/*.py")])
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "core", "misc"}
LONGEST_FILE = 450


def name(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node.lineno, ast.unparse(node.func)


def test_the_floors_hold() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name)
def test_a_files_name_says_something(path: Path) -> None:
    assert path.stem not in SAYS_NOTHING
    assert path.parent.name not in SAYS_NOTHING


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_about_one_thing(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@pytest.mark.parametrize("path", TESTS, ids=name)
def test_no_test_sleeps(path: Path) -> None:
    sleeps = [line for line, what in calls(ast.parse(path.read_text(encoding="utf-8"))) if what.endswith(".sleep")]
    assert not sleeps, f"lines {sleeps}: wait for the event instead"


@pytest.mark.parametrize("path", [p for p in SOURCES if "contract" not in p.parts], ids=name)
def test_subjects_are_written_in_the_contract_only(path: Path) -> None:
    subject = re.compile(r"kiosk\.(vision|voice|input|session|ui|agent|hardware)\.[a-z_]+")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    found = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in documentation
        and subject.match(node.value)
    ]
    assert not found, f"lines {found}: take it from edge.contract.subjects"


@pytest.mark.parametrize("path", [*SOURCES, *TESTS], ids=name)
def test_every_exception_to_a_rule_has_its_reason(path: Path) -> None:
    bare = re.compile(r"#\s*(noqa(:\s*[A-Z0-9, ]+)?|type:\s*ignore(\[[^\]]*\])?)\s*$")
    found = [
        number
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if bare.search(line)
    ]
    assert not found, f"lines {found}: say why"


def test_the_container_runs_the_shipped_configuration() -> None:
    compose = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text(encoding="utf-8"))
    nats = compose["services"]["nats"]
    assert nats["image"] == "nats:2.10-alpine"
    assert nats["command"][0] == "-js"
    assert any(volume.startswith("./nats-server.conf:/etc/nats/nats-server.conf") for volume in nats["volumes"])
    assert {port.split(" ")[0].removeprefix("127.0.0.1:") for port in nats["ports"]} == {
        "4222:4222",
        "8222:8222",
    }
