"""The command `callgauge console`, and those below `callgauge console-key`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from callgauge.errors import SettingError
from callgauge.printable import json_printable
from callgauge.settings import load_settings
from callgauge_deploy.command import load

__all__ = ["console", "console_key_app"]

console_key_app = typer.Typer(no_args_is_help=True, help="Make keys for people and programs that ask the console.")


def console() -> None:
    """Run the console: HTTP API and web page, over ClickHouse and the bus."""
    load("callgauge_console.app", "console").run(load_settings())


@console_key_app.callback()
def _keys() -> None:
    # Without it, typer would take `new` for the command itself.
    pass


@console_key_app.command()
def new(
    name: Annotated[str, typer.Option(help="Whose key it is.", metavar="NAME")],
    scope: Annotated[list[str], typer.Option(help="read, write, admin; may be repeated.", metavar="SCOPE")],
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only what has this label: service=chat; may be repeated.", metavar="LABEL"),
    ] = None,
    until: Annotated[str, typer.Option(help="When it ends: 2027-01-31.", metavar="DAY")] = "",
) -> None:
    """Make a key: it is printed once, and the line that goes below `keys:` in CALLGAUGE_CONSOLE_KEYS_FILE."""
    hashes, files = load("callgauge.keys.key_hash", "console"), load("callgauge.keys.key_file", "console")
    key = hashes.new_key()
    parts: dict[str, object] = {"id": hashes.id_of(key), "name": name, "scopes": scope, "sha256": hashes.hash_of(key)}
    labels: dict[str, list[str]] = {}
    for text in only or []:
        label, equals, value = text.partition("=")
        if not equals:
            raise SettingError(f"--only {text!r}: write a label and its value, such as service=chat")
        labels.setdefault(label, []).append(value)
    if labels:
        parts["labels"] = labels
    load("callgauge_console.web.access", "console").KEYS.grant_of(parts, "console-key new")
    if until:
        files.end_of(until, "--until")
        parts["until"] = until
    typer.echo(f"key, shown only now:  {key}", err=True)
    typer.echo("line for the keys file:", err=True)
    typer.echo(f"  - {json_printable(json.dumps(parts, ensure_ascii=False))}")
