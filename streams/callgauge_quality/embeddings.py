"""Relevance by meaning: the cosine of the angle between the embeddings of a question and of its answer.

    embedding_relevance = q . a / (|q| |a|),    from -1 to 1

It comes from an embeddings endpoint that a setting names (CALLGAUGE_EMBEDDINGS_URL), so its scale is that of the model:
compare it with itself only. Where `lexical_relevance` sees none ("Paris."), it may see some. No error on public data is
given here: it is that of the model.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from operator import mul
from typing import Any

import msgspec

__all__ = ["Cache", "NoEmbeddings", "cosine", "read_embeddings", "request_body"]

#: Characters of a text that are sent.
MOST_CHARS = 8_000
_decode = msgspec.json.Decoder().decode
Vector = tuple[float, ...]


class NoEmbeddings(ValueError):
    """An answer of the endpoint that holds no embeddings of what was asked for."""


def request_body(model: str, texts: Sequence[str]) -> dict[str, Any]:
    """The body of a request for the embeddings of these texts."""
    return {"model": model, "input": [text[:MOST_CHARS] for text in texts], "encoding_format": "float"}


def read_embeddings(content: bytes, texts: int) -> list[Vector]:
    """One vector for each of so many texts, in their order.

    Raises:
        NoEmbeddings: they are not there.
    """
    try:
        data = _decode(content)["data"]
        by_index = {int(each["index"]): tuple(map(float, each["embedding"])) for each in data}
        found = [by_index[at] for at in range(texts)]
    except (msgspec.DecodeError, RecursionError, KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise NoEmbeddings("no embeddings") from None
    if len({len(vector) for vector in found}) != 1 or not all(map(math.isfinite, (x for v in found for x in v))):
        raise NoEmbeddings("embeddings of different lengths, or of no numbers")
    return found


def cosine(one: Vector, other: Vector) -> float | None:
    """From -1 to 1; None: one of them is 0, or they are of different lengths.

    >>> cosine((1.0, 0.0), (1.0, 1.0))
    0.7071067811865475
    """
    size = math.sqrt(_product(one, one) * _product(other, other)) if len(one) == len(other) else 0.0
    return max(-1.0, min(1.0, _product(one, other) / size)) if size and math.isfinite(size) else None


def _product(one: Vector, other: Vector) -> float:
    return float(sum(map(mul, one, other)))


class Cache:
    """The newest `most` embeddings, by what they are of; the one that was asked for longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, Vector] = OrderedDict()

    def get(self, text: str) -> Vector | None:
        """The embedding of a text, if it is known."""
        key = _key(text)
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def put(self, text: str, vector: Vector) -> None:
        """Keep one."""
        self._kept[_key(text)] = vector
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)


def _key(text: str) -> bytes:
    return hashlib.sha256(text[:MOST_CHARS].encode("utf-8", "replace")).digest()
