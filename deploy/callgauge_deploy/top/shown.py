"""Draws what `top` found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from callgauge.printable import printable
from callgauge_deploy.sparkline import sparkline
from callgauge_deploy.top.facts import ActiveAlert, Facts, Line
from callgauge_history.questions.numbers import Numbers
from callgauge_history.questions.period import Period

__all__ = ["draw", "duration", "per_second", "share"]

_COURSE_WIDTH = 15
#: Names and summaries come from services; one of them must not fill the screen.
_NAME = 40
_SEVERITY = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}
#: From this share on, failures are drawn in red.
_FAILING = 0.05


def draw(facts: Facts, now_s: float) -> RenderableType:
    """A line of totals, a table of services, one of models, and the active alerts."""
    if facts.period is None or facts.total is None:
        return Group(
            Text("No calls yet.", style="bold"),
            Text("Send one: callgauge.Gauge().emit(...) in Python, or POST /v1/calls to `callgauge gateway`."),
            *_alerts(facts.alerts, now_s),
        )
    over_s = facts.period.length_ms / 1000
    return Group(
        _header(facts.total, facts.period, now_s),
        Text(),
        _table("Service", facts.services, facts.more[0], over_s),
        Text(),
        _table("Model", facts.models, facts.more[1], over_s),
        *_alerts(facts.alerts, now_s),
    )


def per_second(calls: int, over_s: float) -> str:
    """A rate with as many digits as it deserves.

    >>> per_second(6, 60), per_second(90, 60), per_second(1_200_000, 60)
    ('0.10', '1.5', '20,000')
    """
    rate = calls / over_s
    if rate >= 100:
        return f"{rate:,.0f}"
    return f"{rate:.1f}" if rate >= 1 or rate == 0 else f"{rate:.2f}"


def duration(ms: float | None) -> str:
    """Milliseconds below a second, seconds above.

    >>> duration(None), duration(0.42), duration(812.3), duration(39_012.0)
    ('–', '0.42 ms', '812 ms', '39.0 s')
    """
    if ms is None:
        return "–"
    if ms >= 1000:
        return f"{ms / 1000:.1f} s"
    return f"{ms:.0f} ms" if ms >= 10 else f"{ms:.2f} ms"


def share(part: int, whole: int) -> str:
    """Percent; a share that is not zero never looks like zero.

    >>> share(0, 10), share(1, 3), share(1, 100_000), share(0, 0)
    ('0 %', '33.3 %', '<0.1 %', '–')
    """
    if not whole:
        return "–"
    if not part:
        return "0 %"
    percent = 100 * part / whole
    return f"{percent:.1f} %" if percent >= 0.05 else "<0.1 %"


def _header(total: Numbers, period: Period, now_s: float) -> Text:
    end = datetime.fromtimestamp(period.end_ms / 1000, UTC)
    over_s = period.length_ms / 1000
    ago_s = now_s - period.end_ms / 1000
    line = Text()
    line.append(f"{per_second(total.calls, over_s)} calls/s", style="bold")
    line.append("   failed ")
    line.append(share(total.errors, total.calls), style=_style_of(total))
    line.append(f"   p50 {duration(total.latency_p50_ms)}   p95 {duration(total.latency_p95_ms)}")
    line.append(f"   {_money(total.cost_usd, over_s)}/h   {_tokens(total, over_s)} tokens/s")
    line.append(f"\n{over_s:g} s up to {end:%Y-%m-%d %H:%M:%S} UTC", style="dim")
    if ago_s > 120:
        line.append(f"   the newest calls are {_ago(ago_s)} old", style="yellow")
    return line


def _table(title: str, lines: Sequence[Line], more: int, over_s: float) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    table.add_column(title, overflow="ellipsis", no_wrap=True, max_width=_NAME)
    for name in ("calls/s", "last 15 min", "failed", "p50", "p95", "p99", "first token p95", "tokens/s", "$/h"):
        table.add_column(name, justify="left" if name.startswith("last") else "right", no_wrap=True)
    for line in lines:
        numbers = line.numbers
        table.add_row(
            Text(printable(line.name) or "(none)"),
            per_second(numbers.calls, over_s),
            Text(sparkline(line.course, [], _COURSE_WIDTH)[0], style="cyan"),
            Text(share(numbers.errors, numbers.calls), style=_style_of(numbers)),
            duration(numbers.latency_p50_ms),
            duration(numbers.latency_p95_ms),
            duration(numbers.latency_p99_ms),
            duration(numbers.ttft_p95_ms),
            _tokens(numbers, over_s),
            _money(numbers.cost_usd, over_s),
        )
    if more:
        table.add_row(Text(f"and {more} more", style="dim"))
    return table


def _alerts(alerts: Sequence[ActiveAlert], now_s: float) -> list[RenderableType]:
    if not alerts:
        return [Text(), Text("No alert is active.", style="green")]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for name in ("Alert", "Severity", "State", "Since", "Labels"):
        table.add_column(name, no_wrap=name != "Labels")
    table.add_column("What", ratio=1)
    for alert in alerts:
        labels = " ".join(f"{name}={value}" for name, value in alert.labels.items())
        table.add_row(
            Text(printable(alert.rule)),
            Text(alert.severity, style=_SEVERITY.get(alert.severity, "")),
            Text(alert.shown),
            _ago(now_s - alert.starts_at_s),
            Text(printable(labels)),
            Text(printable(alert.summary)),
        )
    return [Text(), table]


def _style_of(numbers: Numbers) -> str:
    return "bold red" if (numbers.error_rate or 0.0) >= _FAILING else ""


def _tokens(numbers: Numbers, over_s: float) -> str:
    return per_second(numbers.input_tokens + numbers.output_tokens, over_s)


def _money(cost_usd: Decimal, over_s: float) -> str:
    hourly = float(cost_usd) * 3600 / over_s
    return f"${hourly:,.0f}" if hourly >= 100 else f"${hourly:.2f}"


def _ago(seconds: float) -> str:
    """A duration in its largest unit, e.g. `3 min`."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
