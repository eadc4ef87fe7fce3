"""What is found out once about label values, for all sources of a worker together.

The partitions of a topic have the same series: found out for each of them, they took the time and the memory as often.
"""

from __future__ import annotations

from dataclasses import dataclass

from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import Kind, Reader
from callgauge_streams.rollup.source.known_labels import KnownLabels

__all__ = ["Learned", "Words"]

# Enough for 100,000 series. A code and what is known of it take some 1,400 bytes.
_MOST = 1 << 17


@dataclass(frozen=True, slots=True)
class Words:
    """A reader, and what its codes mean for each grouping set."""

    reader: Reader
    known: KnownLabels


class Learned:
    """The words that sources of one kind share. A source takes them when a block begins and keeps them until it ends,
    since codes must mean the same throughout a block. Where there are too many, that block begins with new words, and
    so do the next blocks of the others: labels with a new value in every call do not fill the memory.

    Args:
        most: codes that are too many.
    """

    def __init__(self, config: RollupConfig, kind: Kind, most: int = _MOST) -> None:
        self._config = config
        self._kind = kind
        self._most = most
        self._words = self._new()

    def for_block(self) -> Words:
        """What a block that begins now is read with."""
        if self._words.reader.codes > self._most:
            self._words = self._new()
        return self._words

    def _new(self) -> Words:
        config, kind = self._config, self._kind
        return Words(kind.reader(config.labels), KnownLabels(config, kind.beside, steps_apart=kind.steps_apart))
