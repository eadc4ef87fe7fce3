"""The commands that send the past again: `callgauge reaggregate` and `replay`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from callgauge_deploy.command import client_settings, load

__all__ = ["reaggregate", "replay"]


def reaggregate(
    since: Annotated[
        str, typer.Option("--from", help="ISO 8601 (UTC unless it says otherwise) or epoch seconds.", metavar="TIME")
    ],
    topic: Annotated[Literal["calls", "scores"], typer.Option(help="What to aggregate again.")] = "calls",
) -> None:
    """Aggregate the past again, from the records that were appended at TIME on; stop the rollup workers first.

    The rollup group is set back to the beginning of the block (a multiple of CALLGAUGE_BLOCK_OFFSETS) of that time's
    record in each partition; the next worker reads everything from there again. In ClickHouse, rows made with the same
    settings come out equal and replace themselves. After a change of settings the old rows from there on are void and
    give way to the new ones: until the worker has caught up, those windows are incomplete. Alerts of windows that were
    judged already stay as they are.

    CALLGAUGE_BLOCK_OFFSETS may then only be what it was or a multiple of that: else the beginning falls into the
    middle of an old block, whose rows are not void, and its records are counted twice.
    """
    module = load("callgauge_streams.rollup.reaggregate", "streams")
    settings = client_settings()
    name = getattr(settings.topics, topic).name
    moves = module.set_back(settings, name, module.epoch_ms(since))
    typer.echo(f"{name}, group {settings.group('rollup')}")
    typer.echo(f"{'partition':>9} {'was at':>14} {'now at':>14}")
    for move in moves:
        at = [f"{offset:,}" if offset >= 0 else "-" for offset in (move.committed, move.start)]
        typer.echo(f"{move.partition:>9} {at[0]:>14} {at[1]:>14}  {move.remark}".rstrip())


def replay(
    file: Annotated[Path, typer.Argument(help="A recorded trace (CSV or .jsonl, plain or gzipped).", metavar="FILE")],
    speed: Annotated[float, typer.Option(min=0.0, help="Times as fast as recorded; 0: as fast as it goes.")] = 1.0,
) -> None:
    """Send a recorded trace to the bus as if it happened now."""
    from callgauge_deploy.screen import replay_summary, replay_with_progress

    result = replay_with_progress(file, client_settings(), speed)
    typer.echo(replay_summary(result))
    if result.failed:
        raise typer.Exit(1)
