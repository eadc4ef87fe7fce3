"""Judgements by the hash of what was judged: the same answer to the same question is paid for once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

__all__ = ["JudgeCache"]


class JudgeCache:
    """The newest `most` judgements; the one that was asked for longest ago goes first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, Mapping[str, float]] = OrderedDict()

    def get(self, key: bytes) -> Mapping[str, float] | None:
        """What was judged, if it is known."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: bytes, scores: Mapping[str, float]) -> None:
        """Keep a judgement."""
        self._kept[key] = scores
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
