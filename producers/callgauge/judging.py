"""What a Gauge offers to judge calls by: scores, feedback, outcomes, circuit breakers, and marks of what changed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal

from callgauge.judgements import (
    Judged,
    Origin,
    Redact,
    feedback_scores,
    mark_message,
    score_message,
    state_change_message,
)
from callgauge.transport import Outbound

__all__ = ["Judging"]


class Judging(ABC):
    """A part of `Gauge`."""

    _clock: Callable[[], float]
    _defaults: Mapping[str, str]
    _redact: Redact

    @abstractmethod
    def _judge(self, message: Callable[[], tuple[str, Outbound]]) -> str:
        """Send what `message` gives, its own id first. Returns that id, or "" if it was not taken."""

    @abstractmethod
    def _refuse(self, error: Exception, what: str = "call") -> None:
        """Count what cannot be counted as a call or judgement, and say which of them it is, and why."""

    def score(
        self, name: str, value: float, call: Judged = None, *, origin: Origin = "other", comment: str = ""
    ) -> str:
        """Send a judgement of a call; it counts in the call's series.

        Args:
            value: any number from -1e6 to 1e6; true is 1.
            call: `call.ref`, from whatever process; or the call itself. None: it is of the service as a whole.
            origin: who judged: heuristic, judge (a model), user, business.

        Returns:
            The score_id, or "" if it was not taken: what is wrong is counted in `stats` and logged, never raised.
        """
        return self._judge(
            lambda: score_message(
                name,
                value,
                call,
                origin=origin,
                comment=comment,
                defaults=self._defaults,
                now_s=self._clock(),
                redact=self._redact,
            )
        )

    def feedback(
        self,
        ref: Judged,
        *,
        thumbs: bool | Literal["up", "down"] | None = None,
        rating: float | None = None,
        comment: str = "",
    ) -> str:
        """Send what a user says of an answer: the score `thumbs` (up 1, down 0), `rating` (as it is), or both.

        Returns:
            The score_id, of the last one if there are two; "" if it was not taken.
        """
        sent = ""
        try:
            scores = feedback_scores(thumbs, rating)
        except Exception as error:
            self._refuse(error, "judgement")
            return ""
        for name, value in scores:
            sent = self.score(name, value, ref, origin="user", comment=comment)
        return sent

    def outcome(self, name: str, value: float, ref: Judged = None) -> str:
        """Send what became of a conversation or task: a score of origin business. Usual names: completion, escalation,
        conversion, abandonment, satisfaction.

        Returns:
            The score_id, or "" if it was not taken.
        """
        return self.score(name, value, ref, origin="business")

    def breaker(self, name: str, from_: str, to: str, reason: str = "", **labels: Any) -> str:
        """Tell that a circuit breaker changed its state: closed, open, half_open.

        Args:
            labels: of the calls that it breaks, usually `provider`.

        Returns:
            The event_id, or "" if it was not taken.
        """
        return self._judge(
            lambda: state_change_message(name, from_, to, reason, labels, self._defaults, self._clock(), self._redact)
        )

    def mark(self, text: str, *, at: float | None = None, author: str = "", url: str = "", **labels: Any) -> str:
        """Tell that something changed: a deploy, a new prompt, another model. It is shown beside what was measured, and
        `callgauge mark report` compares before and after.

        A process that marks needs the right to write to the topic of rules (docs/security.md, `marker`).

        Args:
            at: since when, epoch seconds; now, if left out.
            labels: whose calls it concerns: `service` (the Gauge's, if left out; "": everybody's), environment, ...

        Returns:
            The mark_id, or "" if it was not taken.
        """
        whose = {"service": self._defaults["service"], **labels}
        more = {"author": author, "url": url}
        return self._judge(lambda: mark_message(text, at, whose, more, self._clock(), self._redact))
