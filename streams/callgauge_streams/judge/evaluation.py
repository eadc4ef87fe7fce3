"""Asks a model questions whose answers are known: each becomes a call with scores, and one of the lines of a report.

The call's service is `callgauge-eval`, its feature the set's name and its prompt version a hash of the set, so that
runs of the same set are one series: when the model behind an endpoint is swapped in silence, `correct` moves in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import msgspec

from callgauge_quality.heuristics import Heuristics
from callgauge_quality.judgement import Judged
from callgauge_quality.truths import Truth, matches
from callgauge_streams.judge.asking import Asking
from callgauge_streams.judge.endpoint import Attempt, Endpoint

__all__ = ["EVAL_SERVICE", "Answered", "Evaluation", "version_of"]

EVAL_SERVICE = "callgauge-eval"


@dataclass(frozen=True)
class Answered:
    """One question and what came of it.

    Attributes:
        correct: None: there was no answer, or only a judge could tell and did not.
        scores: of the heuristics, and of the judge where there is one.
        attempts: every request that was made for it.
    """

    truth: Truth
    answer: str | None
    correct: bool | None
    attempts: tuple[Attempt, ...]
    heuristic: Mapping[str, float] = field(default_factory=dict)
    judged: Mapping[str, float] = field(default_factory=dict)
    error: str = ""


def version_of(truths: Sequence[Truth]) -> str:
    """Names a set by what is in it: 12 hex digits."""
    return sha256(msgspec.json.encode(list(truths))).hexdigest()[:12]


class Evaluation:
    """Asks a model.

    Args:
        judge: judges the answers too; None: they are only compared.
        least_accuracy: factual_accuracy from which an answer that only a judge can tell is correct.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        judge: Asking | None = None,
        *,
        concurrency: int = 4,
        least_accuracy: float = 4.0,
        heuristics: Heuristics | None = None,
    ) -> None:
        self._endpoint, self._model, self._judge = endpoint, model, judge
        self._turn = asyncio.Semaphore(concurrency)
        self._least_accuracy = least_accuracy
        self._heuristics = heuristics or Heuristics()

    async def run(self, truths: Sequence[Truth], done: Callable[[Answered], None]) -> list[Answered]:
        """Ask everything, a few at once; `done` is told of each as it ends. In the order of the set."""

        async def one(truth: Truth) -> Answered:
            async with self._turn:
                answered = await self._ask(truth)
            done(answered)
            return answered

        return list(await asyncio.gather(*map(one, truths)))

    async def _ask(self, truth: Truth) -> Answered:
        attempts: list[Attempt] = []

        async def told(attempt: Attempt) -> None:
            attempts.append(attempt)

        system = [{"role": "system", "content": truth.system}] if truth.system else []
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [*system, {"role": "user", "content": truth.prompt}],
            "temperature": 0,
        }
        last = await self._endpoint.chat(body, told)
        if last.text is None:
            return Answered(truth, None, None, tuple(attempts), error=last.error)
        correct, judged, error = matches(truth, last.text), {}, ""
        if self._judge is not None:
            judgement = await self._judge.judge(Judged(truth.prompt, truth.system, last.text, truth.expected), truth.id)
            judged, error = dict(judgement.scores), judgement.detail
        if correct is None and "factual_accuracy" in judged:
            correct = judged["factual_accuracy"] >= self._least_accuracy
        heuristic = self._heuristics.scores(truth.prompt, last.text, EVAL_SERVICE)
        return Answered(truth, last.text, correct, tuple(attempts), heuristic, judged, error)
