"""Times as people write them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime

from callgauge.errors import SettingError
from callgauge_rules.durations import duration_ms

__all__ = ["time_ms"]


def time_ms(text: str, now_ms: int, option: str) -> int:
    """Epoch ms of "now", of a time (UTC, if it names no zone), or of so long ago: 7d, 12h.

    Raises:
        SettingError: it is none of these.
    """
    if text == "now":
        return now_ms
    try:
        return now_ms - duration_ms(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
        return round((at.replace(tzinfo=UTC) if at.tzinfo is None else at).timestamp() * 1000)
    except (ValueError, OverflowError):
        forms = "a time such as 2026-01-31 or 2026-01-31T16:30Z, how long ago such as 7d or 12h, or now"
        raise SettingError(f"{option} {text!r}: write {forms}") from None
