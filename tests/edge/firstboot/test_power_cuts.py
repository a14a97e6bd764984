"""A boot that is cut off, at every single write: the next one comes to the same end, and no secret is lost or left."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.firstboot import Places, first_boot

from .conftest import CREDENTIAL, KIOSK_TOML, NMCONNECTION, PUBLIC_KEY, SECRETS, WIFI_PASSWORD, Kiosk
from .power import power

pytestmark = pytest.mark.timeout(300)  # some hundred boots each

OLD_TOML = '[kiosk]\nid = "before"\n[hub]\nurl = "https://old.example"\ncredential = "the credential before"\n'
FILES = {"kiosk.toml": KIOSK_TOML, "wifi.nmconnection": NMCONNECTION, "authorized_keys": f"{PUBLIC_KEY}\n"}
DRAWN_AT_RANDOM = ("keys", "device.key", "nats-auth.conf")


def prepared(top: Path) -> Kiosk:
    """A kiosk that has a configuration, and a card with a new one."""
    places = Places(top / "boot", top / "data", top / "root")
    for folder in (places.boot, places.data, places.root / "etc"):
        folder.mkdir(parents=True)
    kiosk = Kiosk(places)
    kiosk.write("kiosk.toml", OLD_TOML)
    kiosk.boot()
    for name, text in FILES.items():
        kiosk.write(name, text)
    return kiosk


def state(kiosk: Kiosk) -> dict[str, str]:
    """Every file with its mode and content, but for keys."""
    top = kiosk.places.boot.parent
    found = {}
    for path in sorted(top.rglob("*")):
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file() and not any(part in DRAWN_AT_RANDOM for part in path.parts):
            found[name] = f"{path.stat().st_mode:o} {path.read_text().replace(str(top), '')}"
    return found


def secrets_are_whole(kiosk: Kiosk) -> bool:
    """No secret is lost: each is on the card as it was given, or on /data."""
    secrets = kiosk.places.data / "kiosk" / "secrets"
    card = kiosk.on_card()
    for secret, path in (
        (CREDENTIAL, secrets / "hub.credential"),
        (WIFI_PASSWORD, secrets / "network.wifi.password"),
    ):
        if secret not in card and not (path.exists() and path.read_text() == secret):
            return False
    own = kiosk.places.connections / "wifi.nmconnection"
    return NMCONNECTION in card or (own.exists() and own.read_text() == NMCONNECTION)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("template") / "kiosk"
    top.mkdir()
    prepared(top)
    return top


def copied(template: Path, top: Path) -> Kiosk:
    shutil.rmtree(top, ignore_errors=True)
    shutil.copytree(template, top, symlinks=True)
    return Kiosk(Places(top / "boot", top / "data", top / "root"))


@pytest.mark.parametrize("kind", [False, True], ids=["what wasn't synced is lost", "all of it is kept"])
def test_a_cut_at_any_write_changes_nothing_in_the_end(template: Path, tmp_path: Path, kind: bool) -> None:
    top = tmp_path / "kiosk"
    whole = copied(template, top)
    with power(top, card=whole.places.boot, forbidden=SECRETS) as disk:
        whole.boot()
    wanted, writes = state(whole), disk.calls
    assert disk.freed_with_secrets == []
    assert not any(secret in whole.on_card() for secret in SECRETS)
    assert writes > 60
    for cut in range(writes):
        kiosk = copied(template, top)
        with power(top, cut, kind=kind, card=kiosk.places.boot, forbidden=SECRETS) as disk:
            kiosk.boot()
        freed = disk.freed_with_secrets
        assert secrets_are_whole(kiosk), f"a cut before write {cut} lost a secret"
        with power(top, card=kiosk.places.boot, forbidden=SECRETS) as disk:
            outcome = kiosk.boot()
        assert outcome.mistakes == [], f"after a cut before write {cut}"
        assert state(kiosk) == wanted, f"after a cut before write {cut}"
        assert freed + disk.freed_with_secrets == [], f"a cut before write {cut} left a secret in free blocks"


def test_cut_after_cut_it_gets_there(template: Path, tmp_path: Path) -> None:
    top = tmp_path / "kiosk"
    wanted: dict[str, str] | None = None
    for seed in range(25):
        chance = random.Random(seed)  # noqa: S311 - cuts that can be repeated, no secret
        kiosk = copied(template, top)
        for _ in range(4):
            with power(top, chance.randrange(120), kind=chance.random() < 0.5, card=kiosk.places.boot):
                kiosk.boot()
            assert secrets_are_whole(kiosk), seed
        kiosk.boot()
        wanted = wanted or state(kiosk)
        assert state(kiosk) == wanted, seed


CHILD = """
import os, signal, sys
from pathlib import Path
from edge.firstboot import Places, first_boot
top, fatal = Path(sys.argv[1]), int(sys.argv[2])
names = []
def step(name):
    names.append(name)
    if len(names) > fatal:
        os.kill(os.getpid(), signal.SIGKILL)
first_boot(Places(top / "boot", top / "data", top / "root"), step=step)
"""


def test_a_killed_process_is_made_good_by_the_next(template: Path, tmp_path: Path) -> None:
    top = tmp_path / "kiosk"
    names: list[str] = []
    whole = copied(template, top)
    first_boot(whole.places, step=names.append)
    wanted = state(whole)
    assert "kiosk.toml: named to be wiped" in names
    assert "wifi.nmconnection: wiped" in names
    for fatal in range(0, len(names), 3):  # each write is cut above; this shows that a dying process is no different
        kiosk = copied(template, top)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, top, str(fatal)], check=False, env=os.environ | {"PYTHONPATH": "."}
        )
        assert done.returncode == -signal.SIGKILL, names[fatal]
        assert secrets_are_whole(kiosk), names[fatal]
        assert kiosk.boot().mistakes == []
        assert state(kiosk) == wanted, names[fatal]
