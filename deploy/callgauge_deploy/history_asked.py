"""What the commands `callgauge history ...` have in common: their options, and how the store is asked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from callgauge.errors import QuestionError
from callgauge_deploy.command import load, store_settings
from callgauge_deploy.time_asked import time_ms

__all__ = ["By", "Json", "Limit", "Since", "Until", "Where", "asking", "period_of", "where_of"]

Since = Annotated[str, typer.Option("--since", help="From then on: 30d, 12h, 2026-01-31, 2026-01-31T14:00Z.")]
Until = Annotated[str, typer.Option("--until", help="... up to then.")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where", "-w", help="Only of calls with this label: label=value. Can be given again.", metavar="L=V"
    ),
]
By = Annotated[list[str] | None, typer.Option("--by", help="Apart by this label. Can be given again.", metavar="LABEL")]
Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most so many lines.")]


@contextmanager
def asking(name: str) -> Iterator[tuple[Any, Any, Any]]:
    """How to ask, the module of the question, and how to show the answer."""
    module = load(f"callgauge_history.questions.{name}", "sinks")
    show = load("callgauge_deploy.history_shown", "sinks")
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        yield ask, module, show


def period_of(since: str, until: str, options: tuple[str, str] = ("--since", "--until")) -> Any:
    """The period between two times.

    Args:
        options: that the times were given by, for messages.

    Raises:
        QuestionError: it is empty.
        SettingError: one is no time.
    """
    now_ms = round(time.time() * 1000)
    start_ms, end_ms = (time_ms(text, now_ms, option) for text, option in zip((since, until), options, strict=True))
    if start_ms >= end_ms:
        first, last = options
        raise QuestionError(f"{first} {since} is not before {last} {until}: a period must end after it begins")
    return load("callgauge_history.questions.period", "sinks").Period(start_ms, end_ms)


def where_of(given: Sequence[str] | None) -> dict[str, list[str]]:
    """Label -> values of which one must hold."""
    where: dict[str, list[str]] = {}
    for each in given or ():
        label, equals, value = each.partition("=")
        if not equals:
            raise QuestionError(f"{each!r} is no condition: write label=value, such as model=gpt-4o")
        where.setdefault(label.strip(), []).append(value)
    return where
