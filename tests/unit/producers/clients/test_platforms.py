"""The clients for Azure, Bedrock and Vertex: the provider is the platform, the model is the one asked for."""

from __future__ import annotations

from typing import Any

import pytest
from anthropic import Anthropic, AnthropicBedrock, AnthropicFoundry, AnthropicVertex, AsyncAnthropicBedrock
from openai import AsyncAzureOpenAI, AzureOpenAI, BedrockOpenAI, OpenAI

from callgauge import instrument
from callgauge.clients.providers import endpoint_of, provider_of
from tests.llm_answers import CHAT, CHAT_CHUNKS, MESSAGE, openai_stream
from tests.llm_stub import Answer, Stub
from tests.unit.producers.clients.conftest import Measured, all_of, got, outcome, run

MESSAGES: Any = [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize("kind", [AzureOpenAI, AsyncAzureOpenAI])
def test_azure(kind: Any, stub: Stub, measured: Measured) -> None:
    """The deployment is the model; its filter is the content filter; copies keep the deployment's path."""
    client = kind(azure_endpoint=stub.url, api_key="none", api_version="2024-10-21", max_retries=0)
    instrument(client, gauge=measured.gauge)
    refused = {"error": {"code": "content_filter", "innererror": {"code": "ResponsibleAIPolicyViolation"}}}

    async def test() -> None:
        stub.answers(Answer(json=CHAT), Answer(400, refused))
        await got(client.with_options(timeout=9).chat.completions.create(model="deployed", messages=MESSAGES))
        assert stub.seen[0].path == "/openai/deployments/deployed/chat/completions?api-version=2024-10-21"
        await outcome(lambda: client.chat.completions.create(model="deployed", messages=MESSAGES))
        no_choice = {**CHAT_CHUNKS[0], "choices": [], "model": "", "prompt_filter_results": []}
        stub.answers(openai_stream([no_choice, *CHAT_CHUNKS]))
        await all_of(client.chat.completions.create(model="deployed", messages=MESSAGES, stream=True))

    run(test)
    assert [(call.status, call.error_type, call.finish_reason) for call in measured.calls] == [
        ("success", None, "stop"),
        ("error", "content_filter_blocked", ""),
        ("success", None, "stop"),
    ]
    for call in measured.calls:
        assert (call.provider, call.model) == ("azure.ai.openai", "deployed")
        assert call.endpoint == f"{stub.url.removeprefix('http://')}/openai/chat/completions"
    assert measured.calls[2].response_model == "gpt-4o-2024-08-06"


@pytest.mark.parametrize("kind", [AnthropicBedrock, AsyncAnthropicBedrock])
def test_anthropic_on_bedrock(kind: Any, stub: Stub, measured: Measured) -> None:
    """Its client moves the model from the body to the path; the call is told as it was asked for."""
    client = kind(base_url=stub.url, api_key="none", aws_region="us-east-1", max_retries=0)
    instrument(client, gauge=measured.gauge)
    stub.answers(Answer(json=MESSAGE))
    model = "us.anthropic.claude-sonnet-4-6-v1:0"
    run(lambda: outcome(lambda: client.messages.create(model=model, max_tokens=9, messages=MESSAGES)))
    assert stub.seen[0].path == f"/model/{model}/invoke"
    assert "model" not in stub.seen[0].body
    call = measured.call
    assert (call.provider, call.model, call.input_tokens) == ("aws.bedrock", model, 130_213)
    assert call.endpoint == f"{stub.url.removeprefix('http://')}/v1/messages"


def test_anthropic_on_vertex(stub: Stub, measured: Measured) -> None:
    """The same for Vertex."""
    client = AnthropicVertex(base_url=stub.url, access_token="none", project_id="p", region="r", max_retries=0)
    instrument(client, gauge=measured.gauge)
    stub.answers(Answer(json=MESSAGE))
    client.messages.create(model="claude-sonnet-4-6@20260101", max_tokens=9, messages=MESSAGES)
    call = measured.call
    assert (call.provider, call.model, call.output_tokens) == ("gcp.vertex_ai", "claude-sonnet-4-6@20260101", 500)


def test_openai_on_bedrock(stub: Stub, measured: Measured) -> None:
    """OpenAI's client for Bedrock is told by its class."""
    client = instrument(BedrockOpenAI(base_url=f"{stub.url}/v1", api_key="none"), gauge=measured.gauge)
    stub.answers(Answer(json=CHAT))
    client.chat.completions.create(model="openai.gpt-oss-120b", messages=MESSAGES)
    assert (measured.call.provider, measured.call.model) == ("aws.bedrock", "openai.gpt-oss-120b")


class OurOpenAI(OpenAI):
    """A host's own client."""


@pytest.mark.parametrize(
    ("kind", "host", "provider"),
    [
        (OpenAI, "api.openai.com", "openai"),
        (OpenAI, "localhost", "openai"),
        (OurOpenAI, "eu.api.openai.com", "openai"),
        (OpenAI, "our.openai.azure.com", "azure.ai.openai"),
        (OpenAI, "our.services.ai.azure.com", "azure.ai.inference"),
        (OpenAI, "bedrock-runtime.us-west-2.amazonaws.com", "aws.bedrock"),
        (OpenAI, "gateway.elb.amazonaws.com", "openai"),
        (OpenAI, "generativelanguage.googleapis.com", "gcp.gemini"),
        (OpenAI, "europe-west4-aiplatform.googleapis.com", "gcp.vertex_ai"),
        (OpenAI, "aiplatform.eu.rep.googleapis.com", "gcp.vertex_ai"),
        (OpenAI, "api.groq.com", "groq"),
        (OpenAI, "api.x.ai", "x_ai"),
        (OpenAI, "api.anthropic.com", "anthropic"),
        (Anthropic, "api.anthropic.com", "anthropic"),
        (Anthropic, "proxy.internal", "anthropic"),
        (AnthropicFoundry, "proxy.internal", "azure.ai.inference"),
        (AzureOpenAI, "proxy.internal", "azure.ai.openai"),
        (dict, "proxy.internal", ""),
    ],
)
def test_provider(kind: type, host: str, provider: str) -> None:
    """By class, then by host, then by library."""
    assert provider_of(kind, host) == provider


@pytest.mark.parametrize(
    ("base_url", "path", "endpoint"),
    [
        ("https://api.openai.com/v1", "/chat/completions", "api.openai.com/v1/chat/completions"),
        ("https://user:secret@proxy:8443/llm/", "/v1/messages?beta=true", "proxy:8443/llm/v1/messages"),
        ("https://ignored/", "https://other.host/v1/responses?key=secret", "other.host/v1/responses"),
    ],
)
def test_endpoint(base_url: str, path: str, endpoint: str) -> None:
    """Host, port and path, and no secret that a URL may hold."""
    assert endpoint_of(OpenAI(base_url=base_url, api_key="none").base_url, path) == endpoint


def test_middleware_of_anthropic(stub: Stub, measured: Measured) -> None:
    """A middleware that tries again itself, or answers itself, is part of the one call."""

    def again(request: Any, call_next: Any) -> Any:
        call_next(request)
        return call_next(request)

    client = instrument(Anthropic(base_url=stub.url, api_key="none", middleware=[again]), gauge=measured.gauge)
    stub.answers(Answer(json=MESSAGE))
    message = client.messages.create(model="m", max_tokens=9, messages=MESSAGES)
    short: Any = lambda request, call_next: message  # noqa: E731
    kept = client.with_middleware(short)
    assert kept.messages.create(model="m", max_tokens=9, messages=MESSAGES) is message
    assert len(stub.seen) == 2
    assert [(call.http_status, call.output_tokens) for call in measured.calls] == [(200, 500), (None, 500)]
