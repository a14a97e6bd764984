"""`kiosk flash`: an image onto a card, checked before, read back after, with the kiosk's configuration in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from edge.cli.speaking import console, fail
from edge.flash import writing
from edge.flash.bmap import BlockMap, whole
from edge.flash.disks import Disk, find_disk, list_disks, only_on_linux, refuse
from edge.flash.errors import FlashError
from edge.flash.images import Image
from edge.flash.placing import Placed, blocks, checked

_File = Path | None


def flash(
    image: Annotated[Path, typer.Argument(help="kiosk-….img, .img.zst, .img.xz or .img.gz")],
    device: Annotated[
        _File, typer.Argument(help="The card's whole disk, such as /dev/sdb. Without it: a list.", show_default=False)
    ] = None,
    *,
    config: Annotated[_File, typer.Option(help="The kiosk.toml to put on the card.", show_default=False)] = None,
    wifi: Annotated[_File, typer.Option(help="A NetworkManager connection for it.", show_default=False)] = None,
    authorized_keys: Annotated[_File, typer.Option(help="Who may come in by ssh.", show_default=False)] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before writing.")] = False,
    i_mean: Annotated[
        str | None,
        typer.Option(help="The disk's model or serial: needed for one that is built in.", show_default=False),
    ] = None,
    to_file: Annotated[bool, typer.Option("--to-file", help="DEVICE is a plain file, for QEMU.")] = False,
) -> None:
    """Write an image to a card: only the blocks that hold anything, each read back afterwards.

    What is given with --config, --wifi and --authorized-keys is checked first and put on the card's drive KIOSK.

    Examples: kiosk flash kiosk.img.zst · sudo kiosk flash kiosk.img.zst /dev/sdb --config kiosk.toml
    """
    try:
        only_on_linux()
        _flash(image, device, checked(config, wifi, authorized_keys), yes=yes, meant=i_mean, to_file=to_file)
    except FlashError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except KeyboardInterrupt:
        fail("stopped. What is on the card is not whole: flash it again before you use it", 130)


def _flash(
    path: Path, device: Path | None, files: list[Placed], *, yes: bool, meant: str | None, to_file: bool
) -> None:
    image = Image(path)
    plan = image.block_map()
    size = plan.image_bytes if plan else image.unpacked_bytes()
    if device is None:
        _show_disks(size)
        return
    disk = None
    if not to_file:
        disk = find_disk(device)
        refuse(disk, size, meant)
        _confirm(disk, path, yes=yes)
    summed = image.promised_sum() is not None
    if summed:
        with _bar("checking", image.file_bytes) as report:
            image.check_sum(report)
    patches = []
    if files:
        with image.opened() as stream:
            patches = blocks(stream, files)
    if plan is None and size is not None:
        plan = whole(size)
    with writing.opened(device, file_bytes=(size or 0) if to_file else None) as target:
        written = _written(image, target, plan, disk)
        with _bar("reading back", written.mapped_bytes) as report:
            writing.verify(target, written, report)
        writing.patch(target, patches)
    said = [
        "read back and good",
        *(["SHA256SUMS fits"] if summed else []),
        *(f"{file.name} is on it" for file in files),
    ]
    console.print(f"[green]{escape(str(device))} is ready[/]: {', '.join(said)}", highlight=False)
    if disk:
        console.print("Pull it out, put it into the kiosk, switch it on. The data partition grows at the first boot.")


def _written(image: Image, target: writing.Target, plan: BlockMap | None, disk: Disk | None) -> BlockMap:
    with image.opened() as stream, _bar("writing", plan.mapped_bytes if plan else None) as report:
        if plan is None:
            return writing.write_unmapped(stream, target, disk.size_bytes if disk else None, report)
        return writing.write(stream, target, plan, report)


def _confirm(disk: Disk, image: Path, *, yes: bool) -> None:
    console.print(f"[bold]{escape(disk.in_words)}[/]", highlight=False)
    if yes:
        return
    if not sys.stdin.isatty():
        raise FlashError("everything on it would be overwritten: say --yes if that is meant")
    if not typer.confirm(f"Overwrite all of it with {image.name}?"):
        raise FlashError("nothing was written")


def _show_disks(size: int | None) -> None:
    table = Table("", "disk", "GB", "name", "", box=None, header_style="dim")
    fit = 0
    for disk in list_disks():
        if disk.size_bytes == 0:
            continue
        try:
            refuse(disk, size, None)
            mark, words = "[green]●[/]", "can be written"
            fit += 1
        except FlashError as error:
            mark, words = "[dim]○[/]", str(error).removeprefix(f"{disk.path} ")
        table.add_row(mark, disk.path, f"{disk.size_bytes / 1e9:.1f}", escape(" ".join(disk.names)), escape(words))
    console.print(table)
    console.print("Name one of them: kiosk flash IMAGE DISK" if fit else "No card is in. Put one in and look again.")


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn(f"{what:12}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=False) as bars:
        task = bars.add_task("", total=total)
        yield lambda done: bars.update(task, completed=done)
