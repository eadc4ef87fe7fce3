"""Which requests of a client are calls of a model, and what reads their answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callgauge.clients.answer import Answer
from callgauge.clients.anthropic_messages import MessagesAnswer
from callgauge.clients.openai_chat import ChatAnswer
from callgauge.clients.openai_embeddings import EmbeddingsAnswer
from callgauge.clients.openai_responses import ResponsesAnswer

__all__ = ["Route", "route_of"]


@dataclass(frozen=True)
class Route:
    """One kind of request."""

    path: str
    operation: str
    answer: Callable[[], Answer]


_ROUTES = (
    Route("/chat/completions", "chat", ChatAnswer),
    Route("/responses", "chat", ResponsesAnswer),
    Route("/embeddings", "embeddings", EmbeddingsAnswer),
    Route("/completions", "text_completion", ChatAnswer),
    Route("/v1/messages", "chat", MessagesAnswer),
)


def route_of(method: str, url: str) -> Route | None:
    """The route of a request, by its method and its path (or address); None for one that calls no model.

    >>> route_of("post", "/v1/messages?beta=true").operation
    'chat'
    >>> route_of("get", "/chat/completions") is None
    True
    """
    if method.lower() != "post":
        return None
    path = url.partition("?")[0].rstrip("/")
    return next((route for route in _ROUTES if path.endswith(route.path)), None)
