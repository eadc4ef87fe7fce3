"""Answers of the history on a terminal, as tab-separated lines in a pipe, or as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import typer

from callgauge.printable import printable
from callgauge_deploy.formats import json_of
from callgauge_deploy.results import print_rows

__all__ = ["changes", "lines", "one", "plain", "rows", "time_of", "trace"]

_NOTHING = "no {} are stored of that period and those labels; --since asks for a longer one"


def rows(
    found: Sequence[Any],
    columns: Sequence[str],
    as_json: bool,
    *,
    values: Sequence[str] = (),
    more: dict[str, Any] | None = None,
    what: str = "calls",
) -> None:
    """Print records, a line each.

    Args:
        columns: of the table; JSON has every field.
        values: the labels whose values a record has in its field `values`.
        more: what is told besides, where it is not None.
        what: the records are of, for whoever finds none.
    """
    more = {name: value for name, value in (more or {}).items() if value is not None}
    if as_json:
        items = [plain(each) for each in found]
        typer.echo(json_of(items if not more else {"rows": items, **more}))
        return
    if not found:
        typer.echo(_NOTHING.format(what), err=True)
        return
    cells = [[_cell(each, column, values) for column in columns] for each in found]
    print_rows([column.removesuffix("_ms") if column in _TIMES else column for column in columns], cells)
    for name, value in more.items():
        typer.echo(f"more: --{name} {printable(str(value))}", err=True)


def lines(names: Sequence[str], found: Sequence[Sequence[Any]], what: str) -> None:
    """Print lines of values; `what` they are of, for whoever finds none."""
    if not found:
        typer.echo(_NOTHING.format(what), err=True)
        return
    print_rows(names, [[_rounded(value) for value in line] for line in found])


def one(record: Any, as_json: bool, about: Any) -> None:
    """Print the fields of one record, a line each."""
    if as_json:
        typer.echo(json_of(plain(about)))
        return
    period = about.period
    source = f"grouping set {about.grouping}" if about.grouping else "single calls"
    typer.echo(f"{time_of(period.start_ms)} to {time_of(period.end_ms)}, from {source}", err=True)
    fields = {**plain(record), "error_rate": record.error_rate}
    print_rows(["what", "value"], [[name, _rounded(value)] for name, value in fields.items()])


def changes(found: Any, calls: tuple[int, int], as_json: bool) -> None:
    """Print what differs, what matters in bold."""
    if as_json:
        typer.echo(json_of(plain(found)))
        return
    if not any(calls):
        typer.echo(_NOTHING.format("calls"), err=True)
        return
    typer.echo(
        f"{calls[0]:,} calls before, {calls[1]:,} now; bold: what is large, and more than chance (4 σ)", err=True
    )
    names = ["what", "before", "now", "σ", "ks", "psi", "matters"]
    cells = [
        [c.name, *map(_rounded, (c.before, c.now, c.z, c.ks, c.psi)), "yes" if c.significant else ""]
        for c in found.changes
    ]
    print_rows(names, cells, bold=[c.significant for c in found.changes])


def trace(found: Any, as_json: bool) -> None:
    """Print a trace as a tree, a span a line; `waited` is the time that the whole waited for the span itself."""
    if as_json:
        typer.echo(json_of(plain(found)))
        return
    took_ms = found.end_ms - found.start_ms
    typer.echo(
        f"{time_of(found.start_ms)}  {took_ms:,} ms, {found.spans} spans, {found.errors} errors, ${found.cost_usd:f}",
        err=True,
    )
    names = ["span", "at ms", "ms", "waited ms", "status", "model", "tokens", "cost_usd"]
    print_rows(names, [_span(node, depth, found.start_ms) for node, depth in _walk(found.roots)])


def _walk(roots: Sequence[Any]) -> Iterator[tuple[Any, int]]:
    """Each node with its depth, a parent before its children."""
    stack = [(node, 0) for node in reversed(roots)]
    while stack:
        node, depth = stack.pop()
        yield node, depth
        stack += [(child, depth + 1) for child in reversed(node.children)]


def _span(node: Any, depth: int, start_ms: int) -> list[Any]:
    call = node.call
    tokens = (call.input_tokens or 0) + (call.output_tokens or 0)
    what = call.name or call.operation
    status = f"{call.status} {call.error_type}".strip()
    waited = _rounded(node.critical_ms) if node.critical_ms else None
    latency = _rounded(call.latency_ms)
    return ["· " * depth + what, call.start_ms - start_ms, latency, waited, status, call.model, tokens, call.cost_usd]


_TIMES = ("end_ms", "hour_ms", "start_ms")


def _cell(record: Any, column: str, values: Sequence[str]) -> Any:
    if column in values:
        return record.values[list(values).index(column)]
    value = getattr(record, column)
    return time_of(value) if column in _TIMES else _rounded(value)


def time_of(ms: int) -> str:
    """A time, epoch ms, in UTC."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _rounded(value: Any) -> Any:
    """Four significant digits of what is a measurement; counts and money stay exact."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if abs(value) < 10_000 else round(value)
    return value.normalize() if isinstance(value, Decimal) and value else value


def plain(value: Any) -> Any:
    """As dictionaries and lists, which JSON can have; of a trace as deep as Python's JSON goes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value) if field.repr}
    if hasattr(value, "_asdict"):
        return {name: plain(item) for name, item in value._asdict().items()}
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
