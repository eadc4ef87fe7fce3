"""Dirty traffic without end, as a pure function of a seed: what real emitters do to a stream.

on time     the call ended at most half a second before it is sent
late        it ended up to a day before
skewed      two services' clocks are a day slow and a day fast
again       the same key and bytes once more, most of them within the dedup horizon
poison      bytes that are no call
idle        some partitions never get a record
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count
from typing import Literal
from zlib import crc32

from callgauge.schema import Call
from tests.random_calls import random_calls

__all__ = ["POISON", "Dirt", "Kind", "Send", "traffic"]

Kind = Literal["call", "again", "poison"]

_DAY_S = 86_400.0
_TEMPLATES = 2_000

#: What emitters gone wrong send; none of it can be read.
POISON: tuple[bytes | None, ...] = (
    None,
    b"",
    b"{",
    b"\xff\xfe\x00not text",
    b"[1, 2, 3]",
    b'{"event_id": "no-time", "service": "service-0"}',
    b'{"event_id": "text-time", "ts": "yesterday", "service": "service-0"}',
    b'{"event_id": "before-1970", "ts": -1, "service": "service-0"}',
    b'{"event_id": "no-service", "ts": 1, "service": null}',
    b'{"event_id": "after-2100", "ts": 1e40, "service": "service-0"}',
    b"[" * 5_000,
)


@dataclass(frozen=True)
class Dirt:
    """How dirty: shares of the events, and how far off."""

    again: float = 0.05
    again_beyond: float = 0.1
    """Share of those sent again that come after the horizon."""
    dedup_s: float = 60.0
    late: float = 0.05
    poison: float = 0.01
    skew_s: tuple[tuple[str, float], ...] = (("service-6", -_DAY_S), ("service-7", _DAY_S))
    partitions: tuple[int, ...] = (0, 1)
    """Those that get records."""


@dataclass(frozen=True, slots=True)
class Send:
    """One message, and when it is due (epoch seconds)."""

    at: float
    partition: int
    key: bytes
    value: bytes | None
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Template:
    """A random call without its id and its time: what is written once for many."""

    service: str
    latency_ms: float
    partition: int
    key: bytes
    rest: bytes

    def send(self, event_id: str, end: float, at: float) -> Send:
        """A call of this kind that ended at `end`."""
        ts = end - self.latency_ms / 1000
        value = b'{"event_id":"%s","ts":%s,%s' % (event_id.encode(), repr(ts).encode(), self.rest)
        return Send(at, self.partition, self.key, value, "call")


def traffic(dirt: Dirt, *, seed: int, start: float, per_s: float) -> Iterator[Send]:
    """Messages in the order they are due: `per_s` calls and poison a second from `start` on, and what comes again."""
    rng = random.Random(seed)
    templates = [_template(call, dirt) for call in random_calls(_TEMPLATES, seed=seed)]
    again: list[tuple[float, int, Send]] = []
    for number in count():
        at = start + number / per_s
        while again and again[0][0] <= at:
            yield heappop(again)[-1]
        if rng.random() < dirt.poison:
            key = b"p%d" % number
            yield Send(at, _partition_of(key, dirt), key, rng.choice(POISON), "poison")
            continue
        template = rng.choice(templates)
        send = template.send(f"{seed:x}-{number:x}", _end_of(template, dirt, rng, at), at)
        yield send
        if rng.random() < dirt.again:
            due = at + _again_after_s(dirt, rng)
            heappush(again, (due, number, replace(send, at=due, kind="again")))


def _template(call: Call, dirt: Dirt) -> _Template:
    key = call.trace_id.encode()
    rest = json.dumps(call.model_dump(exclude={"event_id", "ts"}, exclude_defaults=True))[1:].encode()
    return _Template(call.service, call.latency_ms or 0.0, _partition_of(key, dirt), key, rest)


def _end_of(template: _Template, dirt: Dirt, rng: random.Random, at: float) -> float:
    """Event time of a call that is sent at `at`, by its service's clock."""
    ago_s = rng.uniform(2.5, _DAY_S) if rng.random() < dirt.late else rng.uniform(0.0, 0.5)
    return at - ago_s + dict(dirt.skew_s).get(template.service, 0.0)


def _again_after_s(dirt: Dirt, rng: random.Random) -> float:
    """How much later a message comes again: at once, within the horizon, or after it."""
    if rng.random() < dirt.again_beyond:
        return dirt.dedup_s * rng.uniform(1.1, 1.6)
    return dirt.dedup_s * rng.choice((0.0, rng.uniform(0.0, 0.8)))


def _partition_of(key: bytes, dirt: Dirt) -> int:
    """The same key always goes to the same of the partitions that get records."""
    return dirt.partitions[crc32(key) % len(dirt.partitions)]
