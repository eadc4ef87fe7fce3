"""Times as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from callgauge.durations import duration_ms
from callgauge.errors import SettingError
from callgauge.line_texts import shown

__all__ = ["time_ms"]

# The years 2000 to 2199: ClickHouse's times end in 2299, and what is further away is a slip.
_FIRST_MS, _LAST_MS = 946_684_800_000, 7_258_118_399_999


def time_ms(text: str, now_ms: int, option: str) -> int:
    """Epoch ms of "now", of a time (UTC, if it names no zone), or of so long ago: 7d, 12h.

    Raises:
        SettingError: it is none of these.
    """
    if text == "now":
        return now_ms
    found = _ago(text, now_ms)
    found = _time(text) if found is None else found
    if found is None or not _FIRST_MS <= found <= _LAST_MS:
        forms = "a time such as 2026-01-31 or 2026-01-31T16:30Z, how long ago such as 7d or 12h, or now"
        raise SettingError(f"{option} {shown(text)}: write {forms}")
    return found


def _ago(text: str, now_ms: int) -> int | None:
    try:
        return now_ms - duration_ms(text)
    except ValueError:
        return None


def _time(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
        return round((at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
