"""OpenInference's names (Arize, Phoenix). Its prompt tokens include the cached ones."""

from __future__ import annotations

from callgauge_gateway.dialects.names import provider_named
from callgauge_gateway.dialects.table import Row, first_of

__all__ = ["FIRST_TOKEN_EVENT", "OPENINFERENCE", "SPAN_KINDS"]

OPENINFERENCE = (
    Row("_openinference_kind", ("openinference.span.kind",), note="`operation`"),
    Row("provider", ("llm.provider", "llm.system"), provider_named),
    Row("model", ("llm.request.model_name",)),
    Row(
        "_parameters",
        ("llm.invocation_parameters", "embedding.invocation_parameters"),
        note="JSON: its `model`, `stream` and `user`; the rest is left out",
    ),
    Row(
        "_model_name", ("llm.model_name", "embedding.model_name"), note="`response_model`; also `model` if no other is"
    ),
    Row("response_model", ("llm.response.model_name",)),
    Row("input_tokens", ("llm.token_count.prompt",)),
    Row("output_tokens", ("llm.token_count.completion",)),
    Row("cache_read_tokens", ("llm.token_count.prompt_details.cache_read",)),
    Row("cache_write_tokens", ("llm.token_count.prompt_details.cache_write",)),
    Row("reasoning_tokens", ("llm.token_count.completion_details.reasoning",)),
    Row("finish_reason", ("llm.finish_reason",), first_of),
    Row("cost_usd", ("llm.cost.total",), note="with `price_source` emitter"),
    Row("_total", ("llm.token_count.total",), note="a tag where it stands alone"),
    Row("name", ("tool.name", "agent.name")),
    Row("prompt_version", ("llm.prompt_template.version",)),
    Row("_tags", ("tag.tags",), note="the tag `tags`, separated by commas"),
    Row("_metadata", ("metadata",), note="JSON: its short values are tags"),
)

SPAN_KINDS = {
    "LLM": "chat",
    "EMBEDDING": "embeddings",
    "RETRIEVER": "retrieval",
    "RERANKER": "retrieval",
    "TOOL": "execute_tool",
    "AGENT": "invoke_agent",
    "CHAIN": "chain",
    "PROMPT": "chain",
    "GUARDRAIL": "chain",
    "DECISION": "chain",
    "UNKNOWN": "chain",
    "EVALUATOR": "chat",
}
#: Event of a span that says when the first token of a stream came.
FIRST_TOKEN_EVENT = "First Token Stream Event"  # noqa: S105 (a token of a model, no secret)
