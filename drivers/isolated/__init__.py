"""Devices in processes of their own: whatever a library does, neither its agent nor its neighbours stand still.

A thread that hangs in C can't be ended, a process can. Each function opens a device as its driver's storefront does,
with the same URL and the same Protocol: one that may hang in a child process, which is ended and started again when it
hangs or crashes; another, and every one with `isolated=False`, in this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drivers.address import DeviceAddress

if TYPE_CHECKING:
    from drivers.camera import Camera
    from drivers.gpio import Pins
    from drivers.leds import Leds
    from drivers.microphone import Microphone
    from drivers.nfc import NfcReader
    from drivers.printer import Printer

# What needs no process: pretend hardware and files, and sockets, whose every call has a timeout that the kernel keeps.
IN_PROCESS: Final = frozenset({"simulated", "file", "escpos+tcp"})


def may_hang(url: str) -> bool:
    """Whether the device at `url` gets a process of its own.

    Raises:
        DeviceSetup: it is no device URL.
    """
    return DeviceAddress.parse(url.replace("escpos+usb://", "escpos+usb:", 1)).scheme not in IN_PROCESS


def open_leds(url: str, *, isolated: bool = True) -> Leds:
    """Open the strip at `url`; one that isn't there yet is waited for. Blocks until it is open.

    Raises:
        DeviceSetup: the address or its library can't be used.
    """
    from drivers.leds import open_leds as storefront
    from drivers.leds.player import led_count

    if not (isolated and may_hang(url)):
        return storefront(url)
    from drivers.isolated.devices import IsolatedLeds

    return IsolatedLeds("drivers.leds:open_leds", url, count=led_count(DeviceAddress.parse(url)))


def open_nfc_reader(url: str, *, isolated: bool = True) -> NfcReader:
    """Open the reader at `url`. Blocks until it is open.

    Raises:
        DeviceSetup: the address or its library can't be used.
    """
    from drivers.nfc import open_nfc_reader as storefront

    if not (isolated and may_hang(url)):
        return storefront(url)
    from drivers.isolated.devices import IsolatedNfcReader

    return IsolatedNfcReader("drivers.nfc:open_nfc_reader", url)


def open_printer(url: str, *, isolated: bool = True) -> Printer:
    """Open the printer at `url`. Blocks until it is open.

    Raises:
        DeviceSetup: the address or its library can't be used.
    """
    from drivers.printer import open_printer as storefront

    if not (isolated and may_hang(url)):
        return storefront(url)
    from drivers.isolated.devices import IsolatedPrinter

    # With a journal on the disk a printer's process may go at any time: it takes no knowledge with it.
    spent = ("timeout",) if "journal=" in url else ()
    return IsolatedPrinter("drivers.printer:open_printer", url, spent=spent)


def open_pins(url: str, *, isolated: bool = True) -> Pins:
    """Open the pins at `url`; a machine without any is looked at again. Blocks until they are open.

    Raises:
        DeviceSetup: the address or its library can't be used.
    """
    from drivers.gpio import open_pins as storefront

    if not (isolated and may_hang(url)):
        return storefront(url)
    from drivers.isolated.devices import IsolatedPins

    return IsolatedPins("drivers.gpio:open_pins", url)


def open_camera(url: str, *, isolated: bool = True) -> Camera:
    """Open the camera at `url`; one that isn't there yet is waited for. Blocks until it is open.

    Raises:
        DeviceSetup: the address or its library can't be used.
    """
    from drivers.camera import open_camera as storefront

    if not (isolated and may_hang(url)):
        return storefront(url)
    from drivers.isolated.devices import IsolatedCamera

    return IsolatedCamera("drivers.camera:open_camera", url)


def open_microphone(url: str, *, isolated: bool = True) -> Microphone:
    """Open the microphone at `url`; one that isn't there yet is waited for. Blocks until it is open.

    Raises:
        DeviceSetup: the address or its library can't be used.
    """
    from drivers.microphone import open_microphone as storefront

    if not (isolated and may_hang(url)):
        return storefront(url)
    from drivers.isolated.devices import IsolatedMicrophone

    return IsolatedMicrophone("drivers.microphone:open_microphone", url)
