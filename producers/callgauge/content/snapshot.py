"""A prompt or answer as text, taken while the host waits: it may change its messages right after the call."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from callgauge.redaction.cutting import MARGIN

__all__ = ["NOTHING", "Snapshot", "kept_of", "snapshot"]


class Snapshot(NamedTuple):
    """A text, cut to a little more than will be sent.

    Attributes:
        chars: how long the whole was.
    """

    text: str
    chars: int

    @property
    def is_cut(self) -> bool:
        """Whether the whole was longer."""
        return len(self.text) < self.chars


NOTHING = Snapshot("", 0)


def kept_of(most: int) -> int:
    """How many characters are kept of a text of which `most` will be sent."""
    return most + MARGIN


def snapshot(value: Any, most: int) -> Snapshot:
    """The text of what a host or client has: of text itself, of anything else the JSON, as `{"role": "user", ...}`.

    Args:
        most: characters that will be sent at most.
    """
    if isinstance(value, Snapshot):
        return value
    text = value if isinstance(value, str) else "" if value is None else _json(value)
    return Snapshot(text[: kept_of(most)], len(text))


def _json(value: Any) -> str:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode(errors="replace")
    try:
        return _encode(value).decode()
    except Exception:  # something that is not JSON, such as an iterator or a file
        return f"[{type(value).__name__}]"


def _as_sent(value: Any) -> Any:
    """A message or block of a client library, as it is sent."""
    if hasattr(type(value), "model_dump"):
        return value.model_dump(mode="json", exclude_unset=True, by_alias=True)
    return str(value)


_encode = msgspec.json.Encoder(enc_hook=_as_sent).encode
