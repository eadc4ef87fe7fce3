"""`callgauge migrate`: brings the store to this version's schema."""

from __future__ import annotations

from typing import Annotated

import typer

from callgauge_deploy.command import load, store_settings

__all__ = ["migrate"]


def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    show_sql: Annotated[
        bool, typer.Option("--sql", help="Print the statements of all migrations, and run none.")
    ] = False,
) -> None:
    """Bring ClickHouse to the schema of this version. The sinks do it too when they start.

    Running it again does nothing. A store whose schema is newer is left as it is, and told.
    """
    module = load("callgauge_history.migrate", "sinks")
    settings = store_settings()
    cluster = settings.store_cluster
    if show_sql:
        for migration in module.all_migrations():
            for statement in module.statements_of(migration, cluster):
                typer.echo(f"{statement.sql};\n")
        return
    store = load("callgauge_history.store", "sinks").open_store(settings.store_dsn)
    try:
        found = module.pending(store) if dry_run else module.migrate(store, cluster)
    finally:
        store.close()
    for each in found:
        typer.echo(f"{'would apply' if dry_run else 'applied'} {each.number:04} {each.name}")
    if not found:
        typer.echo("the schema is up to date")
