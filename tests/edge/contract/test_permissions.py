"""What the contract draws of users and permissions; tests/edge/bus/test_permission_matrix.py tries it on servers."""

from __future__ import annotations

import base64
import hashlib
import json

import nkeys  # type: ignore[import-untyped]  # it carries no type information
import pytest

from edge.contract.accounts import LOCAL_KEY, PAGE_KEY, accounts
from edge.contract.permissions import SIGNED_IN, USERS, inbox_of, permissions_of
from edge.contract.subjects import AGENTS, CARD_TAP, CART_ACTION, COMMANDS, PAYMENT_PROCESS, TOUCH


def key_of_nobody(sentence: str) -> str:
    """The public user nkey that is a sentence's hash: to have its private half, one would have to break Ed25519."""
    raw = bytes([nkeys.PREFIX_BYTE_USER]) + hashlib.sha256(sentence.encode()).digest()
    return base64.b32encode(raw + bytes(nkeys.crc16_checksum(bytearray(raw)))).decode().rstrip("=")


def test_the_keys_of_those_who_do_not_sign_are_nobodys() -> None:
    assert key_of_nobody("kiosk-edge: the page has no key") == PAGE_KEY
    assert key_of_nobody("kiosk-edge: who is local has no key") == LOCAL_KEY


def test_there_is_no_other_user() -> None:
    with pytest.raises(ValueError, match="no user 'stranger'; there are: vision, "):
        permissions_of("stranger")


@pytest.mark.parametrize("user", USERS)
def test_nobody_listens_to_anothers_answers(user: str) -> None:
    inboxes = [subject for subject in permissions_of(user).subscribe if subject.startswith("_INBOX")]
    assert inboxes == [f"{inbox_of(user)}.>"]


def test_the_page_can_not_fake_what_hardware_says_nor_ask_anything() -> None:
    publish = permissions_of("frontend").publish
    assert {subject for subject in publish if subject.startswith("kiosk.")} == {TOUCH.subject, CART_ACTION.subject}
    assert CARD_TAP.subject not in publish
    assert permissions_of("frontend").answers_within_s is None


@pytest.mark.parametrize("agent", AGENTS)
def test_an_agent_may_answer_as_long_as_it_may_take(agent: str) -> None:
    longest_s = max((command.timeout_s for command in COMMANDS if command.done_by == agent), default=0)
    answers_within_s = permissions_of(agent).answers_within_s
    assert answers_within_s is not None
    assert answers_within_s >= longest_s
    assert permissions_of("payment").answers_within_s == PAYMENT_PROCESS.timeout_s + 5


def test_only_the_monitor_makes_and_nobody_empties_or_deletes_a_stream() -> None:
    for user in USERS:
        publish = permissions_of(user).publish
        for verb in ("DELETE", "PURGE"):
            assert not [subject for subject in publish if subject.startswith(f"$JS.API.STREAM.{verb}")]
        makes = [subject for subject in publish if subject.startswith(("$JS.API.STREAM.CREATE", "$JS.API.STREAM.UPD"))]
        assert bool(makes) == (user == "monitor")
        assert not {">", "$JS.>", "$JS.API.>", "_INBOX.>", "$SYS.>"} & {*publish, *permissions_of(user).subscribe}


def users_in(text: str) -> dict[str, dict[str, object]]:
    block, _ = json.JSONDecoder().raw_decode(text.removeprefix("accounts: "))
    return {user["nkey"]: user for account in block.values() for user in account["users"]}


def test_the_servers_block_has_each_key_with_its_users_permissions() -> None:
    keys = {user: key_of_nobody(user) for user in SIGNED_IN}
    users = users_in(accounts(keys))
    assert set(users) == {*keys.values(), PAGE_KEY}
    menu = users[keys["menu"]]["permissions"]
    assert isinstance(menu, dict)
    assert menu["publish"]["allow"] == list(permissions_of("menu").publish)
    assert menu["subscribe"]["allow"] == list(permissions_of("menu").subscribe)
    assert menu["allow_responses"] == {"max": 1, "expires": "10s"}
    assert "no_auth_user" not in accounts(keys)


def test_a_user_without_a_key_is_not_left_out_in_silence() -> None:
    with pytest.raises(ValueError, match="no public key of operator"):
        accounts({user: "U" for user in SIGNED_IN if user != "operator"})


def test_without_keys_only_the_page_is_held_back() -> None:
    text = accounts(None)
    users = users_in(text)
    assert set(users) == {LOCAL_KEY, PAGE_KEY}
    assert "permissions" not in users[LOCAL_KEY]
    assert "permissions" in users[PAGE_KEY]
    assert text.endswith(f"no_auth_user: {LOCAL_KEY}\n")
