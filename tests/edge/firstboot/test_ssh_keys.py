"""authorized_keys."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge.firstboot.ssh_keys import check_keys

from .conftest import PUBLIC_KEY


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (PUBLIC_KEY, None, ""),
        (f"# Maria\n\n{PUBLIC_KEY}\r\n", None, ""),
        (f'from="10.0.0.0/8",no-pty,command="say \\"hi\\" now" {PUBLIC_KEY}', None, ""),
        (PUBLIC_KEY.replace("zAU maria", " maria"), 1, "damaged"),
        (PUBLIC_KEY.replace("ssh-ed25519", "ssh-rsa"), 1, "damaged"),
        (PUBLIC_KEY[:40], 1, "damaged"),
        ("ssh-ed25519", 1, "incomplete"),
        (f"{PUBLIC_KEY}\nmaria@shop", 2, "no public key"),
        ("ssh-dss AAAAB3NzaC1kc3MAAACBAP= old", 1, "DSA"),
        ("\n# nobody\n", None, "no key in it"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n-----END OPENSSH PRIVATE KEY-----\n", 1, "private key"),
    ],
)
def test_each_line_is_checked(text: str, line: int | None, words: str) -> None:
    mistakes = check_keys(text)
    assert [each.line for each in mistakes] == ([line] if words else [])
    assert all(words in each.what for each in mistakes)


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_what_ssh_keygen_makes_is_taken(kind: str, tmp_path: Path) -> None:
    keygen = shutil.which("ssh-keygen")
    if keygen is None:
        pytest.skip("no ssh-keygen on this machine: install the package openssh-client")
    subprocess.run([keygen, "-q", "-t", kind, "-N", "", "-f", tmp_path / "key"], check=True)
    public = (tmp_path / "key.pub").read_text()
    assert check_keys(public) == []
    body = public.split()[1]
    assert check_keys(public.replace(body, body[:-8])) != []
    (mistake,) = check_keys((tmp_path / "key").read_text())
    assert "private key" in mistake.what
