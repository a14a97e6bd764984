"""Who may make an update: a key and its certificate, of which the image holds the certificate."""

from __future__ import annotations

from pathlib import Path

from image.running import require, run

_DAYS = 3650


def keyring(out: Path, log: Path) -> Path:
    """The certificate of the development key under `out`; both are made at the first call.

    The key is for trials: whoever has it can make an update for the images that were built with it.
    """
    return development_key(out, log)[1]


def development_key(out: Path, log: Path) -> tuple[Path, Path]:
    """The development key and its certificate.

    Raises:
        RecipeError: openssl is missing or fails.
    """
    folder = out / "signing"
    key, certificate = folder / "development.key.pem", folder / "development.cert.pem"
    if not (key.exists() and certificate.exists()):
        require("openssl")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", str(_DAYS), "-subj", "/O=kiosk-edge/CN=development key, for trials",
             "-addext", "basicConstraints=critical,CA:TRUE",
             "-addext", "keyUsage=critical,digitalSignature,keyCertSign",
             "-keyout", key, "-out", certificate],
            log=log,
        )  # fmt: skip
        key.chmod(0o600)
    return key, certificate
