"""Who may come in by ssh: checking the integrator's authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT)."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from typing import Final

from edge.firstboot.mistakes import Mistake

KEYS_FILE: Final = "authorized_keys"

_KINDS: Final = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
# Options may hold anything in double quotes; then the kind, and the key as base64.
_LINE: Final = re.compile(
    r'(?:(?:[^\s"]|"(?:[^"\\]|\\.)*")+\s+)?(?P<kind>' + "|".join(map(re.escape, _KINDS)) + r")\s+(?P<key>\S+)(?:\s.*)?"
)
_LIKE_THIS: Final = "Copy the whole line from the .pub file of the key, such as id_ed25519.pub."


def check_keys(text: str, *, file: str = KEYS_FILE) -> list[Mistake]:
    """What is wrong with an authorized_keys file."""
    found: list[Mistake] = []
    keys = 0
    private = False
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.strip()
        if "-----BEGIN" in bare:
            private = True
            words = "this is a private key: it has to stay secret, and was on a card that anyone can read"
            instead = "Make a new pair (ssh-keygen -t ed25519) and put the line of its .pub file here."
            found.append(Mistake(file, words, instead, number))
        if private or not bare or bare.startswith("#"):
            private = private and "-----END" not in bare
            continue
        keys += 1
        wrong = _wrong(bare)
        if wrong is not None:
            found.append(Mistake(file, wrong, _LIKE_THIS, number))
    if not keys and not found:
        found.append(Mistake(file, "there is no key in it", f"{_LIKE_THIS} To use none, delete the file."))
    return found


def normal_text(text: str) -> str:
    """The same keys with the line ends that sshd wants."""
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n") + "\n"


def _wrong(line: str) -> str | None:
    if line.startswith("ssh-dss"):
        return "DSA keys are not taken any more"
    match = _LINE.fullmatch(line)
    if match is None:
        return "this is no public key" if "ssh-" not in line and "ecdsa-" not in line else "this key is incomplete"
    try:
        raw = base64.b64decode(match["key"], validate=True)
        (length,) = struct.unpack_from(">I", raw)
        whole = raw[4 : 4 + length] == match["kind"].encode() and _is_whole(raw)
    except (binascii.Error, struct.error):
        whole = False
    return None if whole else "this key is damaged: a part of it is missing"


def _is_whole(raw: bytes) -> bool:
    """Whether the key's fields, each with its length (RFC 4253, 6.6), end where it ends."""
    at = fields = 0
    while at < len(raw):
        (length,) = struct.unpack_from(">I", raw, at)
        at += 4 + length
        fields += 1
    return at == len(raw) and fields >= 2
