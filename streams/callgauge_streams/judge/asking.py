"""One answer and its judgement: from the cache, or from the endpoint while the day's budget lasts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from callgauge_quality.judge_budget import Budget
from callgauge_quality.judge_cache import JudgeCache
from callgauge_quality.judgement import Judged, Structure, Unparsable, content_hash, read_judgement, request_body
from callgauge_quality.rubric import Rubric
from callgauge_streams.judge.endpoint import Attempt, Endpoint

__all__ = ["Asking", "Judge", "Judgement", "Outcome"]

#: How a judgement ended; each is counted.
Outcome = Literal["judged", "cached", "unparsable", "failed", "budget"]
#: Told of an attempt and the event_id of the call that it was about; returns what it cost, in dollars.
Told = Callable[[Attempt, str], Awaitable[float]]


@dataclass(frozen=True)
class Judge:
    """Who judges, and by what.

    Attributes:
        by: names both in scores: scores by another model or rubric are other scores.
    """

    model: str
    rubric: Rubric
    structure: Structure = "json_schema"

    @property
    def by(self) -> str:
        return f"{self.rubric.version} {self.model}"


@dataclass(frozen=True)
class Judgement:
    """What became of one answer.

    Attributes:
        scores: only where it was judged, or is known.
        detail: why it was not.
    """

    outcome: Outcome
    scores: Mapping[str, float] = field(default_factory=dict)
    detail: str = ""


class Asking:
    """Judges answers, each once.

    Args:
        now: the clock that days are told by, epoch seconds.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        judge: Judge,
        budget: Budget,
        cache: JudgeCache,
        told: Told,
        now: Callable[[], float],
    ) -> None:
        self._endpoint, self._judge, self._budget, self._cache = endpoint, judge, budget, cache
        self._told, self._now = told, now

    async def judge(self, judged: Judged, event_id: str) -> Judgement:
        """Judge an answer, or say why not. What cannot be read is never guessed at, nor asked for again."""
        key = content_hash(self._judge.rubric, self._judge.model, judged)
        known = self._cache.get(key)
        if known is not None:
            return Judgement("cached", known)
        if not self._budget.begin(self._now()):
            return Judgement("budget", detail=self._budget.spent_text)
        costs: list[float] = []

        async def told(attempt: Attempt) -> None:
            costs.append(await self._told(attempt, event_id))

        try:
            body = request_body(self._judge.rubric, judged, self._judge.model, self._judge.structure)
            attempt = await self._endpoint.chat(body, told)
        finally:
            self._budget.end(sum(costs))
        if attempt.text is None:
            return Judgement("failed", detail=attempt.error)
        try:
            scores = read_judgement(attempt.text, self._judge.rubric, expected=bool(judged.expected))
        except Unparsable as error:
            return Judgement("unparsable", detail=str(error))
        self._cache.put(key, scores)
        return Judgement("judged", scores)
