"""What a dialect makes of what it was given: fields for the wire, not checked yet."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

__all__ = ["Event", "Kind"]

Kind = Literal["call", "score", "mark"]


class Event(NamedTuple):
    """One event in the making. Whoever sends it checks and mends its fields (`callgauge.mending`)."""

    kind: Kind
    fields: dict[str, Any]
