"""What the roles write, without Ansible."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import yaml

from image.recipe import REPOSITORY

jinja2: Any = pytest.importorskip("jinja2", reason="no jinja2: pip install jinja2 (of the extra dev)")

ROLES = sorted([*(REPOSITORY / "ansible" / "roles").iterdir(), REPOSITORY / "image" / "roles" / "image"])
UNITS = sorted(path for role in ROLES for path in role.glob("templates/kiosk-*.service.j2"))

A_NODE = {"hub_node": {"node": "a", "host": "hub-a.example.com", "store_dir": "store", "monitor_port": 8222}}


def read(path: Path) -> Any:  # YAML is what it is
    """What a YAML file holds."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@functools.cache
def variables() -> dict[str, Any]:
    """What every role can say: the shared variables and all defaults."""
    found: dict[str, Any] = {}
    for path in sorted((REPOSITORY / "ansible" / "group_vars" / "all").glob("*.yml")):
        found.update(read(path))
    for role in ROLES:
        defaults = role / "defaults" / "main.yml"
        if defaults.exists():
            found.update(read(defaults))
    return found


def rendered(template: Path, **more: object) -> str:
    """The template as a role would write it."""
    options = {"undefined": jinja2.StrictUndefined, "trim_blocks": True, "keep_trailing_newline": True}
    environment = jinja2.Environment(autoescape=False, **options)
    source = environment.from_string(template.read_text(encoding="utf-8"))
    text = source.render(**variables(), **more)
    for _ in range(2):  # what a variable holds is a template too
        text = environment.from_string(text).render(**variables(), **more)
    return str(text)


@functools.cache
def units() -> dict[str, str]:
    """Every unit of the roles, by its name."""
    found = {}
    for template in UNITS:
        name = template.name.removesuffix(".j2")
        if name == "kiosk-agent.service":
            for agent in variables()["kiosk_agents"]:
                found[f"kiosk-agent-{agent['name']}.service"] = rendered(template, item=agent)
        elif template.parent.parent.name == "hub":
            found[name] = rendered(template, **read(template.parents[1] / "vars" / "main.yml"), **A_NODE)
        else:
            found[name] = rendered(template)
    return found
