"""Which answers a judge looks at: a share of the traces, by hash, so that every worker and every replay choose the
same.

    chosen   hash("judge:" + trace_id) < share x 2^64
    share    that of the service; of a prompt version of which fewer than `new_count` answers were seen, at least
             `new_share`, so that a new prompt is known sooner

The hash has a salt: without it a content that was sampled at 5 % would always be chosen at 5 %. A score's sample_rate
is the content's share times this one. What a limit per service leaves out is counted, and not in the rate.

What is seen of a version begins anew with the process: after a restart some more of it are judged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from callgauge.content.choice import Choice, is_sampled

__all__ = ["JudgeSample", "SampleConfig"]

_MOST_VERSIONS = 10_000
_MINUTE_MS = 60_000


@dataclass(frozen=True)
class SampleConfig:
    """See the top of the file.

    Attributes:
        per_minute: answers of a service that are judged in a minute of the log, at most; 0: no limit.
    """

    share: Choice
    new_share: float = 0.25
    new_count: int = 200
    per_minute: int = 30


class JudgeSample:
    """Chooses. One for each partition of the log.

    Attributes:
        limited: how many were left out by the limit per service.
    """

    def __init__(self, config: SampleConfig) -> None:
        self._config = config
        self._seen: Counter[tuple[str, str]] = Counter()
        self._minute = -1
        self._judged: Counter[str] = Counter()
        self.limited = 0

    def share(self, service: str, prompt_version: str, trace_id: str, at_ms: int) -> float:
        """The share by which this answer is judged; 0: it is not."""
        config, key = self._config, (service, prompt_version)
        usual = config.share.share(service)
        if not usual:
            return 0.0
        if len(self._seen) < _MOST_VERSIONS or key in self._seen:
            self._seen[key] += 1
        is_new = bool(prompt_version) and 0 < self._seen[key] <= config.new_count
        share = max(usual, config.new_share) if is_new else usual
        if not is_sampled(f"judge:{trace_id}", share):
            return 0.0
        if not self._has_room(service, at_ms):
            self.limited += 1
            return 0.0
        return share

    def _has_room(self, service: str, at_ms: int) -> bool:
        minute = at_ms // _MINUTE_MS
        if minute != self._minute:
            self._minute = minute
            self._judged.clear()
        self._judged[service] += 1
        return not self._config.per_minute or self._judged[service] <= self._config.per_minute
