"""Discovery on a made-up /dev and /sys: what is there is found, what isn't is not invented."""

from __future__ import annotations

from pathlib import Path

from drivers.discovery import look


def test_a_bare_machine_has_no_devices(tmp_path: Path) -> None:
    seen = {sighting.kind: sighting.urls for sighting in look(tmp_path) if sighting.kind != "camera"}
    assert seen == {"leds": (), "nfc": (), "printer": (), "microphone": (), "gpio": ()}


def test_what_is_plugged_in_is_found(tmp_path: Path) -> None:
    for node in (
        "dev/spidev0.0",
        "dev/video0",
        "dev/usb/lp0",
        "dev/ttyUSB0",
        "dev/snd/pcmC1D0c",
        "run/pcscd/pcscd.comm",
    ):
        path = tmp_path / node
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    device = tmp_path / "sys/devices/usb1/1-1"
    interface = device / "1-1:1.0"
    interface.mkdir(parents=True)
    (device / "idVendor").write_text("04b8\n")
    (device / "idProduct").write_text("0e15\n")
    (interface / "bInterfaceClass").write_text("07\n")
    links = tmp_path / "sys/bus/usb/devices"
    links.mkdir(parents=True)
    (links / "1-1:1.0").symlink_to(interface)
    seen = {sighting.kind: sighting.urls for sighting in look(tmp_path)}
    assert seen["leds"] == ("spi:/dev/spidev0.0",)
    assert seen["nfc"] == ("pcsc:",)
    assert seen["printer"] == (
        "escpos+usb://04b8:0e15",
        "escpos+file:/dev/usb/lp0",
        "escpos+serial:/dev/ttyUSB0",
    )
    assert "v4l2:/dev/video0" in seen["camera"]
    assert seen["microphone"] == ("portaudio:",)


def test_a_keyboard_is_no_printer(tmp_path: Path) -> None:
    interface = tmp_path / "sys/bus/usb/devices/1-2:1.0"
    interface.mkdir(parents=True)
    (interface / "bInterfaceClass").write_text("03\n")
    printer = next(sighting for sighting in look(tmp_path) if sighting.kind == "printer")
    assert printer.urls == ()


def test_a_pis_pins_are_found_and_a_chipsets_are_not(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/gpiochip0").touch()
    pins = next(sighting for sighting in look(tmp_path) if sighting.kind == "gpio")
    assert pins.urls == ()
    tree = tmp_path / "proc/device-tree"
    tree.mkdir(parents=True)
    (tree / "model").write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\x00")
    pins = next(sighting for sighting in look(tmp_path) if sighting.kind == "gpio")
    assert pins.urls == ("rpi:",)
