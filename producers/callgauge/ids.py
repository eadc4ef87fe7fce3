"""Ids of events: UUID version 7 (RFC 9562), sortable by the time they were made. Ids of traces and spans: W3C's."""

import os
from collections.abc import Callable
from random import Random

__all__ = ["new_span_id", "new_trace_id", "uuid7"]

_VERSION = 0x7 << 76
_VARIANT = 0b10 << 62
_RAND_B = (1 << 62) - 1

# Our own generator: a host that seeds the global one would get the same ids in every run. And not os.urandom for each
# id: it lets go of the interpreter lock, which costs the host's thread up to a switch interval.
_random = Random()  # noqa: S311 (ids must be unique, not secret)
os.register_at_fork(after_in_child=_random.seed)


def uuid7(now_s: float, random_bits: Callable[[int], int] = _random.getrandbits) -> str:
    """A new id, 36 characters: 48 bits of epoch milliseconds, then 74 random bits.

    >>> uuid7(1_645_557_742.0, lambda n: 0)
    '017f22e2-79b0-7000-8000-000000000000'
    """
    noise = random_bits(74)
    millis = int(now_s * 1e3) & ((1 << 48) - 1)
    value = (millis << 80) | _VERSION | ((noise >> 62) << 64) | _VARIANT | (noise & _RAND_B)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_trace_id() -> str:
    """A new trace-id of W3C's Trace Context: 32 hex digits, not all of them 0."""
    return f"{_random.getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    """A new parent-id of W3C's Trace Context: 16 hex digits, not all of them 0."""
    return f"{_random.getrandbits(64) or 1:016x}"
