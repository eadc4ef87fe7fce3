"""The quality worker: a Faust app that scores contents and calls, and commits what it has scored.

A chunk is committed after the broker has acknowledged all its scores. After a crash some are sent again: under the same
ids, with the same values and times, so rollup (CALLGAUGE_DEDUP_S) and ClickHouse count them once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Any

from callgauge.content.choice import parse_choice
from callgauge.errors import DecodeError
from callgauge.log_once import LogOnce
from callgauge.origins import describe_origins
from callgauge.settings import Settings
from callgauge_quality.where_texts_go import where_embeddings_go
from callgauge_streams.bus.chunk import Chain, Chunk
from callgauge_streams.bus.outbox import Outbox, Outgoing
from callgauge_streams.bus.records import Records
from callgauge_streams.quality.config import heuristics_of
from callgauge_streams.quality.embedding import Embedding, embedding_of
from callgauge_streams.quality.scoring import Scores, call_scores, content_scores, decode_content
from callgauge_streams.quality.start import start_from_commit
from callgauge_streams.worker.app import chunk_topic, make_app, run_worker, use_chunks
from callgauge_streams.worker.metrics import Metrics

__all__ = ["QualityWorker", "quality_app", "run"]

log = logging.getLogger(__name__)

#: Records of a chunk. Contents are large, and every chunk waits for its acknowledgements.
CHUNK_RECORDS = 128
_AT_ONCE = 16


class QualityWorker:
    """Scores chunks and sends what it finds.

    Args:
        scores: topic -> what makes the scores of its records.
        embedding: the topic of contents, and what asks for their embeddings; None: nothing does.
    """

    def __init__(
        self,
        app: Any,
        scores_topic: str,
        scores: dict[str, Scores],
        metrics: Metrics,
        embedding: tuple[str, Embedding] | None = None,
    ) -> None:
        self._app = app
        self._outbox = Outbox(app)
        self._topic = scores_topic
        self._scores = scores
        self._metrics, self._embedding = metrics, embedding
        self._chains: dict[Any, Chain] = {}
        self._odd = LogOnce(log, again_after_s=60.0)

    def forget(self, revoked: Iterable[Any]) -> None:
        """Drop the state of partitions that are taken away."""
        for tp in revoked:
            self._chains.pop(tp, None)

    async def take(self, tp: Any, chunk: Chunk) -> None:
        """Score a chunk's records, send the scores, and when they are acknowledged allow the chunk to be committed."""
        if not self._app.consumer.holds(tp, chunk):
            return
        fresh = self._chains.setdefault(tp, Chain(chunk.start)).accept(chunk)
        if fresh is not None:
            sent = 0
            for messages in self._batches(tp, fresh):
                await self._outbox.put(messages)
                sent += len(messages)
                await asyncio.sleep(0)  # long texts take long: what else the loop has to do must not wait for all
            if self._embedding and tp.topic == self._embedding[0]:
                found = await self._embedding[1].messages(_contents(fresh))
                await self._outbox.put((self._topic, None, *message) for message in found)
                sent += len(found)
            await self._outbox.settled()
            self._metrics.scores_sent(sent)
        self._app.consumer.confirm(tp, chunk.last + 1, chunk.generation)

    def _batches(self, tp: Any, chunk: Chunk) -> Iterable[list[Outgoing]]:
        """The messages of a few records at a time."""
        for begin in range(0, len(chunk.records), _AT_ONCE):
            yield list(self._messages(tp, chunk.records.part(slice(begin, begin + _AT_ONCE))))

    def _messages(self, tp: Any, records: Records) -> Iterable[Outgoing]:
        make = self._scores[tp.topic]
        for value, appended_ms in zip(records.values(), records.timestamps_ms.tolist(), strict=True):
            try:
                for key, score in make(value, appended_ms):
                    yield self._topic, None, key, score
            except DecodeError as error:  # the sink reads the same record, and puts it on the dead-letter topic
                self._metrics.unreadable()
                what = "a record cannot be read (%s) and has no scores; `callgauge dead` shows it"
                self._odd.warn(tp.topic, f"%s/%d: {what}", tp.topic, tp.partition, error)


def _contents(chunk: Chunk) -> Iterable[tuple[Any, int]]:
    for value, appended_ms in zip(chunk.records.values(), chunk.records.timestamps_ms.tolist(), strict=True):
        with contextlib.suppress(DecodeError):  # it was said already
            yield decode_content(value), appended_ms


def quality_app(settings: Settings) -> Any:
    """The Faust app, ready to run.

    Raises:
        SettingError: a setting cannot be understood.
        BrokerError: the cluster cannot be reached, or a topic is missing.
    """
    topics = settings.topics
    heuristics = heuristics_of(settings)
    heuristics.scores("Why?", "It is so. It was so. It will be so.")  # compiles, before answers wait for it
    scores = {topics.content.name: content_scores(heuristics)}
    choice = parse_choice(settings.quality_calls)
    if not choice.is_off:
        scores[topics.calls.name] = call_scores(choice)
    describe_origins(settings, [*scores, topics.scores.name])
    records = min(settings.fetch_max_records, CHUNK_RECORDS)
    app = make_app(settings.model_copy(update={"fetch_max_records": records}), "quality")
    metrics = Metrics("quality")
    embedding = embedding_of(settings, metrics.embedded)
    if embedding:
        log.warning("%s", where_embeddings_go(settings))
    of_contents = (topics.content.name, embedding) if embedding else None
    worker = QualityWorker(app, topics.scores.name, scores, metrics, of_contents)
    use_chunks(app, start_of=start_from_commit(settings, metrics), on_revoked=worker.forget, metrics=metrics)

    async def quality(stream: Any) -> None:
        async for event in stream.events():
            await worker.take(event.message.tp, event.value)
            app.consumer.done(event.message.tp, event.value)

    async def ready() -> None:
        if settings.ready_file:
            settings.ready_file.touch()

    app.agent(chunk_topic(app, *scores), name="quality")(quality)
    app.task(ready)
    return app


def run(settings: Settings) -> None:
    """Run a quality worker until SIGTERM."""
    run_worker(quality_app(settings), settings)
