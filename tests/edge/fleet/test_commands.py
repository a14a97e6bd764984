"""`kiosk fleet` as an integrator runs it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from pathlib import Path

import pytest

from edge.bus.keys import new_seed, public_of
from edge.config import load, parse
from edge.contract.subjects import HARDWARE_STATUS
from tests.edge.cli.conftest import Kiosk, kiosk

from .conftest import Keeping, SmallFleet
from .test_fleet import answering

pytestmark = pytest.mark.timeout(500)  # a dozen commands, each a Python that starts, on a machine that others use
__all__ = ["kiosk"]  # a fixture


async def test_from_nothing_to_a_kiosk_that_may_sign_in(kiosk: Kiosk, tmp_path: Path) -> None:
    begun = await kiosk("fleet", "hub", "hub", "--node", "a=127.0.0.1")
    assert begun.code == 0, begun.err
    assert "kiosk fleet apply --hub hub" in begun.out
    config = tmp_path / "kiosk.toml"
    config.write_text(f'[kiosk]\nid = "shop-1"\ndata_dir = "{tmp_path}/data"\n')
    public = (await kiosk("fleet", "key", "--config", "kiosk.toml")).out.strip()
    assert (await kiosk("fleet", "key", "--config", "kiosk.toml")).out.strip() == public
    added = await kiosk("fleet", "add", "shop-1", "--key", public, "--later")
    assert added.code == 0, added.err
    section = (tmp_path / "shop-1.toml").read_text()
    assert "credential" not in section
    config.write_text(config.read_text() + section)
    joined = await kiosk("fleet", "join", "--config", "kiosk.toml", "--out", "nats")
    assert joined.code == 0, joined.err
    assert "shop-1 lets its hub ask: kiosk.hardware.status" in joined.out
    assert "as it was" in (await kiosk("fleet", "join", "--config", "kiosk.toml", "--out", "nats")).out
    (row,) = [json.loads(line) for line in (await kiosk("fleet", "list", "--json")).out.splitlines()]
    assert (row["kiosk"], row["key"], row["revoked"]) == ("shop-1", public, None)
    assert (await kiosk("fleet", "revoke", "shop-1", "--later")).code == 0
    again = await kiosk("fleet", "add", "shop-1", "--key", public, "--later")
    assert again.code == 1
    assert "has this key, or had it" in again.err


async def test_a_credential_made_here_is_in_the_file_for_the_card_alone(kiosk: Kiosk, tmp_path: Path) -> None:
    await kiosk("fleet", "hub", "hub", "--node", "a=127.0.0.1")
    added = await kiosk("fleet", "add", "shop-2", "--later")
    assert "the only copy" in added.out
    assert stat.S_IMODE((tmp_path / "shop-2.toml").stat().st_mode) == 0o600
    config = load(tmp_path / "shop-2.toml")
    assert config.hub is not None
    assert config.hub.credential is not None
    assert config.hub.credential not in added.out
    register = json.loads((tmp_path / "hub" / "register.json").read_text())
    assert register["kiosks"]["shop-2"]["key"] == public_of(config.hub.credential)
    holding = [
        path
        for path in (tmp_path / "hub").rglob("*")
        if path.is_file() and config.hub.credential in path.read_text(errors="replace")
    ]
    assert holding == []


_HUB = '[hub]\nurl = "tls://127.0.0.1:7422"\n'


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (_HUB, "has no key for the hub yet"),
        (_HUB.replace("tls:", "https:"), "can't be a hub's address"),
        (_HUB.replace("127", "SECRET:SECRET@127"), "can't be a hub's address"),
        (_HUB + 'asks = ["kiosk.agent.payment.process"]\n', "moves money"),
        (_HUB + 'ca = "-----BEGIN CERTIFICATE----- SECRET"\n', "no certificate"),
        (_HUB + "unheard_of = 1\n", "unheard_of"),
        ("no toml", "kiosk.toml"),
    ],
)
async def test_who_can_t_join_serves_alone(kiosk: Kiosk, tmp_path: Path, section: str, says: str) -> None:
    """What was drawn before would lock agents out after the bus's keys were drawn anew."""
    config = tmp_path / "kiosk.toml"
    data = f'[kiosk]\nid = "shop-1"\ndata_dir = "{tmp_path}/data"\n'
    config.write_text(data + _HUB)
    assert (await kiosk("fleet", "key", "--dir", "keys")).code == 0
    assert (await kiosk("bus", "keys", "--dir", "keys")).code == 0
    join = ("fleet", "join", "--config", "kiosk.toml", "--out", "nats", "--keys", "keys")
    joined = await kiosk(*join)
    assert joined.code == 0, joined.err
    drawn = tmp_path / "nats" / "nats-fleet.conf"
    assert "leafnodes" in drawn.read_text()
    config.write_text(data + section)
    if says.startswith("has no key"):
        (tmp_path / "keys" / "hub.nk").unlink()
    elif "money" in says:
        (tmp_path / "keys" / "payment.nk").unlink()  # it is told what is wrong first
    refused = await kiosk(*join)
    assert refused.code == 1
    assert says in refused.err
    assert "Traceback" not in refused.err
    text = drawn.read_text()
    assert all(line.startswith("#") for line in text.splitlines())
    assert says in text
    assert "SECRET" not in text + refused.err
    assert stat.S_IMODE(drawn.stat().st_mode) == 0o644


async def test_a_credential_from_the_card_joins_without_a_key_of_the_kiosks_own(kiosk: Kiosk, tmp_path: Path) -> None:
    seed = new_seed()
    kept = tmp_path / "data" / "kiosk" / "secrets" / "hub.credential"
    kept.parent.mkdir(parents=True)
    kept.write_text(seed)
    (tmp_path / "kiosk.toml").write_text(f'[kiosk]\nid = "shop-1"\ndata_dir = "{tmp_path}/data"\n{_HUB}')
    assert (await kiosk("bus", "keys", "--dir", "keys")).code == 0
    joined = await kiosk("fleet", "join", "--config", "kiosk.toml", "--out", "nats", "--keys", "keys")
    assert joined.code == 0, joined.err
    assert seed in (tmp_path / "nats" / "nats-fleet.conf").read_text()
    shown = await kiosk("fleet", "key", "--dir", "keys", "--credential", str(kept))
    assert shown.out.strip() == public_of(seed)
    assert not (tmp_path / "keys" / "hub.nk").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("status",), "there is no hub at hub"),
        (("hub", "hub", "--node", "a"), "is no node"),
        (("revoke", "shop-1", "--later"), "there is no hub"),
        (("join", "--config", "nowhere.toml"), "can't be read"),
    ],
)
async def test_a_mistake_is_told_in_a_line(kiosk: Kiosk, words: tuple[str, ...], says: str) -> None:
    done = await kiosk("fleet", *words)
    assert done.code in (1, 2)
    assert says in done.err
    assert "Traceback" not in done.err


async def test_a_hub_that_does_not_run_is_told(kiosk: Kiosk) -> None:
    await kiosk("fleet", "hub", "hub", "--node", "a=127.0.0.1")
    done = await kiosk("fleet", "apply")
    assert done.code == 1
    assert "kiosk fleet apply tries again" in done.err
    assert "Traceback" not in done.err


async def test_status_ask_watch_and_losses_of_a_running_fleet(
    fleet: SmallFleet, keeping: Keeping, kiosk: Kiosk
) -> None:
    one = await fleet.kiosk("one")
    await answering(one, HARDWARE_STATUS.subject, {"status": "success", "devices": []})
    await one.say(1)
    await keeping.has(one)
    hub = str(fleet.hub.folder.path)
    asked = await kiosk("fleet", "ask", "one", "hardware.status", "--hub", hub)
    assert (asked.code, json.loads(asked.out)) == (0, {"status": "success", "devices": []})
    refused = await kiosk("fleet", "ask", "one", "hardware.led", "--hub", hub)
    assert refused.code == 1
    watching = await asyncio.create_subprocess_exec(
        *(
            sys.executable,
            "-m",
            "edge",
            "fleet",
            "watch",
            "kiosk.session.*",
            "--kiosk",
            "one",
            "--json",
            "--count",
            "2",
        ),
        *("--hub", hub),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"NO_COLOR": "1"},
    )
    watched = asyncio.create_task(watching.communicate())
    async with asyncio.timeout(250):
        while not watched.done():
            await one.say(3)
            await asyncio.wait({watched}, timeout=0.5)
    out, _ = watched.result()
    seen = [json.loads(line) for line in out.decode().splitlines()]
    assert [each["kiosk"] for each in seen] == ["one", "one"]
    assert all(each["subject"].startswith("kiosk.session.") for each in seen)
    assert seen[0]["origin_sequence"] < seen[1]["origin_sequence"]
    status = await kiosk("fleet", "status", "--json", "--hub", hub)
    (row,) = [json.loads(line) for line in status.out.splitlines()]
    assert (row["kiosk"], row["lost"]) == ("one", 0)
    assert status.code == (0 if row["connected"] else 1)  # on a slow machine it may have missed a question
    assert "of 1 connected" in (await kiosk("fleet", "status", "--hub", hub)).out
    assert "nothing was lost" in (await kiosk("fleet", "losses", "--hub", hub)).out


async def test_dashboard_and_rules_are_printed(kiosk: Kiosk) -> None:
    assert json.loads((await kiosk("fleet", "dashboard")).out)["title"] == "Kiosk fleet"
    assert "FleetEventsLost" in (await kiosk("fleet", "rules")).out


async def test_the_section_and_the_nodes_are_told_without_a_secret(kiosk: Kiosk, tmp_path: Path) -> None:
    await kiosk("fleet", "hub", "hub", "--node", "a=10.0.0.1", "--node", "b=10.0.0.2")
    told = json.loads((await kiosk("fleet", "section", "--json")).out)
    config = parse((await kiosk("fleet", "section")).out)
    assert config.hub is not None
    assert told == {
        "url": config.hub.url,
        "more_urls": config.hub.more_urls,
        "ca": (tmp_path / "hub/ca.pem").read_text(),
    }
    assert told["more_urls"] == ["tls://10.0.0.2:7422"]
    nodes = [json.loads(line) for line in (await kiosk("fleet", "nodes", "--json")).out.splitlines()]
    assert [(each["node"], each["host"], each["delivered"]) for each in nodes] == [
        ("a", "10.0.0.1", False),
        ("b", "10.0.0.2", False),
    ]
    assert nodes[0]["folder"] == str(tmp_path / "hub" / "nodes" / "a")
    assert (await kiosk("fleet", "nodes")).out.count("by hand") == 2
    added = await kiosk("fleet", "add", "shop-1", "--later", "--out", "-")
    printed = parse(added.out).hub
    assert printed is not None
    assert printed.credential is not None
    assert not (tmp_path / "-").exists()


async def test_what_the_hub_has_not_got_is_still_to_come(kiosk: Kiosk, tmp_path: Path) -> None:
    await kiosk("fleet", "hub", "hub", "--node", "a=127.0.0.1")
    behind = tmp_path / "hub" / "behind.json"
    assert not behind.exists()
    await kiosk("fleet", "add", "shop-1", "--key", public_of(new_seed()), "--later")
    assert json.loads(behind.read_text()) == {"cut": []}
    await kiosk("fleet", "add", "shop-1", "--key", public_of(new_seed()), "--later")
    await kiosk("fleet", "revoke", "shop-1", "--later")
    assert (await kiosk("fleet", "apply")).code == 1
    assert json.loads(behind.read_text()) == {"cut": ["shop-1"]}
