"""`callgauge mark`: tells that something changed, lists what was told, compares before and after."""

from __future__ import annotations

import getpass
import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from callgauge.durations import duration_ms, written
from callgauge.errors import BrokerError, SettingError
from callgauge.printable import json_printable, printable
from callgauge_deploy.command import client_settings, load, store_settings
from callgauge_deploy.time_asked import time_ms

if TYPE_CHECKING:
    from callgauge_history.marks.report import MarkReport
    from callgauge_history.marks.stored import StoredMark

__all__ = ["mark_app"]


class _AddByDefault(TyperGroup):
    """`callgauge mark TEXT` is `callgauge mark add TEXT`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `add` before what names no command."""
        if args and args[0] not in (*self.commands, "--help"):
            args = ["add", *args]
        return super().parse_args(ctx, args)


mark_app = typer.Typer(
    help="Mark changes: deploys, prompts, models; and see what changed with them.",
    no_args_is_help=True,
    cls=_AddByDefault,
)

_Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
_TIMEOUT_S = 10.0


@mark_app.command()
def add(
    text: Annotated[str, typer.Argument(help='What changed, in a line: "gpt-4o -> gpt-4.1".', metavar="TEXT")],
    service: Annotated[str, typer.Option(help="Whose calls it concerns; left out: everybody's.")] = "",
    label: Annotated[
        list[str] | None,
        typer.Option("--label", help="Narrows that down: environment=production", metavar="NAME=VALUE"),
    ] = None,
    at: Annotated[str, typer.Option(help="Since when: a time, or how long ago (10m).", metavar="TIME")] = "now",
    url: Annotated[str, typer.Option(help="Where to read more.")] = "",
    author: Annotated[str, typer.Option(help="Who did it; your user name, if left out.")] = "",
) -> None:
    """Mark a change. `callgauge mark "gpt-4o -> gpt-4.1" --service chat` is short for this."""
    from callgauge.judgements import mark_message
    from callgauge_deploy.budget_command import labels_of

    labels = labels_of(label or []) | ({"service": service} if service else {})
    now = time.time()
    since = time_ms(at, round(now * 1000), "--at") / 1000
    mark_id, message = mark_message(text, since, labels, {"author": author or _user(), "url": url}, now)
    _send(message.key, message.value)
    typer.echo(f"{mark_id}: marked; callgauge mark report {mark_id}")


@mark_app.command("list")
def list_marks(
    begin: Annotated[str, typer.Option("--from", help="A time, or how long ago (30d).", metavar="TIME")] = "30d",
    service: Annotated[str, typer.Option(help="Those that concern this service.")] = "",
    as_json: _Json = False,
) -> None:
    """List the marks that are stored, the newest first."""
    module = load("callgauge_history.marks.stored", "sinks")
    now_ms = round(time.time() * 1000)
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        far_ms = now_ms + 366 * 86_400_000
        found = module.stored_marks(ask, time_ms(begin, now_ms, "--from"), far_ms, service or None)
    if as_json:
        typer.echo(json_printable(json.dumps([_mark(each) for each in found], indent=2, ensure_ascii=False)))
        return
    from callgauge_deploy.alert_rows import utc
    from callgauge_deploy.results import print_rows

    rows = [(each.mark_id, utc(each.at_ms / 1000), each.text, _whose(each), each.author, each.url) for each in found]
    if rows:
        print_rows(("id", "since", "what", "whose calls", "author", "url"), rows)
    else:
        typer.echo("nothing was marked")


@mark_app.command()
def report(
    name: Annotated[str, typer.Argument(help="The id of a mark, or its beginning.", metavar="ID")],
    span: Annotated[str, typer.Option(help="How long before and after: 1h, 1d, 7d.")] = "1d",
    as_json: _Json = False,
) -> None:
    """Compare the calls before and after a mark: errors, cost, latency, tokens, scores.

    If less time has passed, the time before is as short. Take 1d or 7d to compare the same hours of the day.
    """
    module = load("callgauge_history.marks.report", "analysis")
    try:
        span_ms = duration_ms(span)
    except ValueError as error:
        raise SettingError(f"--span: {error}") from None
    if not 60_000 <= span_ms <= 90 * 86_400_000:
        raise SettingError("--span: write a time from 1m to 90d")
    stored = load("callgauge_history.marks.stored", "sinks")
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        mark = stored.find_mark(ask, name)
        found = module.mark_report(ask, mark, span_ms, round(time.time() * 1000))
    if as_json:
        typer.echo(json_printable(json.dumps(_object(found), indent=2, ensure_ascii=False)))
    else:
        _print(found)


def _print(found: MarkReport) -> None:
    from callgauge_deploy.alert_rows import utc
    from callgauge_deploy.comparison_rows import NAMES, beside_row, errors_row, score_row
    from callgauge_deploy.results import print_rows

    span = written((found.after.to_ms - found.after.from_ms) // 1000 * 1000)
    typer.echo(printable(f"{found.mark.text}, since {utc(found.mark.at_ms / 1000)}, {_whose(found.mark)}"))
    typer.echo(f"{found.calls_a:,} calls in the {span} before, {found.calls_b:,} in the {span} after")
    rows = [errors_row(found.errors)] if found.errors else []
    rows += [beside_row(each) for each in found.beside]
    rows += [score_row(each.name, each.mean_a, each.mean_b, each.comparison) for each in found.scores]
    if rows:
        print_rows(("", *(name.format(a="before", b="after") for name in NAMES)), rows)


def _object(found: MarkReport) -> dict[str, Any]:
    from callgauge_deploy.comparison_rows import json_of

    return {
        "mark": _mark(found.mark),
        "span_s": (found.after.to_ms - found.after.from_ms) / 1000,
        "calls_before": found.calls_a,
        "calls_after": found.calls_b,
        "scores": [asdict(each) for each in found.scores],
        **json_of(found.errors, found.beside),
    }


def _mark(mark: StoredMark) -> dict[str, Any]:
    return {**asdict(mark), "effective_from": mark.at_ms / 1000}


def _whose(mark: StoredMark) -> str:
    return ", ".join(f"{label}={value}" for label, value in mark.where.items()) or "all calls"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _send(key: bytes, value: bytes) -> None:
    from confluent_kafka import KafkaError, KafkaException, Message, Producer

    from callgauge.log_once import LibrdkafkaLog
    from callgauge.transport import producer_config

    settings = client_settings()
    failed: list[str] = []

    def on_delivery(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error.str())

    own = {"message.timeout.ms": int(_TIMEOUT_S * 1e3), "linger.ms": 0}
    producer = Producer(producer_config(settings) | own, logger=LibrdkafkaLog(again_after_s=60.0))
    try:
        producer.produce(settings.topics.rules.name, value, key, on_delivery=on_delivery)
    except (KafkaException, BufferError) as error:
        raise BrokerError(f"{settings.topics.rules.name}: {error}") from error
    if producer.flush(_TIMEOUT_S + 1) or failed:
        why = failed[0] if failed else f"no answer within {_TIMEOUT_S:g} s"
        raise BrokerError(f"{settings.topics.rules.name} at {settings.bootstrap_servers} did not take the mark: {why}")
