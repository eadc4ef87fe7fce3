"""Asks OpenAI for the usage of a stream, where the host has allowed it, and keeps what comes for it from the host."""

from __future__ import annotations

from typing import Any

from callgauge.clients.measured_call import MeasuredCall
from callgauge.clients.openai_chat import is_usage_chunk
from callgauge.clients.routes import Route
from callgauge.clients.watched_streams import Take

__all__ = ["ask_usage", "taker"]


def ask_usage(route: Route, options: Any) -> bool:
    """Ask for usage in a streamed completion that says nothing of it. True if the request was changed."""
    body = options.json_data
    if not route.path.endswith("completions") or not isinstance(body, dict) or body.get("stream") is not True:
        return False
    given = body.get("stream_options")
    wanted = given if isinstance(given, dict) else {}
    if "include_usage" in wanted:
        return False
    options.json_data = {**body, "stream_options": {**wanted, "include_usage": True}}
    return True


def taker(call: MeasuredCall) -> Take:
    """What takes the chunks of a call's stream: see `Take`."""
    if not call.hides_usage:
        return call.take_chunk

    def take(chunk: Any) -> bool:
        call.take_chunk(chunk)
        return is_usage_chunk(chunk)

    return take
