"""Dead letters as ClickHouse has them, in the table `dead_letters`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from callgauge.schema import DeadLetter
from callgauge_history.store import QueryResult
from callgauge_sinks.dead.resend import Resend
from callgauge_sinks.dead.selection import Group, Selection, id_of

__all__ = ["StoredLetters", "literal", "stored_ids"]

Ask = Callable[[str], QueryResult]

#: Letters whose bytes are read at once: at most 18 MB.
_AT_ONCE = 200
_COLUMNS = "topic, partition, offset, toUnixTimestamp64Milli(ts) AS ms, reason, field"
#: Where events of a topic are stored: table -> column of the id.
_TABLES = {"calls": {"calls": "event_id"}, "scores": {"scores": "score_id", "state_changes": "event_id"}}


class _Head(NamedTuple):
    """A letter without its bytes."""

    topic: str
    partition: int
    offset: int
    ts: float
    reason: str
    field: str


class StoredLetters:
    """The letters of the store.

    Args:
        ask: runs one statement that reads.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def groups(self) -> list[Group]:
        """As `selection.groups_of`, counted by ClickHouse."""
        result = self._ask(
            "SELECT topic, replaceRegexpAll(reason, '[0-9]+', '#') AS pattern, field, count() AS n, "
            "toUnixTimestamp64Milli(min(ts)) / 1000, toUnixTimestamp64Milli(max(ts)) / 1000, "
            "argMax(concat(topic, '/', toString(partition), '/', toString(offset)), (ts, partition, offset)) "
            "FROM dead_letters FINAL "
            "GROUP BY topic, pattern, field ORDER BY n DESC, topic, pattern, field"
        )
        return [Group(topic, reason, field, int(n), *rest) for topic, reason, field, n, *rest in result.rows]

    def heads(self, selection: Selection) -> list[_Head]:
        """The chosen letters without their bytes, the earliest first."""
        where = f"WHERE {_bounds(selection)} ORDER BY ms, topic, partition, offset"
        result = self._ask(f"SELECT {_COLUMNS} FROM dead_letters FINAL {where}")  # noqa: S608 (escaped)
        rows = ((topic, int(part), int(at), int(ms) / 1e3, *text) for topic, part, at, ms, *text in result.rows)
        return [head for row in rows if selection.takes(head := _Head(*row))]

    def letters(self, selection: Selection) -> Iterator[DeadLetter]:
        """The chosen letters, the earliest first."""
        heads = self.heads(selection)
        for start in range(0, len(heads), _AT_ONCE):
            yield from self._whole(heads[start : start + _AT_ONCE])

    def _whole(self, heads: Sequence[_Head]) -> Iterator[DeadLetter]:
        places = ", ".join(f"({literal(h.topic)}, {h.partition}, {h.offset})" for h in heads)
        where = f"WHERE (topic, partition, offset) IN ({places})"
        result = self._ask(f"SELECT {_COLUMNS}, size, raw FROM dead_letters FINAL {where}")  # noqa: S608 (escaped)
        rows = {(topic, int(part), int(at), int(ms)): rest for topic, part, at, ms, *rest in result.rows}
        for head in heads:
            rest = rows.get((*id_of(head), round(head.ts * 1e3)))
            if rest is not None:
                reason, field, size, raw = rest
                yield DeadLetter(**head._asdict() | {"reason": reason, "field": field}, size=int(size), raw=raw)


def stored_ids(ask: Ask, kind: str, events: Iterable[Resend]) -> set[str]:
    """Which of these events the store has already.

    Args:
        kind: "calls" or "scores"; of other topics nothing is known.
    """
    by_id = {event.event_id: event.ts for event in events if event.event_id}
    if not by_id:
        return set()
    ids = ", ".join(map(literal, by_id))
    # Times are stored in milliseconds; the bounds let ClickHouse leave out most of the table.
    since, until = math.floor(min(by_id.values())) - 1, math.ceil(max(by_id.values())) + 1
    found: set[str] = set()
    for table, column in _TABLES.get(kind, {}).items():
        where = f"{column} IN ({ids}) AND ts >= toDateTime64({since}, 3) AND ts <= toDateTime64({until}, 3)"
        found |= {str(row[0]) for row in ask(f"SELECT DISTINCT {column} FROM {table} WHERE {where}").rows}  # noqa: S608
    return found


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _bounds(selection: Selection) -> str:
    """What of a selection ClickHouse can judge by the table's key; `Selection.takes` judges all of it."""
    bounds = [f"toUnixTimestamp64Milli(ts) >= {math.floor(selection.since * 1e3)}"]
    if math.isfinite(selection.until):
        bounds.append(f"toUnixTimestamp64Milli(ts) <= {math.ceil(selection.until * 1e3)}")
    if selection.ids:
        places = ", ".join(f"({literal(found.topic)}, {found.partition}, {found.offset})" for found in selection.ids)
        bounds.append(f"(topic, partition, offset) IN ({places})")
    return " AND ".join(bounds)
