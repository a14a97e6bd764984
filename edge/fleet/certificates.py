"""The hub's certificates: an authority of the fleet's own, and one certificate a node. Made by openssl.

The authority's key stays in the folder where the hub is looked after; nodes get their own key and certificate, kiosks
and people the authority's certificate, by which they know the hub.
"""

from __future__ import annotations

import ipaddress
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from edge.fleet.errors import FleetError

CA: Final = "ca.pem"
_CA_KEY: Final = "ca.key"
NODE: Final = "node.pem"
NODE_KEY: Final = "node.key"
_CA_DAYS = 3650
_NODE_DAYS = 730
_RENEW_BEFORE_S = 60 * 86400


def make_authority(folder: Path) -> Path:
    """The authority's certificate, made at the first call.

    Raises:
        FleetError: there is no openssl, or it fails.
    """
    certificate, key = folder / CA, folder / _CA_KEY
    if certificate.exists() and key.exists():
        return certificate
    with tempfile.TemporaryDirectory(dir=folder, prefix=".ca-") as made:
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"),
            *("-days", str(_CA_DAYS), "-subj", "/CN=kiosk fleet", "-keyout", f"{made}/key", "-out", f"{made}/pem"),
            *("-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"),
            *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        )
        Path(made, "key").chmod(0o600)
        Path(made, "key").replace(key)
        Path(made, "pem").replace(certificate)
    certificate.chmod(0o644)
    return certificate


def make_node(folder: Path, node: Path, host: str) -> bool:
    """A node's key and certificate for `host` in its folder `node`; whether they were made or renewed.

    Those that are there are kept, until 60 days before they run out, or if they are for another host or of another
    authority.

    Raises:
        FleetError: as for `make_authority`.
    """
    authority = make_authority(folder)
    certificate, key = node / NODE, node / NODE_KEY
    if certificate.exists() and key.exists() and _is_good(certificate, authority, host):
        return False
    with tempfile.TemporaryDirectory(dir=node, prefix=".tls-") as made:
        request, extensions = f"{made}/csr", Path(made, "ext")
        extensions.write_text(
            f"subjectAltName={_named(host)}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
            "extendedKeyUsage=serverAuth,clientAuth\n",  # nodes are one another's clients
            encoding="utf-8",
        )
        _openssl(
            *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"),
            *("-subj", f"/CN={host[:64]}", "-keyout", f"{made}/key", "-out", request),
        )
        _openssl(
            *("x509", "-req", "-in", request, "-CA", str(authority), "-CAkey", str(folder / _CA_KEY), "-sha256"),
            *("-days", str(_NODE_DAYS), "-extfile", str(extensions), "-out", f"{made}/pem", "-CAcreateserial"),
            *("-CAserial", f"{made}/serial"),
        )
        Path(made, "key").chmod(0o600)
        Path(made, "key").replace(key)
        Path(made, "pem").replace(certificate)
    certificate.chmod(0o644)
    return True


def _is_good(certificate: Path, authority: Path, host: str) -> bool:
    kind = "ip" if _is_address(host) else "host"
    return _succeeds("x509", "-in", str(certificate), "-noout", "-checkend", str(_RENEW_BEFORE_S)) and _succeeds(
        "verify", "-CAfile", str(authority), f"-verify_{'ip' if kind == 'ip' else 'hostname'}", host, str(certificate)
    )


def _named(host: str) -> str:
    return f"IP:{host}" if _is_address(host) else f"DNS:{host}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("openssl")
    if program is None:
        raise FleetError("there is no openssl here, which makes the hub's certificates: apt install openssl")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=60)


def _succeeds(*arguments: str) -> bool:
    return _run(*arguments).returncode == 0


def _openssl(*arguments: str) -> None:
    done = _run(*arguments)
    if done.returncode != 0:
        words = done.stderr.strip().splitlines()
        raise FleetError(f"openssl {arguments[0]} failed: {words[-1] if words else 'without a word'}")
