"""Provisioning: the Ansible roles that serve live kiosks, run on the tree through a chroot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from image.recipe import REPOSITORY
from image.running import run, with_tree_mounted


def provision(tree: Path, environment: Path, variables: Mapping[str, object], log: Path) -> None:
    """Run ansible/image.yml on `tree`.

    Raises:
        RecipeError: a task failed; the text ends with its words.
    """
    inventory = log.with_name("inventory.json")
    host = {"ansible_connection": "community.general.chroot", "ansible_host": str(tree.resolve())}
    inventory.write_text(json.dumps({"all": {"children": {"image": {"hosts": {"tree": host}}}}}), encoding="utf-8")
    given = log.with_name("variables.json")
    given.write_text(json.dumps(variables, indent=1), encoding="utf-8")
    playbook = REPOSITORY / "ansible" / "image.yml"
    run(
        with_tree_mounted(
            [environment / "bin" / "ansible-playbook", "-i", inventory, "-e", f"@{given}", playbook], tree
        ),
        log=log,
        env={
            "ANSIBLE_CONFIG": str(REPOSITORY / "ansible" / "ansible.cfg"),
            "ANSIBLE_ROLES_PATH": f"{REPOSITORY / 'ansible' / 'roles'}:{REPOSITORY / 'image' / 'roles'}",
            "ANSIBLE_COLLECTIONS_PATH": str(environment / "collections"),
            "ANSIBLE_REMOTE_TEMP": "/tmp/.ansible",  # noqa: S108 - in the tree, where it is a file system of its own
            "ANSIBLE_LOCAL_TEMP": str(log.parent / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "PATH": f"{environment / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin",
            "LC_ALL": "C.UTF-8",
        },
    )
