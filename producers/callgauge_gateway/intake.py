"""Makes records for the bus of events: checks whose they are, mends what is odd, fills in costs, and says what is
refused. No I/O; its clock is injected.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any

import msgspec

from callgauge.dead_letter import dead_key, dead_letter
from callgauge.encoding import encode
from callgauge.errors import DecodeError
from callgauge.field_reading import id_reader, text_reader
from callgauge.ids import uuid7
from callgauge.mending import mended_mark, mended_score
from callgauge.outgoing import Outgoing
from callgauge.prices.call_prices import CallPrices
from callgauge.prices.found import Prices
from callgauge.redaction.fields import redacted_fields
from callgauge.redaction.redactor import Redactor
from callgauge.schema import Mark, Score, StateChange
from callgauge.topics import Topics
from callgauge_gateway.batch import Batch, Record, Refusal
from callgauge_gateway.dialects.event import Event
from callgauge_gateway.guard.new_series import NewSeries
from callgauge_gateway.guard.scope import Scope
from callgauge_gateway.reading.call_object import content_id

__all__ = ["Intake"]

_text_of = text_reader(256)
_id_of = id_reader(64)
_MOST_OFFSET = (1 << 62) - 1


class Intake:
    """One for all requests of a process.

    Args:
        prices: for the costs of calls that come without.
        series: the quota of new series.
        redactor: takes personal data and secrets out of what is sent on, dead letters too; None: all stays as it is.
        clock: epoch seconds.
    """

    def __init__(
        self,
        topics: Topics,
        prices: Prices,
        series: NewSeries,
        redactor: Redactor | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._topics = topics
        self._series = series
        self._clean = redactor.text if redactor else str
        self._redact = partial(redacted_fields, redactor) if redactor else dict
        self._clock = clock
        self._prices = CallPrices(prices, logging.getLogger("callgauge"))
        self._outgoing = Outgoing({"service": ""}, cost=self._prices.cost, redact=self._redact)
        self._add = {"call": self._add_call, "score": self._add_score, "mark": self._add_mark}

    def now(self) -> float:
        """Epoch seconds."""
        return self._clock()

    def add(self, batch: Batch, events: Iterable[tuple[int, Event]], scope: Scope, path: str) -> None:
        """Add a record, or a refusal, for each event; they come with their places in the request.

        What cannot be counted becomes a dead letter, of the fields that were read and not of all that was sent, which
        may hold content.
        """
        now = self._clock()
        for place, event in events:
            try:
                self._add[event.kind](batch, place, event.fields, scope, now)
            except DecodeError as error:
                batch.refusals.append(Refusal(place, error.field, error.reason))
                self._bury(batch, _as_json(event.fields), error, path)

    def refuse(self, batch: Batch, place: int, raw: bytes, error: DecodeError, path: str) -> None:
        """Refuse what could not even be read: it becomes a dead letter."""
        batch.refusals.append(Refusal(place, error.field, error.reason))
        self._bury(batch, raw, error, path)

    def _bury(self, batch: Batch, raw: bytes, error: DecodeError, path: str) -> None:
        """Add the dead letter of something. It has no place on the bus: its hash stands for that."""
        raw = self._clean(raw.decode("utf-8", "replace")).encode()
        place = int.from_bytes(blake2b(raw, digest_size=8).digest()) & _MOST_OFFSET
        letter = dead_letter(
            raw, error.reason, error.field, topic=f"gateway {path}", partition=0, offset=place, ts=self._clock()
        )
        batch.records.append(Record(self._topics.dead.name, dead_key(letter), encode(letter), -1))

    def _add_call(self, batch: Batch, place: int, fields: dict[str, Any], scope: Scope, now: float) -> None:
        service = _service_of(fields, scope)
        if service is None:
            batch.refusals.append(_foreign(place, fields, scope))
            return
        if "event_id" not in fields:  # a span or payload without an id of its own
            fields["event_id"] = content_id(_as_json(fields)) if "ts" in fields else uuid7(now)
        self._series.admit(service, fields, now)
        key, value = self._outgoing.message_of((fields, now))
        batch.records.append(Record(self._topics.calls.name, key, value, place))
        batch.services[service] += 1

    def _add_score(self, batch: Batch, place: int, fields: dict[str, Any], scope: Scope, now: float) -> None:
        service = _service_of(fields, scope)
        if service is None:
            batch.refusals.append(_foreign(place, fields, scope))
            return
        model: type[Score] | type[StateChange] = StateChange if fields.get("kind") == "state_change" else Score
        own_id = "event_id" if model is StateChange else "score_id"
        if fields.get("ts") is None:
            fields["ts"] = now
        mended = mended_score(model, self._redact(fields))
        mended.setdefault(own_id, uuid7(now))
        score = model(**mended)
        key = mended.get("trace_id") or mended[own_id]
        batch.records.append(Record(self._topics.scores.name, key.encode(), encode(score), place))
        batch.services[service] += 1

    def _add_mark(self, batch: Batch, place: int, fields: dict[str, Any], scope: Scope, now: float) -> None:
        everybodys = not scope.services and fields.get("service") is None
        service = "" if everybodys else _service_of(fields, scope)
        if service is None:
            batch.refusals.append(_foreign(place, fields, scope))
            return
        mended = mended_mark(self._redact(fields), now_s=now)
        mended.setdefault("mark_id", uuid7(now))
        mark = Mark(**mended)
        key = f"mark/{mark.mark_id}".encode()
        batch.records.append(Record(self._topics.rules.name, key, encode(mark), place))
        batch.services[service] += 1


def _service_of(fields: dict[str, Any], scope: Scope) -> str | None:
    """The service of an event, which is set in its fields; None: the scope may not speak for it.

    Raises:
        DecodeError: it has none, and the scope no default.
    """
    service = fields.get("service")
    if type(service) is not str or len(service) > 256:
        service = _text_of(service)[0] if service is not None else None
    service = service or scope.default
    if not service:
        raise DecodeError("service", "missing")
    if not scope.allows(service):
        return None
    fields["service"] = service
    return service


def _as_json(fields: Mapping[str, Any]) -> bytes:
    try:
        return msgspec.json.encode(fields, enc_hook=str)
    except (TypeError, UnicodeEncodeError, RecursionError):  # half a surrogate, say
        return ascii(fields).encode()


def _foreign(place: int, fields: Mapping[str, Any], scope: Scope) -> Refusal:
    service = _text_of(fields.get("service"))[0]
    return Refusal(place, "service", f"this key may only speak for {scope}, not for {service!r}")
