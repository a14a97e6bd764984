"""ansible/README.md says what the roles take."""

from __future__ import annotations

from scripts.ansible_readme import ANSIBLE, text


def test_the_readme_is_what_the_argument_specs_say() -> None:
    stale = "ansible/README.md is stale: python scripts/ansible_readme.py"
    assert (ANSIBLE / "README.md").read_text(encoding="utf-8") == text(), stale


def test_every_role_is_in_it() -> None:
    for role in (ANSIBLE / "roles").iterdir():
        assert f"## {role.name}\n" in text()
