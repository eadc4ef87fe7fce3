"""Inserts the rows of a batch: in pieces where the store has no memory for all, and without those that it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar

import pyarrow as pa

from callgauge.errors import CallgaugeError
from callgauge_history.store import RowsRefused, RowsTooMany
from callgauge_sinks.building import Read
from callgauge_sinks.records import Message, Tables

__all__ = ["FEWEST_REFUSED", "Isolation", "Pending", "StoreLike", "TooManyRefused", "store_messages"]

M = TypeVar("M")

#: So many records of a batch may be refused whatever its size.
FEWEST_REFUSED = 10
#: A piece of fewer rows is not cut further for want of memory.
_FEWEST_ROWS = 500


class StoreLike(Protocol):
    """The methods of a store that a sink uses."""

    def insert(self, table: str, rows: pa.Table) -> None: ...
    def columns(self, table: str) -> Mapping[str, str]: ...


class Pending:
    """Rows that are not stored yet. A piece that was acknowledged is not sent again."""

    def __init__(self, tables: Tables) -> None:
        self._pieces: list[tuple[str, pa.Table]] = list(tables.items())
        self.answers = 0
        """How many pieces the store has taken."""

    def insert_into(self, store: StoreLike) -> None:
        """Insert piece by piece. If the store lacks the memory for one, the next attempt sends it in two.

        Raises:
            StoreUnavailable: call it again later.
            StoreError: the store refuses a piece.
        """
        while self._pieces:
            table, rows = self._pieces[0]
            try:
                store.insert(table, rows)
            except RowsTooMany:
                self._pieces[:1] = [(table, part) for part in _halves(rows)]
                raise
            del self._pieces[0]
            self.answers += 1

    def tables(self) -> dict[str, Any]:
        """Table -> the schema of its rows that are not stored yet."""
        return {table: rows.schema for table, rows in self._pieces}


def _halves(rows: pa.Table) -> list[pa.Table]:
    if rows.num_rows <= _FEWEST_ROWS:
        return [rows]
    middle = rows.num_rows // 2
    return [rows.slice(0, middle), rows.slice(middle)]


class TooManyRefused(CallgaugeError):
    """The sink stops because the store refuses so many records that not they are the cause."""


class Isolation(Generic[M]):
    """Stores all items but those that the store refuses, which are found by halving: a few in many cost little.

    What was stored or found stays so when the store goes away meanwhile: the next attempt goes on from there.
    """

    def __init__(self, items: Sequence[M], most: int) -> None:
        """`most`: how many may be refused."""
        self._items = items
        self._most = most
        self._open = [(0, len(items))]
        self._refused: dict[int, str] = {}
        self.begun = False
        self.answers = 0
        """How often the store has taken or refused some."""

    def run(self, store: Callable[[Sequence[M]], None]) -> dict[int, str]:
        """Go on until all are stored or found.

        Args:
            store: stores some of them; raises RowsRefused.

        Returns:
            Place -> reason, of those that were refused. A further call has nothing to do and returns none.

        Raises:
            TooManyRefused: there are more than `most`.
            StoreUnavailable: from `store`; call it again later.
        """
        self.begun = True
        while self._open:
            begin, end = self._open[-1]
            try:
                store(self._items[begin:end])
                self._open.pop()
                self.answers += 1
            except RowsTooMany:
                if end - begin > _FEWEST_ROWS:
                    self._halve()
                raise
            except RowsRefused as error:
                self.answers += 1
                if end - begin > 1:
                    self._halve()
                else:
                    self._open.pop()
                    self._refuse(begin, str(error))
        found, self._refused = self._refused, {}
        return found

    def _halve(self) -> None:
        begin, end = self._open.pop()
        middle = (begin + end) // 2
        self._open += [(middle, end), (begin, middle)]

    def _refuse(self, place: int, reason: str) -> None:
        self._refused[place] = f"the store refuses it: {reason}"
        if len(self._refused) > self._most:
            raise TooManyRefused(
                f"the store refuses more than {self._most} of {len(self._items)} records: {reason}; no single record "
                "is at fault: mend the table (a constraint, a view on it?), then start again; nothing is lost, they "
                "are read again"
            )


def store_messages(read: Read, store: StoreLike, messages: Sequence[Message]) -> None:
    """Insert the rows of those messages that can be read."""
    _, tables = read(messages)
    Pending(tables).insert_into(store)
