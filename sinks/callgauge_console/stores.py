"""Several connections to a ClickHouse server: a store runs one statement at a time, and a page asks several."""

from __future__ import annotations

from queue import LifoQueue

from callgauge_history.store import Parameters, QueryResult, Store

__all__ = ["Stores"]


class Stores:
    """Each question goes to a store that is free; one that finds none waits. May be used from any thread."""

    def __init__(self, stores: list[Store]) -> None:
        self._free: LifoQueue[Store] = LifoQueue()
        for store in stores:
            self._free.put(store)

    def query(self, sql: str, parameters: Parameters | None = None) -> QueryResult:
        """As `Store.query`."""
        store = self._free.get()
        try:
            return store.query(sql, parameters)
        finally:
            self._free.put(store)
