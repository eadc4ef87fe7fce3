"""How a provider and a model are named, and how else: the readings under which a price is looked for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

__all__ = ["provider_id", "readings"]

#: Names of providers, OpenTelemetry's among them, that genai-prices does not know or takes for another.
_PROVIDERS = {
    "aws.bedrock": "aws",
    "aws_bedrock": "aws",
    "bedrock": "aws",
    "bedrock_converse": "aws",
    "azure.ai.openai": "azure",
    "azure.ai.inference": "azure",
    "az.ai.openai": "azure",
    "az.ai.inference": "azure",
    "azure_openai": "azure",
    "azure-openai": "azure",
    "azure_ai": "azure",
    "gcp.gemini": "google",
    "gcp.vertex_ai": "google",
    "gcp.gen_ai": "google",
    "mistral_ai": "mistral",
    "x_ai": "x-ai",
    "fireworks_ai": "fireworks",
    "together_ai": "together",
    "moonshot_ai": "moonshotai",
}
# Bedrock's ids: perhaps the region that a profile is for, the maker, a dot, the model.
_BEDROCK = re.compile(
    r"(?:(?:us|us-gov|eu|apac|ap|au|jp|ca|sa|me|global)\.)?"
    r"(?:ai21|amazon|anthropic|cohere|deepseek|meta|mistral|openai|qwen|writer)\.(?!ai\b)[a-z]"
)


def provider_id(provider: str) -> str:
    """A provider's name as genai-prices has it, in small letters.

    >>> provider_id("aws.bedrock"), provider_id("OpenAI")
    ('aws', 'openai')
    """
    name = provider.strip().lower()
    return _PROVIDERS.get(name, name)


def readings(provider: str, model: str, is_provider: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Provider ("" for any that makes the model) and model under which to look, the likeliest first.

    A provider that is named is never replaced by another, unless the table has no such provider (a gateway) and the
    model's own name begins with one.

    Args:
        is_provider: whether the table has a provider of that name.
    """
    model = model.strip().lower()
    asked = provider_id(provider)
    head, _, rest = model.partition("/")
    tail = model.rpartition("/")[2]
    if not asked and (model.startswith("arn:aws:bedrock:") or _BEDROCK.match(tail)):
        asked = "aws"
    elif not asked and "publishers/" in model:
        asked = "google"  # Vertex: projects/p/locations/l/publishers/anthropic/models/claude-...
    if asked and is_provider(asked):
        yield from ((asked, name) for name in dict.fromkeys([model, rest or model, tail]))
    elif rest and is_provider(provider_id(head)):
        yield from ((provider_id(head), name) for name in dict.fromkeys([rest, tail]))
    elif not asked:
        yield from (("", name) for name in dict.fromkeys([model, tail]))
