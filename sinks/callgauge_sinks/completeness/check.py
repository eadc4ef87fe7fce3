"""Asks the store what it holds, and judges whether that is complete."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from callgauge.errors import BrokerError, SettingError, StoreError
from callgauge_sinks.completeness.evidence import Ask, Unseen, read_evidence
from callgauge_sinks.completeness.judge import HOUR_MS, judge
from callgauge_sinks.completeness.report import EXIT_CODES, Report, iso_time

__all__ = ["EXIT_CODES", "check"]

DAY_MS = 86_400_000


def check(
    ask: Ask,
    *,
    hours: float = 24.0,
    since: str | None = None,
    clock: Callable[[], float] = time.time,
    unseen: Callable[[set[str]], list[Unseen]] = lambda seen: [],
) -> Report:
    """Ask the store and judge its completeness.

    Args:
        hours: how far to look back from now.
        since: look back to this time instead; ISO 8601, UTC unless it says otherwise.
        clock: epoch seconds.
        unseen: asks the broker for partitions with records of which the store knows nothing, given what it knows.

    Raises:
        SettingError: `since` is not a time.
        StoreError: the store cannot be asked.
    """
    now_ms = round(clock() * 1e3)
    since_ms = now_ms - round(hours * HOUR_MS) if since is None else _epoch_ms(since)
    since_ms = max(0, since_ms)
    # Few events are stored more than a day after they ended, so older days are read only if something seems missing.
    ended_ms = max(0, since_ms - DAY_MS)
    evidence = read_evidence(ask, since_ms, ended_ms)
    found, notes = _unseen(unseen, evidence.sources)
    report = judge(replace(evidence, unseen=found), now_ms)
    if any(gap.kind in ("calls", "scores") for gap in report.gaps):
        try:
            report = judge(replace(read_evidence(ask, since_ms), unseen=found), now_ms)
        except StoreError as error:
            notes.append(f"events that ended before {iso_time(ended_ms)} were not looked for: {error}")
    report.notes += notes
    return report


def _unseen(ask_broker: Callable[[set[str]], list[Unseen]], seen: set[str]) -> tuple[list[Unseen], list[str]]:
    """The broker is asked after the store: what comes meanwhile is then on its way, and not overlooked."""
    try:
        return ask_broker(seen), []
    except BrokerError as error:
        return [], [f"whether there are partitions that nobody has told of is not known: {error}"]


def _epoch_ms(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(f"--since {text!r} is no time: give ISO 8601, as in 2026-01-31T14:00") from None
    return round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1e3)
