"""The commands `callgauge alerts`, and below it ack, resolve, silence, silences, unsilence."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import typer

from callgauge.errors import CallgaugeError
from callgauge.ids import uuid7
from callgauge.printable import json_printable, printable
from callgauge_deploy.command import client_settings, load, store_settings

__all__ = ["alerts_app", "user_name"]

alerts_app = typer.Typer(invoke_without_command=True)

_Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
_Ids = Annotated[
    list[str],
    typer.Argument(help="Ids of alerts as `callgauge alerts` shows them, or their beginnings.", metavar="ID..."),
]
_Why = Annotated[str, typer.Option(help="What others should know.", metavar="TEXT")]
_By = Annotated[str, typer.Option(help="Who does it; your user name, if left out.", metavar="NAME")]


@alerts_app.callback()
def list_alerts(
    context: typer.Context,
    active: Annotated[bool, typer.Option("--active", help="Those that are not over (the default).")] = False,
    history: Annotated[bool, typer.Option("--history", help="All that fired, also those that are over.")] = False,
    hours: Annotated[float, typer.Option(min=0.0, help="Of the history: of so many hours up to now.")] = 24.0,
    as_json: _Json = False,
) -> None:
    """Show alerts, and acknowledge, resolve or silence them.

    They are shown the newest first, as people see them: firing, acknowledged, silenced, pending; or over. Active ones
    are read from the bus, the history from ClickHouse (or from the bus, which keeps 30 days, if ClickHouse cannot be
    asked). `callgauge alerts ack`, `resolve` and `silence` take the ids.
    """
    if context.invoked_subcommand is not None:
        return
    if active and history:
        raise typer.BadParameter("--active and --history exclude each other")
    from callgauge_deploy.alert_rows import ACTIVE, HISTORY, active_rows, history_rows, json_alert

    now = time.time()
    found = _history(now - hours * 3600, now) if history else _read().active(now)
    if as_json:
        _print_json([json_alert(alert, seen) for alert, seen in found])
    elif history:
        _print(HISTORY, history_rows(found), f"no alert fired in the last {hours:g} hours")
    else:
        _print(ACTIVE, active_rows(found, now), "no alert is active; --history shows those of before")


@alerts_app.command()
def ack(ids: _Ids, why: _Why = "", by: _By = "") -> None:
    """Acknowledge alerts: they are not told again while their episode lasts, and others see who takes care."""
    _act("acknowledge", ids, why, by)


@alerts_app.command()
def resolve(ids: _Ids, why: _Why = "", by: _By = "") -> None:
    """Resolve alerts by hand: everybody is told that they are over, and the episode stays hidden until it ends.

    If the same thing happens again after that, it is a new alert.
    """
    _act("resolve", ids, why, by)


@alerts_app.command()
def silence(
    conditions: Annotated[
        list[str] | None,
        typer.Argument(
            help="All must hold, such as service=chat model=~gpt-.* severity>=error", metavar="CONDITION..."
        ),
    ] = None,
    duration: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 7d; at most 28d.")] = "1h",
    alert: Annotated[str, typer.Option(help="Just this alert, instead of conditions.", metavar="ID")] = "",
    why: _Why = "",
    by: _By = "",
) -> None:
    """Silence all alerts that fulfil the conditions: nobody is told of them until the silence ends.

    What then still fires is told. The end of what was told before is told also during the silence.
    """
    from callgauge.durations import duration_ms

    asked = load("callgauge_actions.asked", "cli")
    if bool(alert) == bool(conditions):
        raise typer.BadParameter("write either conditions or --alert ID")
    try:
        for_s = duration_ms(duration) / 1000
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from None
    now, book = time.time(), _read()
    wanted = asked.conditions_of(book, alert, now) if alert else conditions or []
    action = asked.ask_silence(wanted, for_s, _asker(by, why), now, uuid7(now))
    with _publisher() as publisher:
        publisher.publish(action)
    hidden = len(asked.hidden_now(book, action, now))
    from callgauge_deploy.alert_rows import utc

    hides = f"hides {hidden} active alert{'' if hidden == 1 else 's'}" if hidden else "hides no active alert now"
    typer.echo(f"{action.silence_id}: silent until {utc(action.ends_at)}; {hides}")


@alerts_app.command()
def silences(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False, as_json: _Json = False
) -> None:
    """List the silences, those that end last first."""
    from callgauge_deploy.alert_rows import SILENCES, json_silence, silence_rows

    now, book = time.time(), _read()
    found = [each for each in book.actions.silences() if everything or each.ends_at > now]
    if as_json:
        _print_json([json_silence(book, each, now) for each in found])
    else:
        _print(SILENCES, silence_rows(found, now), "nothing is silenced")


@alerts_app.command()
def unsilence(
    ids: Annotated[list[str], typer.Argument(help="Ids of silences, or their beginnings.", metavar="ID...")],
    why: _Why = "",
    by: _By = "",
) -> None:
    """End silences before their time: what they hid and still fires is told."""
    asked = load("callgauge_actions.asked", "cli")
    now, book = time.time(), _read()
    wanted = [asked.ask_unsilence(book, name, _asker(by, why), now, uuid7(now)) for name in ids]
    with _publisher() as publisher:
        for action in wanted:
            if isinstance(action, asked.Already):
                typer.echo(printable(action.told))
            else:
                publisher.publish(action)
                typer.echo(f"{action.silence_id}: ended")


def _act(what: Literal["acknowledge", "resolve"], ids: list[str], why: str, by: str) -> None:
    """All or none: an id that names nothing is told before anything is written."""
    asked = load("callgauge_actions.asked", "cli")
    now, book = time.time(), _read()
    wanted = [asked.ask_on_alert(book, what, name, _asker(by, why), now, uuid7(now)) for name in ids]
    with _publisher() as publisher:
        for action in wanted:
            if isinstance(action, asked.Already):
                typer.echo(printable(action.told))
                continue
            publisher.publish(action, book.partitions[action.fingerprint])
            alert = book.get(action.fingerprint)
            typer.echo(printable(f"{alert.alert_id} {alert.rule}: {what}d by {action.who}"))


def _asker(by: str, why: str) -> Any:
    return load("callgauge_actions.asked", "cli").Asker(by or user_name(), "cli", why)


def user_name() -> str:
    """Of whoever runs the command."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this user id, as in some containers
        return "somebody"


def _read() -> Any:
    """The book of alerts, from the bus."""
    log = load("callgauge_actions.alert_log", "cli").AlertLog(client_settings())
    try:
        book = log.read_to_end()
    finally:
        log.close()
    if log.unreadable:
        typer.echo(f"callgauge: {log.unreadable} records cannot be read; `callgauge dead` shows them", err=True)
    return book


def _history(since: float, now: float) -> Any:
    """Alerts that fired and began since then, and what people see of each."""
    history = load("callgauge_deploy.alert_history", "sinks")
    try:
        return history.stored_history(store_settings(), since, now)
    except CallgaugeError as error:
        typer.echo(f"callgauge: reading the bus, as the store cannot be asked: {printable(str(error))}", err=True)
    book = _read()
    recent = [alert for alert in book.all() if alert.starts_at >= since and alert.fired_at is not None]
    return [(alert, book.shown(alert, now)) for alert in recent]


@contextmanager
def _publisher() -> Iterator[Any]:
    yield load("callgauge_actions.publish", "cli").Publisher(client_settings())


def _print(names: tuple[str, ...], rows: list[tuple[Any, ...]], nothing: str) -> None:
    from callgauge_deploy.results import print_rows

    if rows:
        print_rows(names, rows)
    else:
        typer.echo(nothing)


def _print_json(found: list[dict[str, Any]]) -> None:
    import json

    typer.echo(json_printable(json.dumps(found, indent=2, ensure_ascii=False)))
