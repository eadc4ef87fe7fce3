"""Checks what topic and group names begin with against what Kafka allows."""

from __future__ import annotations

import re

from callgauge.topics import Topics

__all__ = ["LONGEST_PREFIX", "check_prefix"]

#: Kafka's longest topic name.
_LONGEST_NAME = 249
#: The longest prefix for which each topic's name is still allowed.
LONGEST_PREFIX = _LONGEST_NAME - max(len(topic.name) for topic in Topics("").all())
_ALLOWED = re.compile(r"[a-zA-Z0-9._-]+")


def check_prefix(prefix: str) -> str:
    """The prefix itself, if Kafka allows it.

    Raises:
        ValueError: saying what it may hold.
    """
    if not _ALLOWED.fullmatch(prefix) or prefix in (".", "..") or len(prefix) > LONGEST_PREFIX:
        raise ValueError(
            f"it may hold 1 to {LONGEST_PREFIX} of the letters a-z and A-Z, digits, dot, _ and -, and not just . or .."
        )
    return prefix
