"""An audit of the booted image by lynis, which comes from this machine and leaves nothing in the guest."""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.qemu_shell import Shell

# Debian's package lynis: a shell script and its parts.
_PROGRAM: Final = Path("/usr/sbin/lynis")
_PARTS: Final = {
    "lynis": _PROGRAM,
    "include": Path("/usr/share/lynis/include"),
    "db": Path("/usr/share/lynis/db"),
    "default.prf": Path("/etc/lynis/default.prf"),
}
_THERE: Final = "/run/lynis"
# Tests that ask the network or search all of the disk say nothing here that others don't.
_SKIPPED: Final = ("FILE-7524", "PKGS-7392", "NETW-2704", "NETW-2705", "TIME-3185")


@dataclass(frozen=True)
class Audit:
    """What it found: `index` of 100, `warnings` and `suggestions` as it writes them (TEST-ID|words|…)."""

    index: int
    warnings: tuple[str, ...]
    suggestions: tuple[str, ...]


def missing() -> str | None:
    """Why there can be no audit; None if there can."""
    return None if _PROGRAM.exists() else "no lynis here; on Debian: apt-get install lynis"


async def audit(shell: Shell, folder: Path, within_s: float) -> Audit:
    """Audit the guest; the whole report goes to `folder`.

    Raises:
        CommandFailed: it does not run.
    """
    skipped = "".join(f"skip-test={each}\n" for each in _SKIPPED)
    await shell.run(
        f"rm -rf {_THERE} && mkdir -m 700 {_THERE} {_THERE}/plugins && tar -xz -C {_THERE} --no-same-owner && "
        f"cat > {_THERE}/custom.prf <<'END'\n{skipped}END",
        within_s=within_s,
        given=_packed(),
    )
    await shell.tried(
        f"cd {_THERE} && sh ./lynis audit system --quick --quiet --no-colors "
        f"--logfile {_THERE}/lynis.log --report-file {_THERE}/report.dat",
        within_s=within_s,
    )
    report = await shell.run(f"cat {_THERE}/report.dat", within_s=within_s)
    log = await shell.run(f"cat {_THERE}/lynis.log; rm -rf {_THERE}", within_s=within_s)
    (folder / "lynis-report.dat").write_text(report, encoding="utf-8")
    (folder / "lynis.log").write_text(log, encoding="utf-8")
    return read_report(report)


def read_report(report: str) -> Audit:
    """What a report says.

    Raises:
        ValueError: it is not whole.
    """
    told = [line.partition("=") for line in report.splitlines() if not line.startswith("#")]
    index = [value for name, _, value in told if name == "hardening_index"]
    if len(index) != 1:
        raise ValueError("the report has no index: the audit did not come to its end")
    return Audit(
        int(index[0]),
        tuple(value for name, _, value in told if name == "warning[]"),
        tuple(value for name, _, value in told if name == "suggestion[]"),
    )


def _packed() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, path in _PARTS.items():
            archive.add(path, name, filter=_as_root)
    return packed.getvalue()


def _as_root(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = "root"
    return info
