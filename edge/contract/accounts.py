"""The bus's users as nats-server's configuration has them: an account of the agents, one of the page, in a fleet one of
the hub, and each user's permissions.

The page has an account of its own, which only what it may say and hear is exported to and imported from. Within one
account permissions are not enough: they don't cover a message's reply subject, and what the server answers there
is the server's own word. On nats-server 2.10 a touch with the reply subject ``$JS.API.STREAM.PURGE.KIOSK_EVENTS``
emptied that stream (ADR 0013).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edge.contract.fleet import HUB_ACCOUNT, InFleet, exports, imports
from edge.contract.permissions import PAGE_HEARS, SIGNED_IN, Permissions, permissions_of
from edge.contract.subjects import FRONTEND

ACCOUNT = "KIOSK"
PAGE_ACCOUNT = "PAGE"

# Public keys that nobody has the private half of: each is the hash of a sentence (see the tests), not a key that was
# made. They name the users who come in without signing: the page over WebSocket and, where there are no keys,
# whoever comes over TCP.
PAGE_KEY = "UCAEKJ3RBM77LJI6HGH4IY25FUW42A7N6BYPEIJBWMVVMBM7AZJWTKM2"
LOCAL_KEY = "UCHUEN7Q4XWRNLINCKJQMDRTCU7LNFONC2QC5XTS27FRBUIHU7FNAMTP"


def accounts(public_keys: Mapping[str, str] | None, member: InFleet | None = None) -> str:
    """nats-server's ``accounts`` block, with a public nkey for each user of SIGNED_IN.

    A `member` of a fleet has a third account, which the link to the hub is bound to.

    Without keys whoever comes over TCP may do everything, and only the page is held to what it may do.

    Raises:
        ValueError: a user has no public key.
    """
    if public_keys is None:
        return _block([{"nkey": LOCAL_KEY}], member) + f"no_auth_user: {LOCAL_KEY}\n"
    missing = [user for user in SIGNED_IN if user not in public_keys]
    if missing:
        raise ValueError(f"no public key of {', '.join(missing)}")
    return _block([_user(public_keys[user], permissions_of(user)) for user in SIGNED_IN], member)


def _block(users: list[dict[str, Any]], member: InFleet | None) -> str:
    page = permissions_of(FRONTEND)
    block: dict[str, Any] = {
        ACCOUNT: {
            "jetstream": "enabled",
            "users": users,
            "exports": [
                *({"stream": subject, "accounts": [PAGE_ACCOUNT]} for subject in PAGE_HEARS),
                *({"service": subject, "accounts": [PAGE_ACCOUNT]} for subject in page.publish),
            ],
        },
        PAGE_ACCOUNT: {
            "users": [_user(PAGE_KEY, page)],
            "imports": [
                *({"stream": {"account": ACCOUNT, "subject": subject}} for subject in PAGE_HEARS),
                *({"service": {"account": ACCOUNT, "subject": subject}} for subject in page.publish),
            ],
        },
    }
    if member is not None:
        block[ACCOUNT]["exports"] += exports(member)
        block[HUB_ACCOUNT] = {"imports": imports(member, ACCOUNT)}
    return f"accounts: {json.dumps(block, indent=2)}\n"  # nats-server's configuration holds JSON


def _user(public_key: str, permissions: Permissions) -> dict[str, Any]:
    allowed: dict[str, Any] = {
        "publish": {"allow": list(permissions.publish)},
        "subscribe": {"allow": list(permissions.subscribe)},
    }
    if permissions.answers_within_s is not None:
        allowed["allow_responses"] = {"max": 1, "expires": f"{permissions.answers_within_s:g}s"}
    return {"nkey": public_key, "permissions": allowed}
