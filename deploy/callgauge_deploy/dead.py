"""Looks at dead letters and sends their records again: binds the letters' source, the topics and the pure decisions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from callgauge.errors import StoreError
from callgauge.schema import DeadLetter
from callgauge.settings import Settings
from callgauge_deploy.dead_topics import TopicLetters, originals_of, send
from callgauge_history.query import asking
from callgauge_sinks.dead.resend import Decode, Resend, Skip, resend_of
from callgauge_sinks.dead.selection import Group, Letter, Selection
from callgauge_sinks.dead.stored import StoredLetters, stored_ids
from callgauge_sinks.records import decode_one
from callgauge_sinks.specs import NAMES, spec_of

__all__ = ["Letters", "Outcome", "letters_of", "resend", "worth_sending"]

#: Letters that are looked at and sent at once.
_AT_ONCE = 200

#: Which of some records' event ids are stored already.
Known = Callable[[Sequence[Resend]], set[str]]


class Letters(Protocol):
    """Where dead letters are read."""

    def groups(self) -> list[Group]: ...
    def heads(self, selection: Selection) -> Sequence[Letter]: ...
    def letters(self, selection: Selection) -> Iterator[DeadLetter]: ...


@dataclass
class Outcome:
    """What became of the chosen letters.

    Attributes:
        sent: topic -> how many records.
        skipped, failed: why -> the letters, as text.
    """

    sent: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, list[str]] = field(default_factory=dict)

    def skip(self, skipped: Skip) -> None:
        """Count a letter for which nothing is sent."""
        self.skipped.setdefault(skipped.why, []).append(str(skipped.letter))


@contextmanager
def letters_of(bus: Settings, store: Settings) -> Iterator[tuple[Letters, Known, str]]:
    """Where dead letters are read: the store if it can be asked, else their topic.

    Gives also a function that knows which events are stored, and why the topic is read ("" when the store is).
    """
    with asking(store) as ask:
        try:
            ask("SELECT count() FROM dead_letters")
        except StoreError as error:
            yield TopicLetters(bus), lambda records: set(), str(error)
            return

        def known(records: Sequence[Resend]) -> set[str]:
            kinds = {bus.topics.calls.name: "calls", bus.topics.scores.name: "scores"}
            return {
                event_id
                for topic, kind in kinds.items()
                for event_id in stored_ids(ask, kind, [record for record in records if record.topic == topic])
            }

        yield StoredLetters(ask), known, ""


def resend(settings: Settings, letters: Iterable[DeadLetter], known: Known, *, dry_run: bool = False) -> Outcome:
    """Send the records of letters again.

    Args:
        known: which of some records are stored already; these are not sent.
        dry_run: send nothing, but tell what would be sent.

    Raises:
        BrokerError: the bus cannot be reached. Records that were sent until then stay.
    """
    outcome = Outcome()
    done: set[tuple[str, str]] = set()
    decoders = decoders_of(settings)
    rest = iter(letters)
    while batch := list(islice(rest, _AT_ONCE)):
        originals = originals_of(settings, batch)
        decided = [resend_of(letter, found, decoders) for letter, found in zip(batch, originals, strict=True)]
        stored = known([found for found in decided if isinstance(found, Resend)])
        records = list(worth_sending(decided, stored, done, outcome))
        reasons = [None] * len(records) if dry_run else send(settings, records)
        for record, reason in zip(records, reasons, strict=True):
            if reason is None:
                outcome.sent[record.topic] += 1
            else:
                outcome.failed.setdefault(reason, []).append(str(record.letter))
    return outcome


def worth_sending(
    decided: Iterable[Resend | Skip], stored: set[str], done: set[tuple[str, str]], outcome: Outcome
) -> Iterator[Resend]:
    """The records that are sent. Pure but for `outcome`, where all others are noted with the reason, and `done`.

    Args:
        stored: ids of events that the store has already.
        done: (topic, event id) of what this run has sent.
    """
    for found in decided:
        if isinstance(found, Skip):
            outcome.skip(found)
        elif found.event_id in stored:
            why = "its event is stored already: it was sent again before, by this command or by its sender"
            outcome.skip(Skip(found.letter, why))
        elif found.event_id and (found.topic, found.event_id) in done:
            outcome.skip(Skip(found.letter, "another letter of this run holds the same event"))
        else:
            done.add((found.topic, found.event_id))
            yield found


def decoders_of(settings: Settings) -> Mapping[str, Decode]:
    """Topic -> how the sink of that topic decodes a record, for all topics whose records may become dead letters."""
    specs = [spec_of(name, settings) for name in NAMES if name != "dead"]
    return {spec.topic: decode_one(spec.decode) for spec in specs}
