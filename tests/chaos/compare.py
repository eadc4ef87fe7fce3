"""ClickHouse against the recount, to the last nano-dollar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.chaos.load import Load
from tests.oracle import Key

__all__ = ["Verdict", "compare", "stored_windows"]

Query = Callable[[str], list[list[Any]]]

_COUNTS = (
    "fallbacks",
    "cache_hits",
    "rate_limited",
    "retries",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
#: Column of `windows` -> name in the oracle's totals.
_SUMS = {"n": "n"} | {name: name for name in _COUNTS} | {
    f"{measure}_{part}": f"{measure} {part}"
    for measure in ("latency", "ttft", "cost", "output_tokens")
    for part in ("count", "sum", "sum_sq")
}  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """What is stored beside what was sent."""

    calls: int
    missing: int
    duplicates: int
    sums_equal: bool
    windows: int
    wrong_windows: list[Key]

    @property
    def exact(self) -> bool:
        """Whether everything is there once, and something was compared at all."""
        wrong = self.missing or self.duplicates or self.wrong_windows or not self.sums_equal
        return not wrong and self.windows > 0 and self.calls > 0

    def __str__(self) -> str:
        return f"missing {self.missing}, duplicates {self.duplicates}, wrong windows {len(self.wrong_windows)}"


def compare(ask: Query, load: Load) -> Verdict:
    """Calls and every quantity of every window."""
    [[count, unique, cost_nano, tokens]] = ask(
        "SELECT count(), uniqExact(event_id), sum(cost_nano), sum(ifNull(input_tokens, 0) + ifNull(output_tokens, 0)) "
        "FROM calls FINAL"
    )
    found = stored_windows(ask, {key[0] for key in load.windows})
    wrong = [key for key in found.keys() | load.windows.keys() if found.get(key) != load.windows.get(key)]
    return Verdict(
        calls=int(count),
        missing=len(load) - int(unique),
        duplicates=int(count) - int(unique),
        sums_equal=(int(cost_nano), int(tokens)) == (load.cost_nano, load.tokens),
        windows=len(found),
        wrong_windows=sorted(wrong),
    )


def stored_windows(ask: Query, groupings: set[str]) -> dict[Key, Counter[str]]:
    """Every window's totals: the newest row of each identity, added over blocks."""
    found: dict[Key, Counter[str]] = {}
    for grouping in groupings:
        labels = [label for label in grouping.partition("@")[0].split(",") if label]
        by = ", ".join([*labels, "window_start"])
        sums = ", ".join(f"sum({column})" for column in _SUMS)
        rows = ask(
            f"SELECT {by}, toUnixTimestamp64Milli(window_start), {sums}, sumMap(errors), sumMap(finish_reasons) "
            f"FROM windows_final WHERE grouping = '{grouping}' GROUP BY {by}"
        )
        for row in rows:
            values, (_, start_ms, *numbers, errors, reasons) = row[: len(labels)], row[len(labels) :]
            total = Counter(dict(zip(_SUMS.values(), map(int, numbers), strict=True)))
            total.update({f"error {kind}": int(number) for kind, number in errors.items()})
            total.update({f"finish {reason}": int(number) for reason, number in reasons.items()})
            found[grouping, tuple(values), int(start_ms)] = total
    return found
