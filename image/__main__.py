"""`python -m image`: build the OS image."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from image.build import Build
from image.recipe import REPOSITORY, Arch, Archive, RecipeError, recipe_of
from image.room import require_room
from image.running import found, require
from image.signing import development_key
from image.summary import summary

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The OS image of a kiosk. Start with: python -m image build --arch amd64",
)
console = Console()
_OUT = REPOSITORY / "build" / "image"


@app.callback()
def end_with_what_runs() -> None:
    """Whoever ends this by SIGTERM ends the program that it waits for, too: `subprocess.run` does, when it is left."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))


@app.command()
def build(
    *,
    arch: Annotated[Arch, typer.Option(help="arm64 for a Raspberry Pi 4 or 5, amd64 for the bench's machine.")],
    base: Annotated[Archive, typer.Option(help="raspios adds Raspberry Pi's own archive.")] = Archive.DEBIAN,
    out: Annotated[Path, typer.Option(help="Where the image goes, and what is kept for the next build.")] = _OUT,
    screen: Annotated[
        bool | None, typer.Option("--screen/--no-screen", help="A browser for the screen. (default: arm64 only)")
    ] = None,
    signing_cert: Annotated[
        Path | None, typer.Option(help="The certificate that updates must be signed by, instead of a trial one.")
    ] = None,
    disk_only: Annotated[
        bool, typer.Option("--disk-only", help="Only the disk, for the bench: nothing compressed, no SBOM.")
    ] = False,
    base_tree: Annotated[Path | None, typer.Option(hidden=True)] = None,
) -> None:
    """Make the disk of a kiosk: Debian 13, the software, A/B slots, a data partition."""
    try:
        require_room(out, arch)
        making = Build(
            recipe_of(arch, base),
            out,
            console,
            screen=arch is Arch.ARM64 if screen is None else screen,
            certificate=signing_cert,
        )
        tree = base_tree or making.base()
        if os.geteuid() != 0:
            _again_as_owner(tree)
        image = making.run(tree)
        files = [] if disk_only else making.outputs()
        summary(making, [image, *files], console)
    except RecipeError as error:
        console.print(f"[bold red]image:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


@app.command()
def bundle(
    *,
    arch: Annotated[Arch, typer.Option(help="Of which build.")],
    base: Annotated[Archive, typer.Option(help="As for the build.")] = Archive.DEBIAN,
    out: Annotated[Path, typer.Option(help="As for the build.")] = _OUT,
    signing_key: Annotated[Path | None, typer.Option(help="The key to sign with, instead of the trial one.")] = None,
    signing_cert: Annotated[Path | None, typer.Option(help="Its certificate, which the image has to hold.")] = None,
) -> None:
    """Make the signed update of what was built last: for kiosk update install."""
    if (signing_key is None) != (signing_cert is None):
        console.print("[bold red]image:[/] --signing-key and --signing-cert go together", highlight=False)
        raise typer.Exit(2)
    try:
        making = Build(recipe_of(arch, base), out, console, screen=False)
        key, certificate = (
            (signing_key, signing_cert) if signing_key and signing_cert else development_key(out.resolve(), making.log)
        )
        console.print(str(making.bundle(key, certificate)), highlight=False, soft_wrap=True)
    except RecipeError as error:
        console.print(f"[bold red]image:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None


def _again_as_owner(tree: Path) -> None:
    """Go on as root of a user namespace, whose files in the tree belong to whom they should."""
    require("newuidmap")
    unshare = found("unshare") or "unshare"
    words = ["--user", "--map-root-user", "--map-auto", "--", sys.executable, "-m", "image", *sys.argv[1:]]
    os.execv(unshare, [unshare, *words, "--base-tree", str(tree)])  # noqa: S606 - the same program once more


if __name__ == "__main__":
    app()
