"""Bodies are inflated, and never to more than is allowed."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from callgauge_gateway.reading.inflate import BadEncoding, TooLarge, UnknownEncoding, inflated

ENCODE: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "zstd": zstandard.compress,
    "identity": bytes,
}
MOST = 5_000_000
#: A frame of zstd that holds nothing and is skipped.
SKIPPED = b"\x50\x2a\x4d\x18" + bytes(4)


@given(st.binary(max_size=5_000), st.sampled_from(sorted(ENCODE)))
def test_what_was_encoded_comes_out(body: bytes, encoding: str) -> None:
    """Of each encoding, in any case."""
    assert inflated(ENCODE[encoding](body), encoding.upper(), MOST) == body


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_several_members_come_out_as_one(encoding: str) -> None:
    """As both formats have it."""
    encode = ENCODE[encoding]
    assert inflated(encode(b"one") + encode(b"two"), encoding, MOST) == b"onetwo"
    with pytest.raises(TooLarge):
        inflated(encode(b"one") + encode(b"two"), encoding, 5)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_of_empty_members_is_refused_at_once(encoding: str) -> None:
    """A megabyte of them took seven seconds, in which nobody else was served; what is usual is let through."""
    member = ENCODE[encoding](b"")
    with pytest.raises(TooLarge, match="1,000 members"):
        inflated(member * 1_001, encoding, MOST)
    with pytest.raises(TooLarge, match="1,000 members"):
        inflated(SKIPPED * 1_001, "zstd", MOST)
    assert inflated(ENCODE[encoding](b"x") * 1_000, encoding, MOST) == b"x" * 1_000


def test_zeros_behind_gzip_are_padding() -> None:
    """As gzip itself has it; anything else there is told."""
    assert inflated(gzip.compress(b"one") + bytes(512), "gzip", MOST) == b"one"
    with pytest.raises(BadEncoding):
        inflated(gzip.compress(b"one") + b"two", "gzip", MOST)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_the_limit_is_exact(encoding: str) -> None:
    """So many bytes are let through, one more is not."""
    body = ENCODE[encoding](b"x" * 1_000)
    assert len(inflated(body, encoding, 1_000)) == 1_000
    with pytest.raises(TooLarge, match="999 bytes"):
        inflated(body, encoding, 999)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_costs_no_more_memory_than_the_limit(encoding: str) -> None:
    """200 MB in a few kilobytes: a few times the limit is taken, not 200 MB."""
    bomb = ENCODE[encoding](bytes(200_000_000))
    tracemalloc.start()
    with pytest.raises(TooLarge):
        inflated(bomb, encoding, 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("cut", [1, 4, 20])
def test_a_body_that_ends_too_early_is_told(encoding: str, cut: int) -> None:
    """Whatever its end lacks; and so is one that is something else."""
    body = ENCODE[encoding](bytes(range(256)) * 10)
    with pytest.raises(BadEncoding):
        inflated(body[:-cut], encoding, MOST)
    with pytest.raises(BadEncoding, match=f"not {encoding}"):
        inflated(b"{}", encoding, MOST)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
@pytest.mark.parametrize("said", ["", "identity"])
def test_what_is_compressed_without_saying_so_is_seen(encoding: str, said: str) -> None:
    """By its first bytes, within the same limits."""
    body = ENCODE[encoding](b"x" * 1_000)
    assert inflated(body, said, 1_000) == b"x" * 1_000
    with pytest.raises(TooLarge):
        inflated(body, said, 999)


def test_an_unknown_encoding_is_told() -> None:
    """With those that are known."""
    with pytest.raises(UnknownEncoding, match="'br' is none of identity, gzip"):
        inflated(b"", "br", MOST)
