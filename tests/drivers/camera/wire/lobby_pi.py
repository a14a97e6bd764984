"""The unmodified picamera2 on libcamera's virtual camera: what differs from a Pi's, and nothing else.

`install` makes `picamera2.Picamera2` a subclass with these four deviations:

- `pykms`, which only Raspberry Pi OS has, is replaced by names; it is used by previews on a screen.
- The virtual camera has no raw modes to choose a sensor mode from.
- Its buffers come from libcamera: picamera2's own have one plane where the virtual camera's NV12 has two.
- It gives NV12 at its own rate: the configuration is changed to that, and the picture to what was asked for.

Two of libcamera 0.4.0's own ways need the environment: no DMA heap on this kernel (dmaheap.c), and each frame's
status left uninitialised by the virtual pipeline (camera-wire.sh has malloc give zeros).
"""

from __future__ import annotations

import sys
import threading
from types import ModuleType
from typing import Any

import cv2

from drivers.camera.picture import Image


class _Names(type):
    """A class each of whose attributes is its own name."""

    def __getattr__(cls, name: str) -> str:
        return name


stuck = threading.Event()  # while it is set, no frame comes, as with a Pi's camera under load or on a long cable
opened: list[Any] = []  # every camera that was opened
configured: list[dict[str, Any]] = []


def install() -> None:
    """Have `from picamera2 import Picamera2` give the virtual camera from now on."""
    kms = ModuleType("pykms")
    kms.PixelFormat = _Names("PixelFormat", (), {})  # type: ignore[attr-defined]  # a module made on the spot
    sys.modules.setdefault("pykms", kms)
    import picamera2
    from picamera2.allocators import LibcameraAllocator

    if picamera2.Picamera2.__name__ == "LobbyPi":
        return

    class LobbyPi(picamera2.Picamera2):  # type: ignore[misc]  # the library has no types
        def __init__(self, number: int) -> None:
            super().__init__(number)
            opened.append(self)

        def _get_raw_modes(self) -> list[dict[str, Any]]:
            return [{"format": "NV12", "size": (640, 480)}]

        def create_video_configuration(self, **wanted: Any) -> Any:
            if wanted:  # by the driver; the library itself makes one of its defaults
                assert wanted["main"]["format"] == "RGB888"
                wanted |= {"main": wanted["main"] | {"format": "NV12"}, "controls": {}}
            return super().create_video_configuration(**wanted)

        def configure(self, configuration: dict[str, Any]) -> None:
            configured.append(configuration)
            self.allocator = LibcameraAllocator(self.camera)
            super().configure(configuration)

        def process_requests(self, display: Any) -> None:
            if stuck.is_set():
                with self._requestslock:
                    held = list(self._requests)
                    self._requests.clear()
                for request in held:
                    request.release()
                return
            super().process_requests(display)

        def capture_request(self, *arguments: Any, **named: Any) -> Any:
            request = super().capture_request(*arguments, **named)
            whole = request.make_array

            def bgr(stream: str) -> Image:
                picture: Any = cv2.cvtColor(whole(stream), cv2.COLOR_YUV2BGR_NV12)
                return picture  # type: ignore[no-any-return]  # OpenCV's type is any array's

            request.make_array = bgr
            return request

    picamera2.Picamera2 = LobbyPi
