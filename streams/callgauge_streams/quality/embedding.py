"""Asks an embeddings endpoint for a sample of the answers, a few at a time. Off unless a setting names the endpoint.

An endpoint that fails is left alone for a while, and its answers are counted: the other scores do not wait for it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpx

from callgauge.content.choice import is_sampled, parse_choice
from callgauge.errors import SettingError
from callgauge.log_once import LogOnce
from callgauge.settings import Settings
from callgauge_quality.conversation import Conversation, answer_text
from callgauge_quality.embeddings import Cache, NoEmbeddings, cosine, read_embeddings, request_body
from callgauge_streams.quality.json_client import JsonClient, checked_url
from callgauge_streams.quality.messages import Message, all_labels, score_messages

__all__ = ["SCORE", "Embedding", "embedding_of"]

log = logging.getLogger(__name__)
SCORE = "embedding_relevance"
_TEXTS = 64
_REST_S = 30.0
_MOST_BYTES = 20_000_000
_MINUTE_MS = 60_000


class Embedding:
    """Scores answers.

    Args:
        counted: told how answers ended: scored, failed, limited.
        clock: seconds that only go forward.
    """

    def __init__(
        self, settings: Settings, counted: Callable[[str, int], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        base = checked_url(
            settings.embeddings_url,
            "CALLGAUGE_EMBEDDINGS_URL",
            allow_http=settings.embeddings_allow_http,
            allowing="CALLGAUGE_EMBEDDINGS_ALLOW_HTTP",
        )
        self._url, self._model = f"{base}/embeddings", settings.embeddings_model
        self._share = parse_choice(settings.embeddings_share)
        self._per_minute, self._timeout_s = settings.embeddings_per_minute, settings.embeddings_timeout_s
        self._cache = Cache(settings.embeddings_cache)
        self._post = JsonClient(settings.embeddings_key, self._timeout_s, _MOST_BYTES)
        self._counted, self._clock = counted, clock
        self._rests_until_s, self._minute, self._used = 0.0, -1, Counter[str]()
        self._odd = LogOnce(log, again_after_s=600.0)

    async def close(self) -> None:
        """Close the connections."""
        await self._post.close()

    async def messages(self, contents: Iterable[tuple[Any, int]]) -> list[Message]:
        """The scores of those of these answers that are in the sample.

        Args:
            contents: each with the time at which its record was appended, epoch ms.
        """
        chosen = [each for each in contents if self._is_chosen(*each)]
        texts = [
            (Conversation(content.prompt).question.raw, answer_text(content.response).raw) for content, _ in chosen
        ]
        wanted = dict.fromkeys(text for pair in texts for text in pair if text.strip())
        known = await self._embeddings(list(wanted))
        found: list[Message] = []
        for (content, at_ms), (question, answer) in zip(chosen, texts, strict=True):
            one, other = known.get(question), known.get(answer)
            value = cosine(one, other) if one and other else None
            if value is not None:
                found += score_messages(
                    content,
                    {SCORE: value},
                    ts=at_ms / 1000,
                    origin="heuristic",
                    labels=all_labels(content.labels),
                    sample_rate=content.sample_rate * self._share.share(content.service),
                    comment=self._model,
                )
        self._counted("scored", len(found))
        self._counted("failed", len(chosen) - len(found))
        return found

    def _is_chosen(self, content: Any, at_ms: int) -> bool:
        share = self._share.share(content.service)
        if not content.response or not is_sampled(f"embedding:{content.trace_id or content.event_id}", share):
            return False
        if at_ms // _MINUTE_MS != self._minute:
            self._minute = at_ms // _MINUTE_MS
            self._used.clear()
        self._used[content.service] += 1
        if self._per_minute and self._used[content.service] > self._per_minute:
            self._counted("limited", 1)
            return False
        return True

    async def _embeddings(self, texts: list[str]) -> dict[str, tuple[float, ...]]:
        """Those that are known, or that the endpoint tells."""
        known = {text: vector for text in texts if (vector := self._cache.get(text)) is not None}
        missing = [text for text in texts if text not in known]
        for begin in range(0, len(missing), _TEXTS):
            part = missing[begin : begin + _TEXTS]
            if self._clock() < self._rests_until_s:
                break
            try:
                vectors = await self._asked(part)
            except (NoEmbeddings, TimeoutError, httpx.HTTPError) as error:
                self._rests_until_s = self._clock() + _REST_S
                what = "embeddings: %s; for 30 s answers have none, callgauge_embeddings_total counts them"
                self._odd.warn("failed", what, str(error) or type(error).__name__)
                break
            for text, vector in zip(part, vectors, strict=True):
                known[text] = vector
                self._cache.put(text, vector)
        return known

    async def _asked(self, texts: Sequence[str]) -> list[tuple[float, ...]]:
        async with asyncio.timeout(self._timeout_s):
            status, _, content = await self._post(self._url, request_body(self._model, texts))
        if not 200 <= status < 300:
            raise NoEmbeddings(f"HTTP {status}")
        return read_embeddings(content, len(texts))


def embedding_of(settings: Settings, counted: Callable[[str, int], None]) -> Embedding | None:
    """As the settings have it; None: off.

    Raises:
        SettingError: a setting is missing or wrong.
    """
    if not settings.embeddings_url:
        return None
    if not settings.embeddings_model:
        raise SettingError("CALLGAUGE_EMBEDDINGS_MODEL: write the model that makes the embeddings")
    return Embedding(settings, counted)
