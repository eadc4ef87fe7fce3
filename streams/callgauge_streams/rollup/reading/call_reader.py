"""Reads calls into numbers and codes. `scan` does it for most of them; msgspec reads those that `scan` cannot, or whose
values are new.

A code stands for a combination of label values, or for an outcome. What it stands for is found out once, by decoding
one call; after that the combination is recognised by the hash of its bytes. (Of 10,000 different ones two have the same
hash with a chance of 3e-12.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from sys import intern
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.codec import decode_counted
from callgauge.counted import COUNTED_NUMBERS, OUTCOME_FIELDS
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.reading.event_ids import EventIds
from callgauge_streams.rollup.reading.scan import Scanned, hash_of, scan
from callgauge_streams.rollup.tables.interned import Codes, Interned

__all__ = ["CallReader", "Calls"]

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

_numbers_of = attrgetter(*COUNTED_NUMBERS)
_outcome_of = attrgetter(*OUTCOME_FIELDS)


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls of a micro-batch as columns, in log order; `n` of them."""

    ids: Int64s
    """Hash of each event_id, shape (n,)."""
    numbers: Float64s
    """COUNTED_NUMBERS; -1 where one is not given; shape (n, 13)."""
    labels: Int64s
    """Code of each call's label values, shape (n,)."""
    label_values: Sequence[tuple[str, ...]]
    """What the codes of labels mean."""
    outcomes: Int64s
    """Code of each call's OUTCOME_FIELDS, shape (n,)."""
    outcome_values: Sequence[tuple[Any, ...]]
    """What the codes of outcomes mean."""
    event_ids: EventIds

    def __len__(self) -> int:
        return len(self.ids)

    def pick(self, events: Int64s) -> Calls:
        """Some of them."""
        return replace(
            self,
            ids=self.ids[events],
            numbers=self.numbers[events],
            labels=self.labels[events],
            outcomes=self.outcomes[events],
            event_ids=EventIds(self.event_ids.data, self.event_ids.at[events]),
        )


class CallReader:
    """Reads calls.

    Args:
        labels: whose values are wanted, in this order.
    """

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._label_names = labels
        self._labels_of: Any = attrgetter(*labels)
        self._labels, self._outcomes = Interned(), Interned()
        self._label_codes, self._outcome_codes = Codes(), Codes()

    @property
    def codes(self) -> int:
        """How many combinations of label values, and outcomes, it has told apart."""
        return len(self._labels) + len(self._outcomes)

    def read(self, records: Records) -> tuple[Calls, list[int]]:
        """The calls that can be read, and the positions of the messages that cannot."""
        scanned = scan(records, self._label_names)
        calls = self._known(records, scanned)
        unknown = np.flatnonzero(scanned.read & ((calls.labels < 0) | (calls.outcomes < 0)))
        if len(unknown):
            kinds = np.column_stack([scanned.labels, scanned.outcomes])[unknown]
            one_of_each = unknown[np.unique(kinds, axis=0, return_index=True)[1]]
            for at, call in _decoded(records, one_of_each)[0]:
                self._labels.put(int(scanned.labels[at]), self._label_code(call))
                self._outcomes.put(int(scanned.outcomes[at]), self._outcome_codes[_outcome_of(call)])
            calls = self._known(records, scanned)
        others = np.flatnonzero(~scanned.read | (calls.labels < 0) | (calls.outcomes < 0))
        decoded, dead = _decoded(records, others)
        if decoded:
            calls = replace(calls, event_ids=_with_ids(calls.event_ids, decoded))
        for at, call in decoded:
            self._fill_in(calls, at, call)
        return (calls.pick(np.delete(np.arange(len(records)), dead)) if dead else calls), dead

    def _known(self, records: Records, scanned: Scanned) -> Calls:
        return Calls(
            ids=scanned.ids.view(np.int64),
            numbers=scanned.numbers,
            labels=self._labels.codes_of(scanned.labels),
            label_values=self._label_codes.values_of,
            outcomes=self._outcomes.codes_of(scanned.outcomes),
            outcome_values=self._outcome_codes.values_of,
            event_ids=EventIds(records.data, scanned.id_at),
        )

    def _fill_in(self, calls: Calls, at: int, call: Any) -> None:
        calls.ids[at] = np.uint64(hash_of(call.event_id)).astype(np.int64)
        calls.numbers[at] = [-1 if number is None else number for number in _numbers_of(call)]
        calls.labels[at], calls.outcomes[at] = self._label_code(call), self._outcome_codes[_outcome_of(call)]

    def _label_code(self, call: Any) -> int:
        values = self._labels_of(call)
        # Every label set has its own copy of values that are the same in many.
        return self._label_codes[tuple(map(intern, values if len(self._label_names) > 1 else (values,)))]


def _with_ids(ids: EventIds, decoded: list[tuple[int, Any]]) -> EventIds:
    """Add the ids of calls that the scan did not read."""
    more = EventIds.of([call.event_id for _, call in decoded])
    at = ids.at.copy()
    at[[position for position, _ in decoded]] = more.at + len(ids.data)
    return EventIds(b"".join([ids.data, more.data]), at)


def _decoded(records: Records, positions: Int64s) -> tuple[list[tuple[int, Any]], list[int]]:
    """Decode some records. Returns position and struct of those that can be read, and the positions of the others."""
    structs, dead = decode_counted(records.values(positions))
    read = np.delete(positions, dead).tolist()
    return list(zip(read, structs, strict=True)), positions[dead].tolist() if dead else []
