"""One name for one thing, whoever tells of it: providers as OpenTelemetry calls them, endpoints as our own SDK writes
them."""

from __future__ import annotations

from typing import Any

__all__ = ["endpoint_named", "provider_named"]

#: What LiteLLM, OpenInference, OpenLLMetry and OpenTelemetry up to 1.36 call a provider -> its name now.
_PROVIDERS = {
    **dict.fromkeys(("az.ai.openai", "azure", "azure_openai"), "azure.ai.openai"),
    **dict.fromkeys(("az.ai.inference", "azure_ai"), "azure.ai.inference"),
    **dict.fromkeys(("bedrock", "bedrock_converse", "aws", "aws_bedrock"), "aws.bedrock"),
    **dict.fromkeys(("vertex_ai", "vertexai", "vertex_ai_beta"), "gcp.vertex_ai"),
    "gemini": "gcp.gemini",
    "google": "gcp.gen_ai",
    **dict.fromkeys(("mistral", "mistralai"), "mistral_ai"),
    "xai": "x_ai",
    "watsonx": "ibm.watsonx.ai",
    "cohere_chat": "cohere",
}


def provider_named(value: Any) -> Any:
    """The provider of that name, in small letters; what is no text, as it is.

    >>> provider_named("OpenAI"), provider_named("az.ai.openai"), provider_named("acme")
    ('openai', 'azure.ai.openai', 'acme')
    """
    if not isinstance(value, str):
        return value
    name = value.strip().lower()
    return _PROVIDERS.get(name, name) or None


def endpoint_named(value: Any) -> Any:
    """Host and path of an address, without scheme, user and query, which may hold a secret.

    >>> endpoint_named("https://user:key@api.openai.com/v1/?key=1")
    'api.openai.com/v1'
    """
    if not isinstance(value, str):
        return value
    rest = value.partition("://")[2] or value
    rest = rest.partition("?")[0].partition("#")[0]
    host, slash, path = rest.partition("/")
    return f"{host.rpartition('@')[2]}{slash}{path}".rstrip("/") or None
