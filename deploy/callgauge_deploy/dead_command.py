"""The commands `callgauge dead`, `dead show` and `dead resend`."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from callgauge.printable import printable
from callgauge_deploy.command import client_settings, load, store_settings
from callgauge_deploy.formats import Format

__all__ = ["dead_app", "on_terminal"]

dead_app = typer.Typer(
    help="Look at messages that could not be read, and send them again.", invoke_without_command=True
)

Reason = Annotated[str, typer.Option(help="Only those whose reason or field holds this.", metavar="TEXT")]
Topic = Annotated[str, typer.Option(help="Only those of this topic; calls is enough for llm.calls.")]
Since = Annotated[
    str, typer.Option(help="Only records appended then or later: ISO 8601 (UTC unless it says otherwise).")
]
Until = Annotated[str, typer.Option(help="Only records appended before then.")]


@dead_app.callback()
def list_groups(
    context: typer.Context,
    how: Annotated[
        Format | None,
        typer.Option("--format", help="By default a table on a terminal, and tab-separated lines (tsv) in a pipe."),
    ] = None,
) -> None:
    """Show how many messages could not be read: by topic, reason and field; from ClickHouse, else from their topic.

    Numbers in a reason are shown as #. `first` and `last` are when the first and the last of them came, `example`
    is where the last lies, for `callgauge dead show`. `callgauge dead resend` sends them again.
    """
    if context.invoked_subcommand is not None:
        return
    from callgauge_deploy.results import print_rows

    with _letters() as (letters, _, why):
        _tell_source(why)
        rows = [(*group[:4], _iso(group.first), _iso(group.last), group.example) for group in letters.groups()]
    print_rows(("topic", "reason", "field", "count", "first", "last", "example"), rows, how)


@dead_app.command()
def show(
    letter: Annotated[str, typer.Argument(help="Where it lies.", metavar="TOPIC/PARTITION/OFFSET")],
    raw: Annotated[bool, typer.Option("--raw", help="Write the bytes that were kept, and nothing else.")] = False,
) -> None:
    """Show all that is known of one dead letter, its text with control characters escaped."""
    selection = load("callgauge_sinks.dead.selection", "sinks")
    wanted = selection.LetterId.parse(letter)
    with _letters() as (letters, _, why):
        _tell_source("" if raw else why)
        found = list(letters.letters(selection.Selection(ids=frozenset({wanted}))))
    if not found:
        what = "`callgauge dead` gives examples of those there are"
        typer.echo(f"callgauge: error: there is no dead letter {printable(letter)}; {what}", err=True)
        raise typer.Exit(1)
    if raw:
        # Of several (the topic was made anew) the last.
        sys.stdout.buffer.write(load("callgauge_sinks.dead.resend", "sinks").kept_bytes(found[-1]))
        return
    for one in found:
        _print_letter(one)


@dead_app.command()
def resend(
    reason: Reason = "",
    topic: Topic = "",
    since: Since = "",
    until: Until = "",
    ids: Annotated[
        list[str] | None, typer.Option("--id", help="Only this one; may be repeated.", metavar="TOPIC/PARTITION/OFFSET")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Send nothing; tell what would be sent.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Send dead letters again, when what made them unreadable is mended: all, or those that fulfil every option given.

    Each goes to the partition it came from, with its bytes and its key, so it is counted as the event that it is. Left
    out, with the reason, is what still cannot be read, what is stored already, what was counted already, and what was
    longer than the 64 KiB that are kept, unless its topic still holds it. If the store cannot be asked, nobody knows
    what was sent again before: it counts twice if that is longer ago than CALLGAUGE_DEDUP_S.
    """
    chosen = load("callgauge_sinks.dead.selection", "sinks")
    selection = chosen.Selection(
        reason=reason,
        topic=topic,
        since=chosen.epoch_s(since) if since else 0.0,
        until=chosen.epoch_s(until) if until else math.inf,
        ids=frozenset(map(chosen.LetterId.parse, ids or ())),
    )
    dead = load("callgauge_deploy.dead", "streams,sinks")
    settings = client_settings()
    with _letters() as (letters, known, why):
        _tell_source(why)
        if not (yes or dry_run) and on_terminal():
            count = len(letters.heads(selection))
            typer.confirm(f"Send up to {count:,} messages to {settings.bootstrap_servers} again?", abort=True)
        outcome = dead.resend(settings, letters.letters(selection), known, dry_run=dry_run)
    _tell_outcome(outcome, dry_run)
    if outcome.failed:
        raise typer.Exit(1)


def on_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _letters() -> Any:
    return load("callgauge_deploy.dead", "streams,sinks").letters_of(client_settings(), store_settings())


def _tell_source(why: str) -> None:
    if why:
        typer.echo(
            f"callgauge: reading the dead-letter topic, as the store cannot be asked: {printable(why)}", err=True
        )


def _print_letter(letter: Any) -> None:
    value = load("callgauge_sinks.dead.resend", "sinks").kept_bytes(letter)
    whole = len(value) == letter.size
    shown = {
        "record": f"{letter.topic}/{letter.partition}/{letter.offset}",
        "appended": _iso(letter.ts),
        "reason": letter.reason,
        "field": letter.field,
        "bytes": f"{letter.size:,}" if whole else f"{letter.size:,}, of which the first {len(value):,} were kept",
        "value": value.decode(errors="backslashreplace"),
    }
    for name, text in shown.items():
        typer.echo(f"{name:<9} {printable(text)}".rstrip())


def _tell_outcome(outcome: Any, dry_run: bool) -> None:
    """How many were sent, skipped and refused, and why, each reason with an example."""
    counts = ", ".join(f"{count:,} to {topic}" for topic, count in sorted(outcome.sent.items())) or "0"
    typer.echo(f"{'would be sent' if dry_run else 'sent'}: {printable(counts)}")
    for what, reasons in (("skipped", outcome.skipped), ("not sent", outcome.failed)):
        for why, letters in sorted(reasons.items(), key=lambda item: -len(item[1])):
            example = letters[0] if len(letters) == 1 else f"such as {letters[0]}"
            typer.echo(f"{what}: {len(letters):,} ({printable(example)}): {printable(why)}")


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
