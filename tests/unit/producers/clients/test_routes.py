"""Only requests that call a model are measured."""

from __future__ import annotations

import pytest

from callgauge.clients.routes import route_of


@pytest.mark.parametrize(
    ("method", "url", "operation"),
    [
        ("post", "/chat/completions", "chat"),
        ("POST", "/responses", "chat"),
        ("post", "/embeddings", "embeddings"),
        ("post", "/completions", "text_completion"),
        ("post", "/v1/messages?beta=true", "chat"),
        ("post", "https://api.openai.com/v1/chat/completions", "chat"),
        ("get", "/chat/completions", None),
        ("post", "/chat/completions/chatcmpl-1", None),
        ("post", "/responses/resp_1/cancel", None),
        ("post", "/responses/compact", None),
        ("post", "/threads/t/messages", None),
        ("post", "/v1/messages/count_tokens", None),
        ("post", "/v1/messages/batches", None),
        ("post", "/images/generations", None),
    ],
)
def test_route(method: str, url: str, operation: str | None) -> None:
    """By method and path, whatever the query."""
    route = route_of(method, url)
    assert (route.operation if route else None) == operation
