"""Sends messages, and calls back once the broker has acknowledged them.

A worker that waited for each acknowledgement would idle for a round trip every time a block ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["Outbox", "Outgoing"]

#: topic, partition (None: that of the key), key, value; a value of None deletes the key of a compacted topic
Outgoing = tuple[str, int | None, bytes, bytes | None]


_MANY = 4_096


def _nothing() -> None:
    """The default callback: nothing waits for these messages."""


class Outbox:
    """Sends messages in order, and calls back when everything sent so far is acknowledged.

    A batch that is sent again may arrive twice. That does no harm: a row replaces its equal, and an alert has an
    identity. Batches never change their order, since aiokafka sends one batch of a partition at a time.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._arrived: asyncio.Task[None] | None = None

    async def put(self, messages: Iterable[Outgoing], then: Callable[[], None] = _nothing) -> None:
        """Hand messages to the producer; returns when it has taken them.

        Args:
            then: called when these messages and all put before are acknowledged; never if one of them was refused.

        Raises:
            KafkaError, ProducerSendError: one of these, or an earlier one, was refused.
        """
        if self._arrived is not None and self._arrived.done():
            self._arrived.result()
        producer, sent = self._app.producer, list[asyncio.Future[Any]]()
        for topic, partition, key, value in messages:
            sent.append(await producer.send(topic, key, value, partition, None, None))
            if len(sent) >= _MANY:  # a block may have a hundred thousand rows
                sent = [future for future in sent if not _has_arrived(future)]
        if sent or then is not _nothing:
            self._arrived = asyncio.ensure_future(_arrive(self._arrived, sent, then))

    async def settled(self) -> None:
        """Wait until all that was put so far is acknowledged.

        Raises:
            KafkaError, ProducerSendError: something was refused; nothing that depends on it may be committed.
        """
        if self._arrived is not None:
            await asyncio.shield(self._arrived)  # cancelling the task that waits stops no message


def _has_arrived(sent: asyncio.Future[Any]) -> bool:
    return sent.done() and not sent.cancelled() and sent.exception() is None


async def _arrive(before: asyncio.Task[None] | None, sent: list[Any], then: Callable[[], None]) -> None:
    if before is not None:
        await before
    if sent:
        await asyncio.gather(*sent)
    then()
