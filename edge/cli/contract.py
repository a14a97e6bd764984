"""`kiosk contract`: what may be said on the bus, as documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from edge.cli.speaking import console, fail
from edge.contract.accounts import accounts
from edge.contract.asyncapi import asyncapi
from edge.contract.documents import RELEASED, STREAMS_FOLDER, as_json, documents, stale, streams
from edge.contract.permissions import SIGNED_IN, USERS, permissions_of
from edge.contract.versions import Break, breaks, released

app = typer.Typer(no_args_is_help=True, help="Show the contract of the bus, and write it into docs/contract.")

_FOLDER = Path("docs/contract")
_AGAIN = "run: kiosk contract write"

Folder = Annotated[Path, typer.Option("--folder", help="Where the documents are.", file_okay=False)]


@app.command("asyncapi")
def asyncapi_document() -> None:
    """Print the AsyncAPI 3.0 document (JSON)."""
    print(as_json(asyncapi()), end="")


@app.command("streams")
def stream_configurations(
    name: Annotated[str | None, typer.Argument(help="Only this one, as `nats ... add --config` takes it.")] = None,
) -> None:
    """Print the streams and consumers by name (JSON)."""
    drawn = streams()
    if name is None:
        print(as_json(drawn), end="")
    elif name in drawn:
        print(as_json(drawn[name]), end="")
    else:
        fail(f"no stream or consumer is called {name!r}; there are: {', '.join(drawn)}", 2)


@app.command()
def permissions(
    nats: Annotated[bool, typer.Option("--nats", help="As nats-server's configuration, keys left out.")] = False,
) -> None:
    """Show what each user of the bus may publish and subscribe to."""
    if nats:
        print("# PUBLIC_KEY_OF_...: each user's public nkey. `kiosk bus keys` makes the keys.")
        print(accounts({user: f"PUBLIC_KEY_OF_{user.upper()}" for user in SIGNED_IN}), end="")
        return
    table = Table("user", header_style="dim", show_lines=True)
    for title in ("may publish to", "may subscribe to"):
        table.add_column(title, overflow="fold")
    for user in USERS:
        allowed = permissions_of(user)
        publish = [*allowed.publish]
        if allowed.answers_within_s is not None:
            publish.append(f"[dim]and one answer to whoever asked, within {allowed.answers_within_s:g} s[/]")
        table.add_row(user, "\n".join(publish), "\n".join(allowed.subscribe))
    console.print(table, highlight=False)


@app.command()
def write(
    folder: Folder = _FOLDER,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if a document is stale.")] = False,
) -> None:
    """Write the documents, unless a message changed in a way that its version doesn't allow."""
    if not folder.is_dir():
        fail(f"{folder} is not a folder: run this in the repository, or give --folder", 2)
    drawn, found = documents(), _read(folder)
    broken = _broken(folder, found.get(RELEASED))
    for fault in broken:
        console.print(f"[red]breaks[/]  {escape(str(fault))}", highlight=False, soft_wrap=True)
    if broken:
        fail(f"the contract's version doesn't allow this; see {folder / 'versions.md'}")
    wrong = stale(drawn, found)
    if check:
        for each in wrong:
            console.print(f"[red]stale[/]  {escape(f'{folder}/{each}')}", highlight=False, soft_wrap=True)
        if wrong:
            fail(_AGAIN)
        return
    for path in found:
        if path not in drawn:
            (folder / path).unlink()
    for path, text in drawn.items():
        if found.get(path) != text:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
    console.print(f"{len(wrong)} of {len(drawn)} documents written to {folder}", highlight=False)


def _read(folder: Path) -> dict[str, str]:
    """What is there of the drawn documents, and of streams that were drawn once."""
    paths = [folder / path for path in documents()] + sorted(folder.glob(f"{STREAMS_FOLDER}/*.json"))
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in dict.fromkeys(paths)
        if path.is_file()
    }


def _broken(folder: Path, promised: str | None) -> list[Break]:
    if promised is None:
        return []
    try:
        return breaks(json.loads(promised), released())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fail(f"{folder / RELEASED} is not as kiosk contract write made it: {error!r}; take it from git again")
