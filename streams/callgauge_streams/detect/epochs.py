"""Which epoch is in force at a block, as far as the log has told.

At each takeover of a source a worker tells from which block on it counts, under which epoch and with which term:
`EpochStart(source, from_offset, epoch, term)`. A start with a lower term than was heard before is a zombie's and is
ignored. In force at a block is the epoch of the latest accepted start at or before it; rows of another are void.

    start      from 0, e1, term 1 |  from 41, e2, term 2  | from 41, e1, term 1 (a zombie)
    block      0   41   100       |  0   41   100         | 0   41   100
    in force   e1  e1   e1        |  e1  e2   e2          | e1  e2   e2

A log that is read from the middle may begin with rows whose start was told before: they count as they are until a
start at or before their block is heard. (Rollup repeats each source's start once a minute.) The views `windows_final`
and `blocks_final` in ClickHouse decide the same.

What is kept grows by one small entry for each change of settings, not for each takeover.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Epochs"]


class Epochs:
    """Learns from `EpochStart` records, in the order of the log."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, str]] = {}
        self._starts: dict[str, list[tuple[int, str]]] = {}

    def accept(self, start: Any) -> bool:
        """Take an `EpochStart`. Returns False if it has a lower term than one heard before: a zombie sent it, and it
        changes nothing.

        Two starts with equal terms can only differ where a broker forgets terms; every reader then takes the larger
        epoch, whichever it meets first.
        """
        newest = (start.term, start.epoch)
        if newest < self._newest.get(start.source, (-1, "")):
            return False
        self._newest[start.source] = newest
        starts = self._starts.setdefault(start.source, [])
        while starts and starts[-1][0] >= start.from_offset:
            starts.pop()
        if not starts or starts[-1][1] != start.epoch:
            starts.append((start.from_offset, start.epoch))
        return True

    def heard(self, source: str) -> bool:
        """Whether any start of the source is known."""
        return source in self._newest

    def in_force(self, source: str, block: int) -> str | None:
        """The epoch in force at a block; None when no start at or before it is known."""
        for from_offset, epoch in reversed(self._starts.get(source, ())):
            if from_offset <= block:
                return epoch
        return None

    def counts(self, source: str, block: int, epoch: str) -> bool:
        """Whether rows of this identity count."""
        return self.in_force(source, block) in (None, epoch)

    def state(self) -> Any:
        """All that it knows, for a snapshot; `put_back` takes it."""
        return self._newest, self._starts

    def put_back(self, state: Any) -> None:
        """See `state`."""
        newest, starts = state
        self._newest = {source: tuple(each) for source, each in newest.items()}
        self._starts = {source: [tuple(each) for each in of] for source, of in starts.items()}
