"""Compares ClickHouse with a recount of what was sent, to the last nano-dollar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.chaos.expected import Expected
from tests.oracle import Key

__all__ = ["Audit", "Query", "Truth", "Verdict", "audit", "compare", "stored_windows"]

Query = Callable[[str], list[list[Any]]]

_COUNTS = (
    "fallbacks",
    "cancelled",
    "cache_hits",
    "cache_hits_exact",
    "cache_hits_semantic",
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
_SHOWN = 3
_BOOKS = ("records", "counted", "duplicates", "dead", "late")


class Truth(Protocol):
    """What was sent; `len()` is the number of distinct calls."""

    @property
    def windows(self) -> dict[Key, Counter[str]]: ...

    @property
    def cost_nano(self) -> int: ...

    @property
    def tokens(self) -> int: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True)
class Verdict:
    """Calls and windows, compared with what was sent."""

    calls: int
    missing: int
    duplicates: int
    sums_equal: bool
    windows: int
    wrong_windows: list[tuple[Key, dict[str, int]]]
    """Each with the difference of every wrong quantity (stored less expected)."""

    @property
    def exact(self) -> bool:
        """Whether everything is there once, and something was compared at all."""
        wrong = self.missing or self.duplicates or self.wrong_windows or not self.sums_equal
        return not wrong and self.windows > 0 and self.calls > 0

    def __str__(self) -> str:
        return f"missing {self.missing}, duplicates {self.duplicates}, wrong windows {len(self.wrong_windows)}"


@dataclass(frozen=True)
class Audit:
    """Everything that is stored, compared with everything that was sent."""

    verdict: Verdict
    poison: int
    dead_letters: int
    dead_letters_equal: bool
    """Whether the stored dead letters are exactly the unreadable records, compared by their origins."""
    duplicates: int
    """Events that were sent again within the horizon."""
    wrong_books: dict[int, dict[str, int]]
    """Partition -> by how much the sums of its block summaries are wrong."""

    def problems(self) -> list[str]:
        """What is not as it must be, in words."""
        problems = []
        if not self.verdict.exact:
            problems.append(str(self.verdict))
            problems += [f"{key} off by {by}" for key, by in self.verdict.wrong_windows[:_SHOWN]]
        if not self.dead_letters_equal:
            problems.append(f"{self.dead_letters} dead letters of {self.poison}")
        if self.wrong_books:
            problems.append(f"block summaries off by {self.wrong_books}")
        return problems


def audit(ask: Query, expected: Expected) -> Audit:
    """Calls, windows, block summaries and dead letters."""
    dead = {(int(partition), int(offset)) for partition, offset in ask(_DEAD_LETTERS)}
    return Audit(
        verdict=compare(ask, expected),
        poison=len(expected.poison),
        dead_letters=len(dead),
        dead_letters_equal=dead == expected.poison,
        duplicates=expected.total("duplicates"),
        wrong_books=_wrong_books(ask, expected),
    )


_DEAD_LETTERS = "SELECT partition, offset FROM dead_letters FINAL WHERE topic LIKE '%.calls'"


def _wrong_books(ask: Query, expected: Expected) -> dict[int, dict[str, int]]:
    sums = ", ".join(f"sum({name})" for name in _BOOKS)
    stored: dict[int, dict[str, int]] = {}
    for source, *numbers in ask(f"SELECT source, {sums} FROM blocks_final GROUP BY source"):
        stored[int(source.rpartition("/")[2])] = dict(zip(_BOOKS, map(int, numbers), strict=True))
    wrong = {}
    for partition in stored.keys() | expected.books.keys():
        found, wanted = stored.get(partition, {}), expected.books.get(partition, Counter())
        if off := {name: by for name in _BOOKS if (by := found.get(name, 0) - wanted[name])}:
            wrong[partition] = off
    return wrong


def compare(ask: Query, truth: Truth) -> Verdict:
    """Calls and every quantity of every window."""
    [[count, unique, cost_nano, tokens]] = ask(
        "SELECT count(), uniqExact(event_id), sum(cost_nano), sum(ifNull(input_tokens, 0) + ifNull(output_tokens, 0)) "
        "FROM calls FINAL"
    )
    found = stored_windows(ask, {key[0] for key in truth.windows})
    wrong = [key for key in found.keys() | truth.windows.keys() if found.get(key) != truth.windows.get(key)]
    return Verdict(
        calls=int(count),
        missing=len(truth) - int(unique),
        duplicates=int(count) - int(unique),
        sums_equal=(int(cost_nano), int(tokens)) == (truth.cost_nano, truth.tokens),
        windows=len(found),
        wrong_windows=[
            (key, _difference(found.get(key, Counter()), truth.windows.get(key, Counter()))) for key in sorted(wrong)
        ],
    )


def _difference(found: Counter[str], wanted: Counter[str]) -> dict[str, int]:
    return {name: by for name in sorted({*found, *wanted}) if (by := found[name] - wanted[name])}


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
