"""`callgauge rules push` and `callgauge rules list`: which rules are in force, and other ones from now on."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callgauge.durations import duration_ms
from callgauge.errors import SettingError
from callgauge.ids import uuid7
from callgauge.printable import json_printable, printable
from callgauge.settings import Settings
from callgauge_deploy.alerts_command import user_name
from callgauge_deploy.command import client_settings, load
from callgauge_deploy.time_asked import time_ms

if TYPE_CHECKING:
    from callgauge.schema import RuleSet
    from callgauge_rules.rule_sets import Refused, RuleBook

__all__ = ["rules_list", "rules_push"]

#: So far ahead a set comes into force, unless it is asked otherwise; so far ahead it must be at least.
_AHEAD_MS = 30_000
_Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


def rules_push(
    file: Annotated[str, typer.Argument(help="A rule file, or default or seeds.", metavar="FILE")],
    effective_from: Annotated[
        str,
        typer.Option(
            help="From which event time on: a time (2026-01-31T16:30Z), or in how long (+10m). By default in 30 s.",
            metavar="TIME",
        ),
    ] = "",
    why: Annotated[str, typer.Option(help="What others should know.", metavar="TEXT")] = "",
    by: Annotated[str, typer.Option(help="Who does it; your user name, if left out.", metavar="NAME")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check the file and say what would change.")] = False,
    as_json: _Json = False,
) -> None:
    """Let the rules of a file judge instead of those in force, while everything runs.

    The file is checked first: nothing is written if something is wrong with it. Windows that end at --effective-from or
    later are judged by it. Alerts of rules that are not in it any more are resolved then. A later push with the same
    --effective-from replaces this one. CALLGAUGE_RULES_FILE counts only until the first push.
    """
    now_ms = round(time.time() * 1000)
    from_ms = _time_of(effective_from, now_ms)
    settings = client_settings()
    name, text = _read(file)
    book, _ = _book(settings)
    pushed = _rule_set(name, text, from_ms, by or user_name(), why)
    before = book.at(from_ms).rules
    refused = book.take(1 << 62, now_ms, load("callgauge.codec", "streams").encode(pushed))
    if refused is not None:
        raise load("callgauge.errors", "streams").RuleError(refused.reason)
    changes = load("callgauge_rules.rule_changes", "streams").changes_between(before, book.at(from_ms).rules)
    if not dry_run:
        load("callgauge_actions.publish", "cli").RuleSetPublisher(settings).publish(pushed)
    _say(pushed, [str(change) for change in changes], len(book.at(from_ms).placed), dry_run=dry_run, as_json=as_json)


def rules_list(
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False, as_json: _Json = False
) -> None:
    """List the rule sets that are in force and coming: since when or from when, by whom, and what each changes.

    Refused is what somebody else wrote to the topic and cannot be used; the set before it stays in force.
    """
    from callgauge_deploy.results import print_rows
    from callgauge_deploy.rule_set_rows import SETS, json_set, set_rows

    now_ms, settings = round(time.time() * 1000), client_settings()
    book, refused = _book(settings)
    sets = book.all()
    if as_json:
        wrong = [{"offset": each.offset, "version": each.version, "reason": each.reason} for each in refused]
        found = {"sets": [json_set(each, sets, now_ms) for each in sets], "refused": wrong}
        typer.echo(json_printable(json.dumps(found, indent=2, ensure_ascii=False)))
        return
    first = str(settings.rules_file or "default")
    print_rows(SETS, set_rows(sets, refused, now_ms, everything=everything, first=first))


def _time_of(asked: str, now_ms: int) -> int:
    if not asked:
        return now_ms + _AHEAD_MS
    if asked.startswith("+"):
        try:
            found = now_ms + duration_ms(asked[1:])
        except ValueError as error:
            raise SettingError(f"--effective-from {asked}: {error}") from None
    else:
        found = time_ms(asked, now_ms, "--effective-from")
    if found < now_ms + _AHEAD_MS:
        raise SettingError(
            f"--effective-from {asked} is not 30 s ahead: windows that were judged are not judged again, and every "
            "worker must know the rules before; leave it out for as soon as possible"
        )
    return found


def _read(file: str) -> tuple[str, str]:
    name, raw = load("callgauge_rules.rule_file", "streams").raw_rule_file(Path(file))
    try:
        return name, raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        load("callgauge_rules.rules", "streams").rules_in(name, raw)  # says which byte
        raise


def _rule_set(name: str, text: str, from_ms: int, author: str, why: str) -> RuleSet:
    schema = load("callgauge.schema", "cli")
    most = 900_000
    if len(text.encode()) > most:
        raise SettingError(f"{name}: a rule set may have at most {most:,} bytes, since it is one message")
    made: RuleSet = schema.RuleSet(
        version=uuid7(time.time()),
        effective_from=from_ms / 1000,
        text=text,
        file=name[-1024:],
        author=author[:256],
        why=why[:1024],
    )
    return made


def _book(settings: Settings) -> tuple[RuleBook, list[Refused]]:
    """What stands on the topic."""
    sets, rules = load("callgauge_rules.rule_sets", "streams"), load("callgauge_rules.rules", "streams")
    groupings = load("callgauge_windows.grouping", "streams").parse_groupings(settings.groupings)
    book: RuleBook = sets.RuleBook(rules.load_rules(settings.rules_file), groupings)
    topic = load("callgauge_streams.detect.rules_topic", "streams").RulesTopic(settings, book)
    try:
        refused = [each.refused for each in topic.read()]
    finally:
        topic.close()
    return book, refused


def _say(pushed: RuleSet, changes: list[str], rules: int, *, dry_run: bool, as_json: bool) -> None:
    from callgauge_deploy.alert_rows import utc

    if as_json:
        told: dict[str, Any] = {"version": None if dry_run else pushed.version, "written": not dry_run}
        told |= {"effective_from": pushed.effective_from, "rules": rules, "changes": changes}
        typer.echo(json_printable(json.dumps(told, ensure_ascii=False)))
        return
    for change in changes or ["no rule is added, removed or changed"]:
        typer.echo(printable(change))
    since = f"from {utc(pushed.effective_from)} on"
    if dry_run:
        typer.echo(f"{rules} rules would judge {since}; nothing was written (--dry-run)")
    else:
        typer.echo(f"{pushed.version}: {rules} rules judge {since}")
