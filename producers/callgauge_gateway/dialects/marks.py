"""Says of a call in the making what was mended."""

from __future__ import annotations

from typing import Any

from callgauge.mending import MENDED

__all__ = ["mark_mended"]


def mark_mended(fields: dict[str, Any], mark: str) -> None:
    """Add a mark, "field: what", to the tag `callgauge.mended`."""
    tags = fields.setdefault("tags", {})
    tags[MENDED] = f"{tags[MENDED]}; {mark}" if MENDED in tags else mark
