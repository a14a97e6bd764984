"""Keys of the bus's users: made on the device, a file each, readable by their owner only.

A folder of keys holds ``<user>.nk``, each an nkey seed as nats-py, the `nats` command and nk read it, and
``nats-auth.conf``, which nats-server includes: the public keys and what each user may do. It holds no secret.
"""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import nkeys  # type: ignore[import-untyped]  # it carries no type information

from edge.bus.files import alone_in, put
from edge.contract.accounts import accounts
from edge.contract.permissions import SIGNED_IN

CONF_NAME = "nats-auth.conf"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_MARK = "# Drawn from the contract by `kiosk bus keys`"
_PUBLIC_BYTES = 35  # what it is, 32 of the key, 2 of the checksum
_SEED_MOST_BYTES = 200  # a seed is 58 characters


class KeyUnusable(Exception):
    """A key, its file or the folder can't be used; the text says which, why, and what to do."""


@dataclass(frozen=True)
class UserKey:
    """One user's key, and what was done about it."""

    user: str
    public: str
    state: Literal["made", "kept", "replaced"]


def key_path(folder: Path, user: str) -> Path:
    """Where `user`'s key is."""
    return folder / f"{user}.nk"


def read_seed(path: Path) -> str:
    """The seed in a key file.

    Raises:
        KeyUnusable: there is none, others may read it, or it isn't a user's nkey (anymore).
    """
    _check_folder(path.parent)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise KeyUnusable(f"there is no key at {path}; kiosk bus keys makes them") from None
    except OSError as error:
        raise KeyUnusable(f"the key {path} can't be read: {error.strerror}") from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise KeyUnusable(f"the key {path} is no file")
        if found.st_mode & _OTHERS:
            raise KeyUnusable(
                f"others may read the key {path} (mode {stat.S_IMODE(found.st_mode):04o}): chmod 600 it, and make "
                "it anew if others were here: kiosk bus keys --rotate"
            )
        text = os.read(handle, _SEED_MOST_BYTES).strip()
    finally:
        os.close(handle)
    if not _is_user_seed(text):
        raise KeyUnusable(
            f"the key {path} is damaged: it isn't the seed of a user's nkey. Restore it, or delete it and run "
            "kiosk bus keys for a new one"
        )
    return text.decode()


def public_key(path: Path) -> str:
    """The public half of the key at `path`.

    Raises:
        KeyUnusable: as for `read_seed`.
    """
    return _public(read_seed(path))


def public_keys(folder: Path) -> dict[str, str]:
    """Every user's public key.

    Raises:
        KeyUnusable: one is missing or can't be used, or others may look into the folder.
    """
    return {user: public_key(key_path(folder, user)) for user in SIGNED_IN}


def make_keys(folder: Path, *, replace: Collection[str] = ()) -> list[UserKey]:
    """Make the keys that aren't there yet, and those of `replace` anew. Nothing is half written, whatever happens.

    Raises:
        KeyUnusable: `replace` names nobody, the folder isn't ours alone, or a key that is there can't be used.
    """
    unknown = sorted(set(replace) - set(SIGNED_IN))
    if unknown:
        raise KeyUnusable(f"the bus has no user {unknown[0]!r} with a key; there are: {', '.join(SIGNED_IN)}")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_folder(folder, ours=True)
        with alone_in(folder):
            return [_make(key_path(folder, user), user, replace=user in replace) for user in SIGNED_IN]
    except OSError as error:
        raise KeyUnusable(f"keys can't be made in {folder}: {error.strerror or error}") from error


def make_key(folder: Path, user: str, *, replace: bool = False) -> UserKey:
    """Make one key that no user of the contract has, such as the one a kiosk signs in to its hub with.

    Raises:
        KeyUnusable: the folder isn't ours alone, or the key that is there can't be used.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_folder(folder, ours=True)
        with alone_in(folder):
            return _make(key_path(folder, user), user, replace=replace)
    except OSError as error:
        raise KeyUnusable(f"a key can't be made in {folder}: {error.strerror or error}") from error


def new_seed() -> str:
    """A new user's seed, kept nowhere."""
    return str(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode())


def public_of(seed: str) -> str:
    """The public half of a user's seed.

    Raises:
        KeyUnusable: it is none.
    """
    if not _is_user_seed(seed.strip().encode()):
        raise KeyUnusable("this isn't the seed of a user's nkey: it begins with SU and has 58 characters")
    return _public(seed.strip())


def is_public_key(text: str) -> bool:
    """Whether `text` is a user's public nkey, checksum and all."""
    try:
        raw = base64.b32decode(text)
    except (binascii.Error, ValueError):
        return False
    if len(raw) != _PUBLIC_BYTES or raw[0] != nkeys.PREFIX_BYTE_USER:
        return False
    return bool(binascii.crc_hqx(raw[:-2], 0) == int.from_bytes(raw[-2:], "little"))  # CRC-16/XMODEM


def conf_text(keys: dict[str, str]) -> str:
    """What nats-server includes, for these public keys by user."""
    return (
        f"{_MARK}: don't edit it, run that again.\n# It holds public keys and permissions, no secret.\n{accounts(keys)}"
    )


def write_conf(path: Path, keys: dict[str, str]) -> bool:
    """Write the server's include file; whether it differs from what was there.

    Raises:
        KeyUnusable: it can't be written, or there is a file that isn't ours.
    """
    text = conf_text(keys)
    try:
        with alone_in(path.parent):
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            if before and not before.startswith(_MARK):
                raise KeyUnusable(f"{path} was not written by kiosk bus keys; it is left alone: move it away first")
            if before == text:
                return False
            put(path, text)
    except (OSError, UnicodeDecodeError) as error:
        raise KeyUnusable(f"{path} can't be written: {error}") from error
    return True


def _make(path: Path, user: str, *, replace: bool) -> UserKey:
    there = os.path.lexists(path)
    if there and not replace:
        return UserKey(user, public_key(path), "kept")
    seed = new_seed()
    put(path, seed + "\n", mode=0o600)
    return UserKey(user, _public(seed), "replaced" if there else "made")


def _check_folder(folder: Path, *, ours: bool = False) -> None:
    try:
        found = folder.stat()
    except FileNotFoundError:
        raise KeyUnusable(f"there are no keys at {folder}; kiosk bus keys makes them") from None
    except OSError as error:
        raise KeyUnusable(f"the keys at {folder} can't be read: {error.strerror}") from error
    if not stat.S_ISDIR(found.st_mode):
        raise KeyUnusable(f"{folder} is no folder")
    if ours and found.st_uid != os.geteuid():
        raise KeyUnusable(
            f"the folder {folder} belongs to another user (uid {found.st_uid}): make the keys as that one"
        )
    if found.st_mode & _OTHERS:
        raise KeyUnusable(
            f"others may look into the folder of keys {folder} (mode {stat.S_IMODE(found.st_mode):04o}): chmod 700 it"
        )


def _is_user_seed(text: bytes) -> bool:
    """Whether `text` is a user's seed, checksum and all (nkeys 0.2.1 doesn't look at the checksum)."""
    try:
        prefix, raw = nkeys.decode_seed(text)
        return bool(prefix == nkeys.PREFIX_BYTE_USER and nkeys.encode_seed(raw, prefix) == text)
    except (nkeys.NkeysError, ValueError):
        return False


def _public(seed: str) -> str:
    pair = nkeys.from_seed(bytearray(seed.encode()))
    try:
        return str(pair.public_key.decode())
    finally:
        pair.wipe()
