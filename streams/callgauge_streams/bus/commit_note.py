"""What the rollup group keeps beside a committed offset: a short note in the commit's metadata.

A broker may forget metadata (tansu does), and other programs write their own: what is not ours reads as an empty note.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

__all__ = ["CommitNote"]

_Int = Annotated[int, msgspec.Meta(ge=-1, le=2**62)]


class CommitNote(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="of", tag="callgauge"):
    """The term of the takeover (a number that grows each time a worker takes the partition over), and what is known of
    the block that begins at the committed offset."""

    term: _Int = 0
    """Grows with each takeover of the partition; 0: not known."""
    lost_from: _Int = -1
    """Retention ate the offsets from here up to the committed one before they were counted; -1: none."""
    counted_to: _Int = -1
    """All rows of the records from the committed offset up to here are confirmed; -1: not known."""
    minute: _Int = -1
    """Append time of the block's first record in whole minutes; -1: no block is open, or not known."""
    epoch: str = ""
    """The epoch of the rows that count from the committed offset on; "": not known."""

    def encode(self) -> str:
        """The commit's metadata; "" for an empty note.

        It ends with a zero: confluent-kafka reads metadata as far as the next one, which may lie beyond its end.
        """
        return "" if self == CommitNote() else msgspec.json.encode(self).decode() + "\0"

    @classmethod
    def decode(cls, metadata: str | None) -> CommitNote:
        """The note in a commit's metadata; an empty one when there is none that can be read."""
        # The note itself holds no braces, so it ends at the first one; what follows is not part of it.
        written = (metadata or "").partition("}")[0] + "}"
        try:
            note = msgspec.json.decode(written, type=dict[str, msgspec.Raw])
            return msgspec.json.decode(written, type=cls) if "of" in note else cls()
        except (msgspec.MsgspecError, UnicodeError):
            return cls()

    def next_term(self, now_ms: int) -> int:
        """The term for a new takeover: higher than the stored term, and, since it is taken from the clock, higher than
        terms that a broker has forgotten."""
        return max(self.term + 1, now_ms)
