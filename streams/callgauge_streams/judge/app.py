"""The judge worker: a Faust app that has a sample of the contents judged, and commits what is judged.

A chunk is committed after the broker has acknowledged its scores. After a crash its answers are judged again, under the
same score ids: the judge may say something else then, but each answer counts once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from typing import Any

from callgauge.codec import decoder_of
from callgauge.errors import DecodeError
from callgauge.log_once import LogOnce
from callgauge.origins import describe_origins
from callgauge.schema import Content
from callgauge.settings import Settings
from callgauge.topics import Topic
from callgauge_quality.conversation import judged_of
from callgauge_quality.judge_budget import Budget
from callgauge_quality.judge_cache import JudgeCache
from callgauge_quality.judge_sample import JudgeSample
from callgauge_quality.where_texts_go import where_texts_go
from callgauge_streams.bus.chunk import Chain, Chunk
from callgauge_streams.bus.outbox import Outbox, Outgoing
from callgauge_streams.judge.asking import Asking, Judgement
from callgauge_streams.judge.config import endpoint_of, judge_of, sample_of, truths_of
from callgauge_streams.judge.endpoint import Attempt
from callgauge_streams.judge.own_calls import JUDGE_SERVICE, call_of, encoded, price_of
from callgauge_streams.judge.spent_file import SpentFile
from callgauge_streams.quality.messages import all_labels, score_messages
from callgauge_streams.quality.start import start_from_commit
from callgauge_streams.worker.app import chunk_topic, make_app, run_worker, use_chunks
from callgauge_streams.worker.metrics import Metrics

__all__ = ["JudgeWorker", "judge_app", "run", "share_held"]

log = logging.getLogger(__name__)
_decode = decoder_of(Content)
#: Contents of a chunk for each judgement that may run at once: a chunk must be judged before it can be committed.
_ROUNDS = 4


class JudgeWorker:
    """Has chunks judged and sends what comes of it."""

    def __init__(self, app: Any, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._outbox = Outbox(app)
        self._judge = judge_of(settings)
        self._price = price_of(settings, log)
        self._truths = truths_of(settings)
        self._sample = sample_of(settings)
        self._budget = Budget(settings.judge_budget_usd)
        self._spent = SpentFile(settings.judge_spent_file)
        self._spent.read(self._budget)
        self._asking = Asking(
            endpoint_of(settings), self._judge, self._budget, JudgeCache(settings.judge_cache), self._tell, time.time
        )
        self._turn = asyncio.Semaphore(settings.judge_concurrency)
        self._partitions: dict[Any, tuple[Chain, JudgeSample]] = {}
        self._odd = LogOnce(log, again_after_s=600.0)

    def forget(self, revoked: Iterable[Any]) -> None:
        """Drop the state of partitions that are taken away."""
        for tp in revoked:
            self._partitions.pop(tp, None)

    async def take(self, tp: Any, chunk: Chunk) -> None:
        """Judge the sample of a chunk, send the scores, and when they are acknowledged allow it to be committed."""
        if not self._app.consumer.holds(tp, chunk):
            return
        if tp not in self._partitions:
            self._partitions[tp] = Chain(chunk.start), JudgeSample(self._sample)
        self._budget.part = share_held(self._app.consumer.assignment(), self._settings.topics.content)
        chain, sample = self._partitions[tp]
        fresh = chain.accept(chunk)
        if fresh is not None:
            chosen = list(self._chosen(tp, sample, fresh))
            sent = await asyncio.gather(*(self._one(*each) for each in chosen))
            await self._outbox.settled()
            self._metrics.scores_sent(sum(sent))
            await asyncio.to_thread(self._spent.write, self._budget)
        self._app.consumer.confirm(tp, chunk.last + 1, chunk.generation)

    def _chosen(self, tp: Any, sample: JudgeSample, chunk: Chunk) -> Iterable[tuple[Any, float, int]]:
        limited, records = sample.limited, chunk.records
        for value, at_ms in zip(records.values(), records.timestamps_ms.tolist(), strict=True):
            try:
                content = _decode(value)
            except DecodeError as error:  # the sink puts it on the dead-letter topic
                self._metrics.unreadable()
                self._odd.warn("unreadable", "%s/%d: a content cannot be read (%s) and is not judged", *tp, error)
                continue
            if content.service == JUDGE_SERVICE or not content.response:
                continue
            version = content.labels.get("prompt_version", "")
            share = sample.share(content.service, version, content.trace_id or content.event_id, at_ms)
            if share:
                yield content, share, at_ms
        self._metrics.judged("limited", sample.limited - limited)

    async def _one(self, content: Any, share: float, at_ms: int) -> int:
        """Judge one answer; returns how many scores were sent."""
        judged = judged_of(content.prompt, content.response, self._truths)
        async with self._turn:
            judgement = await self._asking.judge(judged, content.event_id)
        self._count(judgement)
        messages = score_messages(
            content,
            judgement.scores,
            ts=at_ms / 1000,
            origin="judge",
            labels=all_labels(content.labels),
            sample_rate=content.sample_rate * share,
            comment=self._judge.by,
            by=self._judge.by,
        )
        outgoing: list[Outgoing] = [(self._settings.topics.scores.name, None, *message) for message in messages]
        await self._outbox.put(outgoing)
        return len(outgoing)

    def _count(self, judgement: Judgement) -> None:
        self._metrics.judged(judgement.outcome, 1)
        if judgement.detail:
            what = "answers are not judged (%s): %s; callgauge_judgements_total counts them"
            self._odd.warn(judgement.outcome, what, judgement.outcome, judgement.detail)

    async def _tell(self, attempt: Attempt, event_id: str) -> float:
        """Send an attempt as a call; returns what it cost."""
        call = call_of(
            attempt,
            service=JUDGE_SERVICE,
            model=self._judge.model,
            prompt_version=self._judge.rubric.version,
            price=self._price,
            judged=event_id,
        )
        await self._outbox.put([(self._settings.topics.calls.name, None, *encoded(call))])
        return call.cost_usd or 0.0


def share_held(assigned: Iterable[Any], topic: Topic) -> float:
    """The share of a topic's partitions that a worker holds, of all that are assigned to it."""
    held = [each for each in assigned if each.topic == topic.name]
    return min(1.0, len(held) / topic.partitions)


def judge_app(settings: Settings) -> Any:
    """The Faust app, ready to run.

    Raises:
        SettingError: the judge is off, or a setting cannot be used.
        BrokerError: the cluster cannot be reached, or a topic is missing.
    """
    topics = settings.topics
    judge_of(settings)
    describe_origins(settings, [topics.content.name, topics.scores.name, topics.calls.name])
    records = settings.judge_concurrency * _ROUNDS
    app = make_app(settings.model_copy(update={"fetch_max_records": records}), "judge")
    metrics = Metrics("judge")
    worker = JudgeWorker(app, settings, metrics)
    log.warning("%s", where_texts_go(settings))
    use_chunks(app, start_of=start_from_commit(settings, metrics), on_revoked=worker.forget, metrics=metrics)

    async def judge(stream: Any) -> None:
        async for event in stream.events():
            await worker.take(event.message.tp, event.value)
            app.consumer.done(event.message.tp, event.value)

    async def ready() -> None:
        if settings.ready_file:
            settings.ready_file.touch()

    app.agent(chunk_topic(app, topics.content.name), name="judge")(judge)
    app.task(ready)
    return app


def run(settings: Settings) -> None:
    """Run a judge worker until SIGTERM."""
    # A chunk may take this long where each attempt times out; the watchdog must not end the worker before.
    longest_s = _ROUNDS * (settings.judge_retries + 1) * (settings.judge_timeout_s + 30.0)
    run_worker(judge_app(settings), settings.model_copy(update={"stall_s": max(settings.stall_s, longest_s)}))
