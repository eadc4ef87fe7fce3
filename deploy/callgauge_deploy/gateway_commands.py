"""The commands below `callgauge gateway-key`, and `callgauge gateway`."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from callgauge.printable import json_printable
from callgauge_deploy.command import client_settings, load

__all__ = ["gateway", "gateway_key_app"]

gateway_key_app = typer.Typer(no_args_is_help=True, help="Make keys for emitters that send to the gateway.")


def gateway() -> None:
    """Run the gateway: HTTP, OTLP and LiteLLM in, bus out."""
    load("callgauge_gateway.app", "gateway").run(client_settings())


@gateway_key_app.callback()
def _keys() -> None:
    # Without it, typer would take `new` for the command itself.
    pass


@gateway_key_app.command()
def new(
    service: Annotated[
        list[str], typer.Option(help='Whose calls it may send; may be repeated; "*" for all.', metavar="NAME")
    ],
    until: Annotated[str, typer.Option(help="When it ends: 2027-01-31.", metavar="DAY")] = "",
) -> None:
    """Make a key: it is printed once, and the line that goes below `keys:` in CALLGAUGE_GATEWAY_KEYS_FILE."""
    keys = load("callgauge.keys.key_hash", "gateway")
    key = keys.new_key()
    parts = {"id": keys.id_of(key), "service": service if len(service) > 1 else service[0], "sha256": keys.hash_of(key)}
    if until:
        load("callgauge.keys.key_file", "gateway").end_of(until, "--until")
        parts["until"] = until
    typer.echo(f"key, shown only now:  {key}", err=True)
    typer.echo("line for the keys file:", err=True)
    typer.echo(f"  - {json_printable(json.dumps(parts, ensure_ascii=False))}")
