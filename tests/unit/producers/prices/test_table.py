"""The table finds a model under every name that people use for it, and the right price of the day and hour."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.prices.names import provider_id
from callgauge.prices.table import Listed, Table, table

DAY = datetime(2026, 11, 28, tzinfo=UTC)
#: 600 fresh input tokens, 400 from the cache, 100 output tokens.
CALL = {"input_tokens": 1_000, "cache_read_tokens": 400, "output_tokens": 100}
BEDROCK = "arn:aws:bedrock:us-east-1::foundation-model/"
PROFILE = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/"
VERTEX = "projects/p/locations/us-east5/publishers/anthropic/models/"
#: provider, model, who sells it, nano-dollars of CALL, by the prices of genai-prices 0.2.3.
NAMES = [
    ("openai", "gpt-4o", "openai", 3_000_000),
    ("openai", "gpt-4o-2024-08-06", "openai", 3_000_000),
    ("", "gpt-4o-mini", "openai", 180_000),
    ("", "openai/gpt-4o-2024-08-06", "openai", 3_000_000),
    ("OpenAI", "GPT-4o", "openai", 3_000_000),
    ("openai", "gpt-5", "openai", 1_800_000),
    ("openai", "gpt-5-mini-2025-08-07", "openai", 360_000),
    ("openai", "o3-mini", "openai", 1_320_000),
    ("openai", "gpt-4.1-nano", "openai", 110_000),
    ("openai", "text-embedding-3-small", "openai", 20_000),
    ("openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", "openai", 420_000),
    ("azure", "gpt-4o", "azure", 3_000_000),
    ("azure.ai.openai", "gpt-4o-mini-2024-07-18", "azure", 180_000),
    ("az.ai.openai", "gpt-4o", "azure", 3_000_000),
    ("", "azure/gpt-4.1", "azure", 2_200_000),
    ("anthropic", "claude-sonnet-4-6", "anthropic", 3_420_000),
    ("anthropic", "claude-sonnet-4-5-20250929", "anthropic", 3_420_000),
    ("anthropic", "claude-3-5-haiku-latest", "anthropic", 912_000),
    ("", "anthropic/claude-opus-4-1", "anthropic", 17_100_000),
    ("", "claude-haiku-4-5", "anthropic", 1_140_000),
    ("aws.bedrock", "anthropic.claude-3-5-sonnet-20240620-v1:0", "aws", 3_420_000),
    ("aws.bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws", 3_762_000),
    ("", "eu.anthropic.claude-3-7-sonnet-20250219-v1:0", "aws", 3_420_000),
    ("", f"{BEDROCK}anthropic.claude-3-haiku-20240307-v1:0", "aws", 375_000),
    ("aws.bedrock", f"{PROFILE}eu.amazon.nova-lite-v1:0", "aws", 66_000),
    ("bedrock", "amazon.nova-pro-v1:0", "aws", 880_000),
    ("aws_bedrock", "meta.llama3-1-70b-instruct-v1:0", "aws", 792_000),
    ("", "bedrock/anthropic.claude-3-5-haiku-20241022-v1:0", "aws", 912_000),
    ("gcp.vertex_ai", "claude-3-5-sonnet@20241022", "google", 3_420_000),
    ("gcp.vertex_ai", "publishers/google/models/gemini-2.5-flash", "google", 442_000),
    ("", f"{VERTEX}claude-sonnet-4-5@20250929", "google", 3_420_000),
    ("gcp.gemini", "models/gemini-2.5-pro", "google", 1_800_000),
    ("", "vertex_ai/gemini-2.0-flash", "google", 110_000),
    ("gcp.gen_ai", "gemini-2.5-flash-lite", "google", 104_000),
    ("mistral_ai", "mistral-large-latest", "mistral", 2_600_000),
    ("", "mistral/codestral-latest", "mistral", 390_000),
    ("x_ai", "grok-4", "x-ai", 3_600_000),
    ("", "xai/grok-3-mini", "x-ai", 260_000),
    ("groq", "llama-3.3-70b-versatile", "groq", 669_000),
    ("", "groq/llama-3.1-8b-instant", "groq", 58_000),
    ("cohere", "command-r-plus-08-2024", "cohere", 3_500_000),
    ("openrouter", "openai/gpt-4o", "openrouter", 3_000_000),
    ("openrouter", "anthropic/claude-sonnet-4.5", "openrouter", 3_420_000),
    ("together_ai", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "together", 968_000),
    ("litellm", "openai/gpt-4o", "openai", 3_000_000),
]


@pytest.fixture(scope="module")
def listed() -> Table:
    found = table()
    assert found is not None
    return found


@pytest.mark.parametrize(("provider", "model", "seller", "nano"), NAMES)
def test_names_resolve(listed: Table, provider: str, model: str, seller: str, nano: int) -> None:
    """Dated, prefixed, of Azure, Bedrock and Vertex, by OpenTelemetry's and by LiteLLM's names of providers."""
    found = listed.find(provider, model, DAY)
    assert found is not None
    assert (found.provider, found.periods[0][1].nano(CALL)) == (seller, nano)


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("", "no-such-model"),
        ("vllm", "gpt-4o"),
        ("openai", "claude-sonnet-4-6"),
        ("anthropic", "gpt-4o"),
        ("openai", "tts-1"),
        ("aws.bedrock", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123"),
        ("", "meta-llama/Llama-3-70b"),
        ("", "/"),
        ("/", ""),
        ("\x00", "[("),
    ],
)
def test_what_is_unknown_is_not_guessed(listed: Table, provider: str, model: str) -> None:
    """Another provider's price is never taken for that of the provider that is named."""
    assert listed.find(provider, model, DAY) is None


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_may_be_a_name(provider: str, model: str) -> None:
    """Looking it up raises nothing, and of a found one the price is whole."""
    found = looked_up(provider, model)
    assert found is None or found.periods[0][0] == 0.0


@given(st.sampled_from(NAMES), st.sampled_from(["", " ", "\n"]))
def test_blanks_around_a_name_do_not_matter(name: tuple[str, str, str, int], blank: str) -> None:
    """Nor do capitals."""
    provider, model, *_ = name
    assert looked_up(f"{blank}{provider.upper()}", f"{model.upper()}{blank}") == looked_up(provider, model)


def looked_up(provider: str, model: str) -> Listed | None:
    found = table()
    assert found is not None
    return found.find(provider, model, DAY)


def test_a_gateway_passes_the_provider_in_the_name(listed: Table) -> None:
    """A provider that the table does not know, and a model whose name begins with one that it knows."""
    found = listed.find("our-gateway", "anthropic/claude-haiku-4-5", DAY)
    assert found is not None
    assert found.provider == "anthropic"


def test_the_price_is_that_of_the_day(listed: Table) -> None:
    """OpenAI's o3 became cheaper on 10 June 2025."""
    costs = []
    for day in (datetime(2025, 6, 9, tzinfo=UTC), datetime(2025, 6, 10, tzinfo=UTC)):
        found = listed.find("openai", "o3", day)
        assert found is not None
        costs.append(found.periods[0][1].nano({"input_tokens": 1_000, "output_tokens": 100}))
    assert costs == [14_000_000, 2_800_000]


def test_a_price_by_the_time_of_day_has_periods(listed: Table) -> None:
    """DeepSeek's was half at night, from 16:30 to 0:30 UTC."""
    found = listed.find("deepseek", "deepseek-chat", DAY)
    assert found is not None
    input_costs = [(since, price.nano({"input_tokens": 1_000, "output_tokens": 0})) for since, price in found.periods]
    assert input_costs == [(0.0, 135_000), (1_800.0, 270_000), (59_400.0, 135_000)]


def test_providers_have_other_names() -> None:
    """OpenTelemetry's become the table's; others stay, in small letters."""
    given = ["gcp.vertex_ai", "azure.ai.inference", " Mistral_AI ", "anthropic"]
    assert [provider_id(name) for name in given] == ["google", "azure", "mistral", "anthropic"]


def test_there_are_forty_names() -> None:
    """And more."""
    assert len(NAMES) >= 40
