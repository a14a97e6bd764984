"""Provisioning: the Ansible roles that serve live kiosks, run on the tree through a chroot."""

from __future__ import annotations

import json
import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from image.cache import content_key
from image.recipe import REPOSITORY
from image.running import run, with_tree_mounted

# Ansible in an environment of its own: its libraries are none of the kiosk's.
_REQUIREMENTS = REPOSITORY / "image" / "requirements.lock"
# The wheel that all collections come in; only these are taken out of it.
COLLECTIONS_FROM = "ansible==11.13.0"
COLLECTIONS = ("ansible/posix", "community/general")


def ansible_environment(folder: Path, log: Path) -> tuple[Path, bool]:
    """A Python environment with ansible-core and its collections, and whether it was there already.

    Raises:
        RecipeError: a package can't be had.
    """
    wanted = content_key(_REQUIREMENTS.read_bytes(), COLLECTIONS_FROM, COLLECTIONS, sys.version)
    done = folder / ".done"
    if done.exists() and done.read_text(encoding="utf-8") == wanted:
        return folder, True
    shutil.rmtree(folder, ignore_errors=True)
    run([sys.executable, "-m", "venv", folder], log=log)
    pip: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q"]
    run([*pip, "install", "--require-hashes", "-r", _REQUIREMENTS], log=log)
    run([*pip, "download", "--no-deps", "-d", folder, COLLECTIONS_FROM], log=log)
    wheel = next(folder.glob("ansible-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        prefixes = tuple(f"ansible_collections/{each}/" for each in COLLECTIONS)
        archive.extractall(folder / "collections", [name for name in archive.namelist() if name.startswith(prefixes)])
    wheel.unlink()
    done.write_text(wanted, encoding="utf-8")
    return folder, False


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
