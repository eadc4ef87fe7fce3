"""Texts, names and times in SQL."""

from __future__ import annotations

__all__ = ["at", "quoted"]


def quoted(text: str) -> str:
    r"""A text as a literal of ClickHouse.

    >>> quoted("it's \\ ok")
    "'it\\'s \\\\ ok'"
    """
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0")
    return f"'{escaped}'"


def at(ms: int) -> str:
    """A time, epoch ms, as an expression of ClickHouse."""
    return f"fromUnixTimestamp64Milli({int(ms)}, 'UTC')"
