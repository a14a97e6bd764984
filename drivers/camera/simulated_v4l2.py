"""The simulated camera on the real wire: a Video4Linux device, under OpenCV's own V4L2 backend.

No kernel driver is needed: `simulated_v4l2.c`, preloaded into the process that opens the device, answers V4L2's calls
and gets the pictures from here, as JPEGs through a socket.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from drivers.camera.lobby import SensorNoise, draw_lobby
from drivers.camera.picture import Image, jpeg, paste
from drivers.errors import DeviceSetup

NUMBER: Final = 42
URL: Final = f"v4l2:/dev/video{NUMBER}"
FPS: Final = 30  # a webcam's, whatever is asked of it

_SOURCE = Path(__file__).with_name("simulated_v4l2.c")
_HEADER = Path("/usr/include/linux/videodev2.h")
_BUILD_S = 60.0
_WIDTH_PX, _HEIGHT_PX = 640, 480
_PICTURES = 8  # of noise, in turn


def missing() -> str | None:
    """What this machine lacks for it, in words; None when it has all."""
    if shutil.which("gcc") is None:
        return "no gcc here (Debian: gcc libc6-dev)"
    if not _HEADER.is_file():
        return "no headers of Linux here (Debian: linux-libc-dev, which libc6-dev brings)"
    return None


class V4l2Lobby:
    """A camera in the lobby, /dev/video42 for processes that are started with `environment`.

    Its stage directions can be called from any thread, at any time.
    """

    def __init__(self, folder: Path) -> None:
        """Build what is preloaded, and plug the camera in; blocks for about a second.

        Raises:
            DeviceSetup: this machine lacks what it takes.
        """
        lacking = missing()
        if lacking is not None:
            raise DeviceSetup(lacking)
        library = folder / "simulated_v4l2.so"
        built = subprocess.run(
            ["gcc", "-O2", "-shared", "-fPIC", "-o", str(library), str(_SOURCE), "-ldl"],
            capture_output=True,
            text=True,
            timeout=_BUILD_S,
            check=False,
        )
        if built.returncode:
            raise DeviceSetup(f"gcc can't build {_SOURCE.name}: {built.stderr.strip()}")
        self._address = folder / "camera"
        preloaded = " ".join(filter(None, (os.environ.get("LD_PRELOAD"), str(library))))
        self.environment: Final = {
            "LD_PRELOAD": preloaded,
            "KIOSK_V4L2_NUMBER": str(NUMBER),
            "KIOSK_V4L2_SOCKET": str(self._address),
        }
        self.opened = 0  # how often it was opened with success
        self._changed = threading.Condition()
        self._hung = False
        self._broken = False
        self._refusals = 0
        self._fps = float(FPS)
        self._lobby = draw_lobby(_WIDTH_PX, _HEIGHT_PX)
        self._noise = SensorNoise(_WIDTH_PX, _HEIGHT_PX, seed=0)
        self._pictures = self._compressed(self._lobby)
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener: socket.socket | None = None
        self.plug()

    # Stage directions

    def show(self, picture: Image | None) -> None:
        """Bring a picture (height x width x 3, BGR) into the lobby, or with None empty it."""
        pictures = self._compressed(self._lobby if picture is None else paste(picture, self._lobby))
        with self._changed:
            self._pictures = pictures

    def unplug(self) -> None:
        """Pull the cable out: calls into the device fail, and /dev/video42 is gone."""
        with self._changed:
            listener, self._listener = self._listener, None
            connections, self._connections = self._connections, set()
            self._changed.notify_all()
        self._address.unlink(missing_ok=True)
        for each in (*connections, *([listener] if listener else [])):
            with contextlib.suppress(OSError):  # the other end is gone already
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def plug(self) -> None:
        """Put the cable in."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(str(self._address))
        listener.listen()
        with self._changed:
            self._listener = listener
        self._start(self._accept, listener)

    def hang(self, on: bool = True) -> None:
        """Give no more pictures and say nothing of it."""
        with self._changed:
            self._hung = on
            self._changed.notify_all()

    def break_pictures(self, on: bool = True) -> None:
        """Give pictures as over a cable with a bad contact: cut off, garbled and empty ones in turn."""
        with self._changed:
            self._broken = on

    def run_at(self, fps: float = FPS) -> None:
        """Give so many pictures a second."""
        with self._changed:
            self._fps = fps
            self._changed.notify_all()

    def refuse(self, times: int) -> None:
        """Let the next openings fail, as while another program has it."""
        with self._changed:
            self._refusals = times

    def close(self) -> None:
        """Be gone for good."""
        self.unplug()
        for thread in self._threads:
            thread.join()

    # The device's side

    def _start(self, serve: Callable[[socket.socket], None], at: socket.socket) -> None:
        thread = threading.Thread(target=serve, args=(at,), name="a simulated video device", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:  # unplugged
                return
            with self._changed:
                refused = self._refusals > 0
                self._refusals -= refused
                if not refused and self._listener is listener:
                    self._connections.add(connection)
                    self.opened += 1
            with contextlib.suppress(OSError):  # it is gone again
                connection.sendall(b"B" if refused else b"O")
            if refused:
                connection.close()
            else:
                self._start(self._film, connection)

    def _film(self, connection: socket.socket) -> None:
        number = 0
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # the kernel's least: no old pictures
            if not connection.recv(1):  # the start of the stream
                return
            while True:
                number += 1
                picture = self._due(connection, number)
                if picture is None:
                    return
                connection.sendall(len(picture).to_bytes(4, "little") + picture)
        except OSError:  # closed at one of the ends
            return
        finally:
            with self._changed:
                self._connections.discard(connection)
            connection.close()

    def _due(self, connection: socket.socket, number: int) -> bytes | None:
        began_s = time.monotonic()
        with self._changed:
            while connection in self._connections:
                wait_s = None if self._hung else began_s + 1 / self._fps - time.monotonic()
                if wait_s is not None and wait_s <= 0:
                    whole = self._pictures[number % _PICTURES]
                    return _spoilt(whole, number) if self._broken else whole
                self._changed.wait(wait_s)
        return None

    def _compressed(self, scene: Image) -> list[bytes]:
        return [jpeg(self._noise.over(scene)) for _ in range(_PICTURES)]


def _spoilt(whole: bytes, number: int) -> bytes:
    match number % 3:
        case 0:
            return whole[: len(whole) // 2]
        case 1:
            return whole[::-1]
    return b""
