"""An OpenAI-compatible endpoint: chat completions with a deadline, and retries where another attempt may help.

Requests go to the configured address only, without redirects or a proxy of the environment. Errors name the host and
what it answered, never the key.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx
import msgspec
from pydantic import SecretStr

from callgauge.taxonomy import error_type_of_status
from callgauge_streams.quality.json_client import JsonClient, checked_url

__all__ = ["Attempt", "Endpoint", "checked_url"]

_LONGEST_WAIT_S = 30.0
_random = Random()  # noqa: S311 (spreads retries)
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class Attempt:
    """One request and how it ended.

    Attributes:
        text: the answer; None: there is none.
        error: what went wrong, in words; "" where nothing did.
        again: whether another attempt may help.
        wait_s: how long the endpoint asks to wait before.
    """

    began: float
    latency_ms: float
    retry: int
    text: str | None = None
    response_model: str = ""
    finish_reason: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    http_status: int | None = None
    error_type: str | None = None
    error: str = ""
    again: bool = False
    wait_s: float = 0.0


class Endpoint:
    """Asks for chat completions.

    Args:
        url: as `checked_url` gives it.
        timeout_s: of one attempt, from the request to the last byte.
        retries: further attempts after the first.
    """

    def __init__(
        self,
        url: str,
        key: SecretStr,
        *,
        timeout_s: float,
        retries: int,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._url = f"{url}/chat/completions"
        self._timeout_s, self._retries = timeout_s, retries
        self._clock, self._sleep = clock, sleep
        self._post = JsonClient(key, timeout_s)

    async def close(self) -> None:
        """Close the connections."""
        await self._post.close()

    async def chat(self, body: Mapping[str, Any], told: Callable[[Attempt], Awaitable[None]]) -> Attempt:
        """The last attempt: the first that has an answer, or that another would not help.

        Args:
            told: is given each attempt, when it has ended.
        """
        retry = 0
        while True:
            attempt = await self._attempt(body, retry)
            await told(attempt)
            if attempt.text is not None or not attempt.again or retry >= self._retries:
                return attempt
            backoff_s = 0.5 * 2**retry * (0.5 + _random.random())
            await self._sleep(min(_LONGEST_WAIT_S, max(backoff_s, attempt.wait_s)))
            retry += 1

    async def _attempt(self, body: Mapping[str, Any], retry: int) -> Attempt:
        began, ticks = self._clock(), time.perf_counter()

        def ended(**fields: Any) -> Attempt:
            return Attempt(began, (time.perf_counter() - ticks) * 1e3, retry, **fields)

        try:
            async with asyncio.timeout(self._timeout_s):
                status, headers, content = await self._post(self._url, body)
        except (TimeoutError, httpx.TimeoutException):
            return ended(error_type="timeout", error=f"no answer within {self._timeout_s:g} s", again=True)
        except httpx.HTTPError as error:
            return ended(error_type="provider_down", error=f"no answer: {type(error).__name__}", again=True)
        if not 200 <= status < 300:
            again = status in (408, 409, 425, 429) or status >= 500
            kind = error_type_of_status(status) or "other"
            wait_s = _seconds(headers.get("retry-after", ""))
            return ended(http_status=status, error_type=kind, error=f"HTTP {status}", again=again, wait_s=wait_s)
        found = _read(content)
        if found is None:
            return ended(http_status=status, error_type="invalid_response", error="no chat completion", again=True)
        return ended(http_status=status, **found)


def _read(content: bytes) -> dict[str, Any] | None:
    """The fields of an `Attempt` that a chat completion tells; None: it is none."""
    try:
        answer = _decode(content)
        choice = answer["choices"][0]
        message = choice["message"]
        text = message.get("content") or message.get("refusal") or ""
        usage = answer.get("usage") or {}
    except (msgspec.DecodeError, RecursionError, KeyError, IndexError, TypeError, AttributeError):
        return None
    if not isinstance(text, str) or not isinstance(usage, dict):
        return None
    return {
        "text": text,
        "response_model": str(answer.get("model") or "")[:256],
        "finish_reason": str(choice.get("finish_reason") or "")[:256],
        "input_tokens": _count(usage.get("prompt_tokens")),
        "output_tokens": _count(usage.get("completion_tokens")),
    }


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 10**12 else None


def _seconds(header: str) -> float:
    return min(float(header), _LONGEST_WAIT_S) if header.strip().isdigit() else 0.0
