"""Whom a client calls: the provider, by OpenTelemetry's names, and the endpoint."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

__all__ = ["LIBRARIES", "endpoint_of", "library_of", "provider_of"]

#: By the name of the client's class, without Async. A platform's client tells more than the library does.
_BY_CLASS = {
    "AzureOpenAI": "azure.ai.openai",
    "BedrockOpenAI": "aws.bedrock",
    "AnthropicBedrock": "aws.bedrock",
    "AnthropicBedrockMantle": "aws.bedrock",
    "AnthropicVertex": "gcp.vertex_ai",
    "AnthropicFoundry": "azure.ai.inference",
}
_BY_HOST = {
    "api.openai.com": "openai",
    "*.openai.azure.com": "azure.ai.openai",
    "*.cognitiveservices.azure.com": "azure.ai.openai",
    "*.services.ai.azure.com": "azure.ai.inference",
    "*.models.ai.azure.com": "azure.ai.inference",
    "bedrock*.amazonaws.com": "aws.bedrock",
    "bedrock*.api.aws": "aws.bedrock",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "*aiplatform*.googleapis.com": "gcp.vertex_ai",
    "api.anthropic.com": "anthropic",
    "api.cohere.*": "cohere",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks_ai",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.together.*": "together_ai",
    "api.x.ai": "x_ai",
    "openrouter.ai": "openrouter",
    "*.ml.cloud.ibm.com": "ibm.watsonx.ai",
}
LIBRARIES = ("openai", "anthropic")


@lru_cache(maxsize=1_000)
def provider_of(kind: type, host: str) -> str:
    """By the client's class, then by the host it calls; a host that is not known is taken for the library's own.

    >>> provider_of(object, "api.groq.com")
    'groq'
    """
    for ancestor in kind.__mro__:
        if found := _BY_CLASS.get(ancestor.__name__.removeprefix("Async")):
            return found
    for pattern, provider in _BY_HOST.items():
        if fnmatchcase(host, pattern):
            return provider
    return library_of(kind)


def library_of(kind: type) -> str:
    """The library that a class of clients is from: openai, anthropic, or "" for another."""
    roots = (ancestor.__module__.partition(".")[0] for ancestor in kind.__mro__)
    return next((root for root in roots if root in LIBRARIES), "")


def endpoint_of(base_url: Any, path: str) -> str:
    """Host, port where it is not the usual one, and path of a request; without its query, which may hold a secret."""
    if "://" in path:
        return path.partition("://")[2].partition("?")[0]
    host = f"{base_url.host}:{base_url.port}" if base_url.port else base_url.host
    return f"{host}{base_url.path.rstrip('/')}/{path.partition('?')[0].strip('/')}"
