"""Writes ansible/README.md out of the roles' argument specs; with --check it fails when that is stale."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml

ANSIBLE = Path(__file__).resolve().parent.parent / "ansible"
# In the order in which deploy.yml has them; the last is hub.yml's.
_ROLES = ("rollout", "drivers", "agents", "monitor", "bus", "frontend", "hardening", "fleet", "verify", "hub")
_HEAD = """\
# The roles

<!-- Drawn from roles/*/meta/argument_specs.yml by scripts/ansible_readme.py; a test fails when it is stale. -->

They make a Debian 13 into a kiosk: `deploy.yml` on machines that run ([docs/deploy.md](../docs/deploy.md)), `image.yml`
in a tree that becomes an image ([docs/image.md](../docs/image.md)). `hub.yml` makes machines the hub of a fleet
([docs/fleet.md](../docs/fleet.md)). What is said by a variable is checked before a role begins. `inventory.example/` is
an inventory to start from.
"""


def text() -> str:
    """The whole README."""
    parts = [_HEAD]
    for name in _ROLES:
        path = ANSIBLE / "roles" / name / "meta" / "argument_specs.yml"
        if path.exists():
            parts.append(_role(name, yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"]["main"]))
    return "\n".join(parts)


def _role(name: str, spec: dict[str, Any]) -> str:
    lines = [f"## {name}", "", f"{spec['short_description']}.", ""]
    lines += [f"- {each.strip()}" for each in spec["description"]]
    options = _rows(spec.get("options", {}))
    if options:
        lines += ["", "| variable | | default | |", "|---|---|---|---|", *options]
    return "\n".join([*lines, ""])


def _rows(options: dict[str, Any], prefix: str = "") -> list[str]:
    rows = []
    for name, option in options.items():
        kind = f"{option['type']} of {option['elements']}" if "elements" in option else option["type"]
        if "choices" in option:
            kind = " or ".join(f"`{each}`" for each in option["choices"])
        default = "required" if option.get("required") else _default(option)
        rows.append(f"| `{prefix}{name}` | {kind} | {default} | {option['description'].strip()} |")
        rows += _rows(option.get("options", {}), f"{prefix}{name}.")
    return rows


def _default(option: dict[str, Any]) -> str:
    if option.get("default") in (None, "", [], {}):
        return ""
    value = option["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main() -> int:
    """Write it, or with --check only compare; 1 when it is stale."""
    path = ANSIBLE / "README.md"
    new = text()
    if "--check" in sys.argv[1:]:
        return int(not path.exists() or path.read_text(encoding="utf-8") != new)
    path.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
