"""OpenLLMetry's names (Traceloop), beside the gen_ai names that its spans carry too."""

from __future__ import annotations

from callgauge_gateway.dialects.names import endpoint_named
from callgauge_gateway.dialects.table import Row, first_of, flag

__all__ = ["ASSOCIATIONS", "FIRST_CHUNK_EVENTS", "OPENLLMETRY", "REQUEST_TYPES", "SPAN_KINDS"]

OPENLLMETRY = (
    Row("_request_type", ("llm.request.type",), note="`operation`"),
    Row("_traceloop_kind", ("traceloop.span.kind",), note="`operation`"),
    Row("cache_read_tokens", ("gen_ai.usage.cache_read_input_tokens",)),
    Row("cache_write_tokens", ("gen_ai.usage.cache_creation_input_tokens",)),
    Row("reasoning_tokens", ("llm.usage.reasoning_tokens",)),
    Row("stream", ("gen_ai.is_streaming", "llm.is_streaming"), flag),
    Row(
        "finish_reason",
        (
            "gen_ai.response.finish_reason",
            "gen_ai.response.stop_reason",
            "llm.response.finish_reason",
            "gen_ai.completion.0.finish_reason",
        ),
        first_of,
    ),
    Row("user_id", ("traceloop.association.properties.user_id", "gen_ai.user", "llm.user")),
    Row("session_id", ("traceloop.association.properties.session_id",)),
    Row("feature", ("traceloop.association.properties.feature",)),
    Row("endpoint", ("gen_ai.openai.api_base",), endpoint_named),
    Row("name", ("traceloop.entity.name",)),
    Row("prompt_version", ("traceloop.prompt.version",)),
    Row("_total", ("llm.usage.total_tokens", "gen_ai.usage.total_tokens"), note="a tag where it stands alone"),
)

#: The rest below this name are tags, without it.
ASSOCIATIONS = "traceloop.association.properties."
REQUEST_TYPES = {
    "chat": "chat",
    "completion": "text_completion",
    "embedding": "embeddings",
    "rerank": "retrieval",
}
SPAN_KINDS = {"workflow": "chain", "agent": "invoke_agent", "task": "chain", "tool": "execute_tool"}
#: Events of a span that tell of a streamed piece: the first is the first token.
FIRST_CHUNK_EVENTS = frozenset({"gen_ai.content.completion.chunk", "llm.content.completion.chunk"})
