"""The real RAUC on a bus of its own, its slots in plain files, its bootloader handler ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.update.kiosk import Machine

REPOSITORY = Path(__file__).resolve().parents[3]
COMPATIBLE = "kiosk-edge-test"
ROOT_BYTES = 4 << 20
_PROGRAMS = {
    "rauc": "rauc",
    "mksquashfs": "squashfs-tools",
    "openssl": "openssl",
    "dbus-daemon": "dbus",
    "mkfs.ext4": "e2fsprogs",
}

_BUS = """<busconfig>
<type>session</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth>
<servicedir>{folder}/services</servicedir>
<policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
</policy>
</busconfig>"""

_SYSTEM = """[system]
compatible={compatible}
bootloader=custom
mountprefix={folder}/mounted
statusfile={folder}/rauc.status
bundle-formats=plain verity
[handlers]
bootloader-custom-backend={folder}/bootchooser
pre-install={folder}/pre-install
[keyring]
path={folder}/trusted.pem
[slot.rootfs.0]
device={folder}/root-a
type=ext4
bootname=A
[slot.rootfs.1]
device={folder}/root-b
type=ext4
bootname=B
"""


class RaucService:
    """A folder with RAUC's configuration, keys, and bundles that are made as asked."""

    def __init__(self, folder: Path, machine: Machine) -> None:
        self.folder, self.machine = folder, machine
        for name in ("mounted", "services", "bin"):
            (folder / name).mkdir(parents=True)
        # By its whole path: the program of that name in bin/ calls it.
        self.real = os.environ.get("KIOSK_TEST_RAUC") or str(shutil.which("rauc"))
        assert Path(self.real).is_absolute()
        for slot in ("root-a", "root-b"):
            with (folder / slot).open("wb") as file:
                file.truncate(2 * ROOT_BYTES)
        (folder / "system.conf").write_text(_SYSTEM.format(folder=folder, compatible=COMPATIBLE), encoding="utf-8")
        (folder / "bus.conf").write_text(_BUS.format(folder=folder), encoding="utf-8")
        (folder / "services/de.pengutronix.rauc.service").write_text(
            f"[D-BUS Service]\nName=de.pengutronix.rauc\nExec={folder}/bin/rauc service\n", encoding="utf-8"
        )
        override = f"--override-boot-slot={machine.running}"
        self._script(
            "bin/rauc",
            f'[ "$1" = service ] && set -- {override} service\nexec {self.real} -c {folder}/system.conf "$@"',
        )
        self._script("bootchooser", f'cd {REPOSITORY} && {sys.executable} -m edge.update.bootchooser "$@"')
        self._script("pre-install", f"[ ! -p {folder}/held ] || read -r _ < {folder}/held")
        self.trusted = self.key("trusted")

    @property
    def program(self) -> str:
        return str(self.folder / "bin/rauc")

    @property
    def environment(self) -> dict[str, str]:
        return self.machine.environment | {
            "DBUS_STARTER_BUS_TYPE": "session",
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.folder}/bus",
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
        }

    def key(self, name: str) -> tuple[Path, Path]:
        """A key and its certificate, for ten years."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        self._run(
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-subj",
                f"/O=Test/CN={name}",
            ),
            *("-keyout", str(key), "-out", str(certificate), *("-days", "3650")),
        )
        return key, certificate

    def bundle(
        self,
        name: str = "kiosk",
        *,
        version: str = "2.0",
        compatible: str = COMPATIBLE,
        signed: tuple[Path, Path] | None = None,
        content: bytes = b"",
    ) -> Path:
        """A signed bundle with an ext4 image in it that has `content` in one file."""
        source = self.folder / f"{name}.source"
        source.mkdir()
        files = self.folder / f"{name}.files"
        files.mkdir()
        (files / "content").write_bytes(content or name.encode())
        image = source / "root.ext4"
        with image.open("wb") as file:
            file.truncate(ROOT_BYTES)
        self._run("mkfs.ext4", "-q", "-d", str(files), str(image))
        (source / "manifest.raucm").write_text(
            f"[update]\ncompatible={compatible}\nversion={version}\n[bundle]\nformat=plain\n"
            "[image.rootfs]\nfilename=root.ext4\n",
            encoding="utf-8",
        )
        key, certificate = signed or self.trusted
        made = self.folder / f"{name}.raucb"
        self._run(self.real, f"--cert={certificate}", f"--key={key}", "bundle", str(source), str(made))
        return made

    def image_of(self, bundle: str) -> bytes:
        """What `bundle` writes to a slot."""
        return (self.folder / f"{bundle}.source/root.ext4").read_bytes()

    def slot(self, name: str) -> bytes:
        """The first bytes of a slot, as many as an image has."""
        return (self.folder / f"root-{name.lower()}").read_bytes()[:ROOT_BYTES]

    def start(self) -> Iterator[None]:
        """Run the bus, which starts RAUC's service when it is first asked."""
        daemon = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            env=os.environ | self.environment,
        )
        try:
            assert daemon.stdout is not None
            assert daemon.stdout.readline().startswith(b"unix:")
            yield
        finally:
            daemon.terminate()
            daemon.communicate(timeout=20)  # the service ends with its bus

    def _script(self, name: str, text: str) -> None:
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    @staticmethod
    def _run(*words: str) -> None:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def skip_without_programs() -> None:
    """Skip where RAUC, or what makes its bundles, isn't installed."""
    missing = [package for program, package in _PROGRAMS.items() if shutil.which(program) is None]
    if missing:
        pytest.skip(f"needs {' '.join(missing)} (apt)")


def skip_without_mounting(folder: Path) -> None:
    """Skip where a bundle can't be mounted: RAUC installs from a squashfs on a loop device."""
    if os.geteuid() != 0:
        pytest.skip("RAUC mounts a bundle, which needs root")
    probe, place = folder / "probe.squashfs", folder / "probe"
    place.mkdir()
    subprocess.run(["mksquashfs", place, probe, "-quiet", "-no-progress"], check=True, capture_output=True)
    done = subprocess.run(["mount", "-o", "loop,ro", probe, place], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"RAUC mounts a bundle, and this machine can't: {done.stderr.strip()}")
    subprocess.run(["umount", place], check=True)
