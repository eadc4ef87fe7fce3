"""Ids: of events, UUIDs (RFC 9562) of version 7, sortable by time, and 5, made of other ids; of spans, W3C's."""

import os
from collections.abc import Callable
from hashlib import sha1
from random import Random

__all__ = ["new_span_id", "new_trace_id", "uuid5_of", "uuid7"]

# Of all ids that are made of others here: uuid5(NAMESPACE_DNS, "callgauge").
_NAMESPACE = bytes.fromhex("51bf332313895555a66663e7192ee529")

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
    return _dashed(f"{value:032x}")


def uuid5_of(*parts: str) -> str:
    """The id, 36 characters, that stands for these ids together: the same whenever it is made of the same.

    >>> uuid5_of("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")
    '29610006-064d-51a7-bd93-c8ba59ef4a80'
    """
    digest = sha1(_NAMESPACE + ":".join(parts).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return _dashed(f"{digest[:12]}5{digest[13:16]}{variant}{digest[17:32]}")


def _dashed(text: str) -> str:
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_trace_id() -> str:
    """A new trace-id of W3C's Trace Context: 32 hex digits, not all of them 0."""
    return f"{_random.getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    """A new parent-id of W3C's Trace Context: 16 hex digits, not all of them 0."""
    return f"{_random.getrandbits(64) or 1:016x}"
