"""The judge's own requests as calls of the service `callgauge-judge`, so that what it does and costs is seen like all
else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from callgauge.encoding import encode
from callgauge.errors import SettingError
from callgauge.ids import uuid7
from callgauge.prices.call_prices import CallPrices
from callgauge.prices.found import load_prices
from callgauge.schema import Call
from callgauge.settings import Settings
from callgauge_streams.judge.endpoint import Attempt

__all__ = ["JUDGE_SERVICE", "Price", "call_of", "encoded", "price_of"]

JUDGE_SERVICE = "callgauge-judge"
#: From the fields of a call to what it cost and where the price is from; None: not known.
Price = Callable[[Mapping[str, Any]], tuple[float, str] | None]


def call_of(attempt: Attempt, *, service: str, model: str, prompt_version: str, price: Price, judged: str) -> Call:
    """The call that an attempt was.

    Args:
        judged: event_id of the call that it was about.
    """
    fields: dict[str, Any] = {
        "event_id": uuid7(attempt.began),
        "ts": attempt.began,
        "service": service,
        "model": model,
        "response_model": attempt.response_model,
        "prompt_version": prompt_version,
        "operation": "chat",
        "latency_ms": attempt.latency_ms,
        "status": "success" if attempt.text is not None else "error",
        "error_type": attempt.error_type,
        "error_message": attempt.error,
        "http_status": attempt.http_status,
        "finish_reason": attempt.finish_reason,
        "input_tokens": attempt.input_tokens,
        "output_tokens": attempt.output_tokens,
        "retry_count": attempt.retry,
        "response_chars": None if attempt.text is None else len(attempt.text),
        "tags": {"judged": judged} if judged else {},
    }
    found = price(fields)
    if found is not None:
        fields |= {"cost_usd": found[0], "price_source": found[1]}
    return Call(**fields)


def encoded(call: Call) -> tuple[bytes, bytes]:
    """Key and value of its message."""
    return call.event_id.encode(), encode(call)


def price_of(settings: Settings, log: logging.Logger) -> Price:
    """What the judge's calls cost: by CALLGAUGE_JUDGE_PRICE, else by the prices that calls have.

    Raises:
        SettingError: the price cannot be read, or there is none for the model: a budget could not be kept.
    """
    if settings.judge_price:
        try:
            per_input, per_output = (float(part) / 1e6 for part in settings.judge_price.split(","))
        except ValueError:
            raise _wrong_price(settings.judge_price) from None
        if not (0 <= per_input < 1 and 0 <= per_output < 1):
            raise _wrong_price(settings.judge_price)

        def own(call: Mapping[str, Any]) -> tuple[float, str] | None:
            if call.get("input_tokens") is None and call.get("output_tokens") is None:
                return None
            cost = per_input * (call.get("input_tokens") or 0) + per_output * (call.get("output_tokens") or 0)
            return cost, "CALLGAUGE_JUDGE_PRICE"

        return own
    prices = CallPrices(load_prices(settings.prices_file), log)
    trial = {"event_id": "", "ts": 1.75e9, "model": settings.judge_model, "input_tokens": 1_000, "output_tokens": 100}
    if prices.cost(trial) is None:
        raise SettingError(
            f"CALLGAUGE_JUDGE_PRICE: no price of {settings.judge_model!r} is known, so no budget can be kept: write "
            "dollars per million tokens of input and output, as 0.15,0.60 (0,0 for a model of your own)"
        )
    return prices.cost


def _wrong_price(text: str) -> SettingError:
    return SettingError(
        f"CALLGAUGE_JUDGE_PRICE: {text!r}: write dollars per million tokens of input and output, as 0.15,0.60"
    )
