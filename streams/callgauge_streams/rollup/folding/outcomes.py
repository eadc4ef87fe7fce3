"""All that is categorical about a call, as one code: counts by status, error type and finish reason come from it.

A block has few distinct outcomes, so what each counts for is worked out once and rows are sums over outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from callgauge.counted import OUTCOME_COUNTS, OUTCOME_FIELDS
from callgauge.schema import ErrorType
from callgauge_streams.rollup.tables.interned import Numbered
from callgauge_streams.rollup.tables.sparse import PairCounts
from callgauge_windows.compiled import uncounted
from callgauge_windows.grouping import OTHER
from callgauge_windows.grown import Grown

__all__ = ["ERROR_TYPES", "OutcomeTotals", "Outcomes"]

Int64s = npt.NDArray[np.int64]

# Distinct finish reasons of a block that are told apart, in log order; an emitter that puts ids there must not make a
# row too large for the broker.
_REASONS = 100


@dataclass(frozen=True, slots=True)
class OutcomeTotals:
    """The counts of some rows by outcome."""

    counts: Int64s
    """OUTCOME_COUNTS, shape (rows, counts)."""
    errors: Int64s
    """By `error_types`, shape (rows, types)."""
    reasons: Int64s
    """By finish reason, shape (rows, reasons)."""
    reason_names: list[str]
    """"" stands for a call that has none."""


#: The types of `OutcomeTotals.errors`.
ERROR_TYPES: tuple[str, ...] = get_args(ErrorType)
_OUTCOMES = len(OUTCOME_COUNTS)


class Outcomes:
    """The distinct outcomes of a block, and what a call with each of them adds to the counts."""

    def __init__(self) -> None:
        self._numbers = Numbered()
        self._counts = Grown(len(OUTCOME_COUNTS) + len(ERROR_TYPES))
        self._unanswered = Grown()
        self._reason_codes: dict[str, int] = {OTHER: 0}
        self._reasons = Grown()
        self._learnt = 0

    def codes_of(self, outcomes: Int64s, values: Sequence[tuple[Any, ...]]) -> Int64s:
        """This block's code of each outcome, shape (n,).

        Args:
            outcomes: the reader's codes, in log order.
            values: OUTCOME_FIELDS of each of the reader's codes.
        """
        codes = self._numbers.numbers_of(outcomes)
        self._learn([values[code] for code in self._numbers.keys[self._learnt :].tolist()])
        return codes

    def unanswered(self, codes: Int64s) -> npt.NDArray[np.bool_]:
        """Whether each outcome is an error, or cancelled."""
        return np.asarray(self._unanswered.filled[codes] > 0)

    def totals(self, pairs: PairCounts) -> OutcomeTotals:
        """The counts of rows, from how often each outcome occurs in each row."""
        rows = len(pairs.starts) - 1
        counts = np.zeros((rows, self._counts.filled.shape[1]), dtype=np.int64)
        reasons = np.zeros((rows, len(self._reason_codes)), dtype=np.int64)
        known = (self._counts.filled, self._reasons.filled)
        _add_up(pairs.starts, pairs.items, pairs.counts, *known, counts, reasons)
        return OutcomeTotals(counts[:, :_OUTCOMES], counts[:, _OUTCOMES:], reasons, list(self._reason_codes))

    def _learn(self, outcomes: list[tuple[Any, ...]]) -> None:
        """Work out what new outcomes count for, in log order."""
        first, self._learnt = self._learnt, self._learnt + len(outcomes)
        counts, reasons = self._counts.to(self._learnt), self._reasons.to(self._learnt)
        unanswered = self._unanswered.to(self._learnt)
        for code, outcome in enumerate(outcomes, start=first):
            call = dict(zip(OUTCOME_FIELDS, outcome, strict=True))
            counts[code, : len(OUTCOME_COUNTS)] = [count.of(call) for count in OUTCOME_COUNTS]
            if call["status"] == "error":
                counts[code, len(OUTCOME_COUNTS) + ERROR_TYPES.index(call["error_type"] or "other")] = 1
            unanswered[code] = call["status"] in ("error", "cancelled")
            reasons[code] = self._reason_code(call["finish_reason"])

    def _reason_code(self, reason: str) -> int:
        codes = self._reason_codes
        if reason in codes or len(codes) <= _REASONS:
            return codes.setdefault(reason, len(codes))
        return codes[OTHER]


@uncounted
def _add_up(starts: Any, outcomes: Any, times: Any, counts_of: Any, reason_of: Any, counts: Any, reasons: Any) -> None:
    """Add up what the outcomes of each row count for."""
    for row in range(len(counts)):
        for at in range(starts[row], starts[row + 1]):
            outcome = outcomes[at]
            for column in range(counts.shape[1]):
                counts[row, column] += counts_of[outcome, column] * times[at]
            reasons[row, reason_of[outcome]] += times[at]
