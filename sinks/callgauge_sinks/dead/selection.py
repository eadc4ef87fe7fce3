"""Chooses dead letters, and counts them by topic and reason. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from callgauge.errors import SettingError

__all__ = ["Group", "Letter", "LetterId", "Selection", "epoch_s", "groups_of", "id_of", "pattern_of"]

_NUMBER = re.compile(r"\d+")


class Letter(Protocol):
    """What is known of a dead letter without its bytes; a `DeadLetter` is one."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def ts(self) -> float: ...
    @property
    def reason(self) -> str: ...
    @property
    def field(self) -> str: ...


class LetterId(NamedTuple):
    """Where the unreadable record lies."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"

    @classmethod
    def parse(cls, text: str) -> LetterId:
        """Read "topic/partition/offset".

        Raises:
            SettingError: it is none.
        """
        topic, _, place = text.partition("/")
        partition, _, offset = place.partition("/")
        if not (topic and partition.isdecimal() and offset.isdecimal()):
            raise SettingError(f"{text!r} names no dead letter: give TOPIC/PARTITION/OFFSET, as in llm.calls/0/1234")
        return cls(topic, int(partition), int(offset))


def id_of(letter: Letter) -> LetterId:
    """Where a letter's record lies."""
    return LetterId(letter.topic, letter.partition, letter.offset)


@dataclass(frozen=True)
class Selection:
    """Which letters are chosen: those that fulfil all that is given.

    Attributes:
        reason: part of the reason or of the field, in upper or lower case.
        topic: of the record; "calls" for any prefix with ".calls".
        since, until: append time of the record, epoch seconds, half-open.
        ids: only these; all if empty.
    """

    reason: str = ""
    topic: str = ""
    since: float = 0.0
    until: float = math.inf
    ids: frozenset[LetterId] = frozenset()

    def takes(self, letter: Letter) -> bool:
        """Whether a letter is chosen."""
        said = f"{letter.field}: {letter.reason}".lower()
        return (
            self.reason.lower() in said
            and (not self.topic or letter.topic == self.topic or letter.topic.endswith(f".{self.topic}"))
            and self.since <= letter.ts < self.until
            and (not self.ids or id_of(letter) in self.ids)
        )


class Group(NamedTuple):
    """Letters of one topic, with one reason and field."""

    topic: str
    reason: str
    field: str
    letters: int
    first: float
    """Append time of the earliest record, epoch seconds."""
    last: float
    example: str
    """Where the latest lies."""


def pattern_of(reason: str) -> str:
    """A reason without its numbers, which differ from record to record.

    >>> pattern_of("not JSON: malformed (byte 17)")
    'not JSON: malformed (byte #)'
    """
    return _NUMBER.sub("#", reason)


def groups_of(letters: Iterable[Letter]) -> list[Group]:
    """Count letters, the largest group first. A letter that was written more than once counts once."""
    found: dict[tuple[str, str, str], set[tuple[float, LetterId]]] = {}
    for letter in letters:
        found.setdefault((letter.topic, pattern_of(letter.reason), letter.field), set()).add((letter.ts, id_of(letter)))
    groups = [Group(*key, len(same), min(same)[0], max(same)[0], str(max(same)[1])) for key, same in found.items()]
    return sorted(groups, key=lambda group: (-group.letters, group[:3]))


def epoch_s(text: str) -> float:
    """A time as epoch seconds.

    Args:
        text: ISO 8601, UTC unless it says otherwise, or epoch seconds.

    Raises:
        SettingError: it is neither.
    """
    try:
        if math.isfinite(seconds := float(text)):
            return seconds
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise SettingError(f"{text!r} is no time: give ISO 8601, as in 2026-01-31T14:00, or epoch seconds") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
