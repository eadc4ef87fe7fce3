"""Which statements of others are run."""

from __future__ import annotations

import re

__all__ = ["MAX_SQL_BYTES", "refusal_of"]

_READS = re.compile(r"(SELECT|SHOW|DESCRIBE|DESC|EXPLAIN|WITH|EXISTS)\b", re.IGNORECASE)
_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/|\()*", re.DOTALL)

#: Longest statement that is read.
MAX_SQL_BYTES = 262_144


def refusal_of(sql: str) -> str | None:
    """Why a statement is not run; None if it may be run.

    Besides this check, the engine itself runs in its read-only mode.
    """
    start = sql[_COMMENTS.match(sql).end() :]  # type: ignore[union-attr]  # matches the empty string at least
    if not start:
        return "the body must be an SQL statement"
    if not _READS.match(start):
        return (
            f"only SELECT, WITH, SHOW, DESCRIBE, EXPLAIN and EXISTS are allowed, not {start.split(None, 1)[0][:20]!r}"
        )
    return None
