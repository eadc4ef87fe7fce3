"""Tries the rules of a file on a recorded trace, or on calls in a file, in place of the windows in the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from callgauge.errors import SettingError, TraceError
from callgauge.settings import Settings
from callgauge_deploy.backtest_report import Tested
from callgauge_load.trace import read_trace
from callgauge_streams.detect.backtest import backtest, end_of, warm_ms
from callgauge_streams.detect.episode_values import rows_from_ms, with_values
from callgauge_streams.detect.episodes import episodes_of
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.trace_rows import rows_of_calls

if TYPE_CHECKING:
    from callgauge_rules.bound import BoundRule

__all__ = ["judged_trace"]


def judged_trace(
    trace: Path,
    rules: list[BoundRule],
    left_out: list[str],
    settings: Settings,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> Tested:
    """What the rules would have told of the calls, had each come when it ended.

    Args:
        from_ms, to_ms: between which times; None: of all. What comes before `from_ms` is judged too, so that detectors
            know the series by then.

    Raises:
        TraceError: the file cannot be read, or has no calls.
        SettingError: it has none between these times.
    """
    wanted = {rule.grouping.name for rule in rules}
    config = RollupConfig.of(settings)
    rows = [row for row in rows_of_calls(read_trace(trace), config) if row.grouping in wanted]
    if not rows:
        raise TraceError(f"{trace}: no calls; take another file")
    first_ms, last_ms = rows[0].window_start_ms, end_of(rows[-1])
    from_ms, to_ms = first_ms if from_ms is None else from_ms, last_ms if to_ms is None else min(to_ms, last_ms)
    if from_ms >= to_ms:
        raise SettingError(f"{trace} has no calls between --from and --to; leave them out to judge all of it")

    def read(begin_ms: int = 0) -> Iterator[Any]:
        return (row for row in rows if end_of(row) > begin_ms)

    found = episodes_of(backtest(rules, read(), to_ms), from_ms / 1000)
    if found:
        found = with_values(found, rules, read(rows_from_ms(found, rules)), to_ms)
    return Tested(
        from_ms=from_ms,
        to_ms=to_ms,
        read_from_ms=first_ms,
        warm_from_ms=from_ms - warm_ms(rules),
        rules=[rule.rule.name for rule in rules],
        left_out=left_out,
        episodes=found,
        source="the trace",
    )
