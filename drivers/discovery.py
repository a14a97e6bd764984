"""Which devices this machine shows, without opening any: what `kiosk doctor` lists."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class Sighting:
    """One kind of device: URLs that may be tried, the library that drives it, how to get what lacks."""

    kind: str
    urls: tuple[str, ...]
    library: str
    library_here: bool
    advice: str


def _nodes(root: Path, scheme: str, *patterns: str) -> list[str]:
    return [f"{scheme}:/{path.relative_to(root)}" for pattern in patterns for path in sorted(root.glob(pattern))]


def _usb_printers(root: Path) -> list[str]:
    """USB printers by vendor and product: interfaces of class 07 under /sys/bus/usb."""
    found = []
    for interface in sorted(root.glob("sys/bus/usb/devices/*:*")):
        try:
            if (interface / "bInterfaceClass").read_text().strip() != "07":
                continue
            device = interface.resolve().parent
            vendor, product = ((device / name).read_text().strip() for name in ("idVendor", "idProduct"))
        except OSError:
            continue  # unplugged while we looked
        found.append(f"escpos+usb://{vendor}:{product}")
    return found


def _is_pi(root: Path) -> bool:
    """Whether the device tree says Raspberry Pi: other machines have gpiochips too, of a power key or a chipset."""
    try:
        return (root / "proc/device-tree/model").read_bytes().startswith(b"Raspberry Pi")
    except OSError:
        return False


def look(root: Path = Path("/")) -> list[Sighting]:
    """What is seen under `root`, a device kind at a time."""

    def sighting(kind: str, urls: list[str], library: str, advice: str) -> Sighting:
        return Sighting(kind, tuple(urls), library, find_spec(library) is not None, advice)

    pcscd = [str(path) for path in (root / "run/pcscd/pcscd.comm",) if path.exists()]
    sound = sorted((root / "dev/snd").glob("pcm*c")) if (root / "dev/snd").is_dir() else []
    return [
        sighting(
            "leds",
            _nodes(root, "spi", "dev/spidev*"),
            "spidev",
            "pip install 'kiosk-edge[leds]'; enable SPI (dtparam=spi=on in config.txt)",
        ),
        sighting(
            "nfc",
            ["pcsc:"] if pcscd else [],
            "smartcard",
            "pip install 'kiosk-edge[nfc]'; apt install pcscd, and plug a reader in",
        ),
        sighting(
            "printer",
            _usb_printers(root)
            + _nodes(root, "escpos+file", "dev/usb/lp*")
            + _nodes(root, "escpos+serial", "dev/ttyUSB*"),
            "escpos",
            "pip install 'kiosk-edge[printer]'; a network printer is escpos+tcp://ADDRESS:9100",
        ),
        sighting(
            "camera",
            (["picamera2:0"] if find_spec("picamera2") else []) + _nodes(root, "v4l2", "dev/video*"),
            "cv2",
            "pip install 'kiosk-edge[vision]'; on a Pi: apt install python3-picamera2",
        ),
        sighting(
            "microphone",
            ["portaudio:"] if sound else [],
            "sounddevice",
            "pip install 'kiosk-edge[microphone]'; apt install libportaudio2",
        ),
        sighting(
            "gpio",
            ["rpi:"] if _is_pi(root) and any(root.glob("dev/gpiochip*")) else [],
            "RPi",
            "a Raspberry Pi's pins: pip install 'kiosk-edge[pi5]' on a Pi 5, 'kiosk-edge[pi4]' on an older one",
        ),
    ]
