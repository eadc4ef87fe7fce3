"""The marks that are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callgauge.errors import CallgaugeError
from callgauge_history.quoted import at, quoted
from callgauge_history.store import Ask

__all__ = ["NoSuchMark", "StoredMark", "find_mark", "stored_marks"]


class NoSuchMark(CallgaugeError):
    """No mark has this id, or several begin with it."""


@dataclass(frozen=True)
class StoredMark:
    """A mark; `at_ms`: since when it holds, epoch ms."""

    mark_id: str
    at_ms: int
    text: str
    service: str
    labels: Mapping[str, str]
    author: str
    url: str

    @property
    def where(self) -> dict[str, str]:
        """The labels of the calls that it concerns."""
        return ({"service": self.service} if self.service else {}) | dict(self.labels)

    def concerns(self, labels: Mapping[str, str]) -> bool:
        """Whether it concerns all calls with these labels."""
        return all(labels.get(label) == value for label, value in self.where.items())


def stored_marks(ask: Ask, from_ms: int, to_ms: int, service: str | None = None, most: int = 1_000) -> list[StoredMark]:
    """The marks of a time, the newest first; of a service also those that concern everybody.

    Raises:
        StoreError: the store cannot be asked.
    """
    within = f"effective_from >= {at(from_ms)} AND effective_from < {at(to_ms)}"
    whose = f" AND service IN ({quoted(service)}, '')" if service is not None else ""
    return _marks(ask, f"{within}{whose} ORDER BY effective_from DESC, mark_id LIMIT {most}")


def find_mark(ask: Ask, name: str) -> StoredMark:
    """The mark whose id begins so.

    Raises:
        NoSuchMark: there is none, or there are several.
    """
    found = _marks(ask, f"startsWith(mark_id, {quoted(name)}) ORDER BY mark_id LIMIT 3")
    exact = [mark for mark in found if mark.mark_id == name] or found
    if len(exact) != 1 or not name:
        what = "begins the ids of several marks; write more of it" if exact else "is the id of no stored mark"
        raise NoSuchMark(f"{name!r} {what}; `callgauge mark list` shows them")
    return exact[0]


def _marks(ask: Ask, condition: str) -> list[StoredMark]:
    columns = "mark_id, toUnixTimestamp64Milli(effective_from), text, service, labels, author, url"
    rows = ask(f"SELECT {columns} FROM marks FINAL WHERE {condition}").rows  # noqa: S608 (texts are quoted)
    return [StoredMark(row[0], int(row[1]), *row[2:]) for row in rows]
