"""OpenTelemetry's gen_ai conventions, as they are now and as they were up to 1.36.

`input_tokens` includes cached tokens, `output_tokens` reasoning tokens: OpenTelemetry's rule, and callgauge's.
"""

from __future__ import annotations

from callgauge_gateway.dialects.names import endpoint_named, provider_named
from callgauge_gateway.dialects.table import Row, first_of, flag, ms_of_seconds

__all__ = ["GEN_AI", "RESOURCE"]

#: Of spans.
GEN_AI = (
    Row("_operation", ("gen_ai.operation.name",), note="`operation`"),
    Row("provider", ("gen_ai.provider.name", "gen_ai.system"), provider_named, "in small letters, by its name now"),
    Row("model", ("gen_ai.request.model",)),
    Row("response_model", ("gen_ai.response.model",)),
    Row("input_tokens", ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens")),
    Row("output_tokens", ("gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens")),
    Row("cache_read_tokens", ("gen_ai.usage.cache_read.input_tokens",)),
    Row("cache_write_tokens", ("gen_ai.usage.cache_creation.input_tokens",)),
    Row("reasoning_tokens", ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens")),
    Row("time_to_first_token_ms", ("gen_ai.response.time_to_first_chunk",), ms_of_seconds, "seconds there"),
    Row("stream", ("gen_ai.request.stream",), flag),
    Row("finish_reason", ("gen_ai.response.finish_reasons",), first_of, "the first of them"),
    Row("session_id", ("gen_ai.conversation.id", "session.id")),
    Row("user_id", ("user.id", "enduser.id")),
    Row("endpoint", ("server.address",), endpoint_named, "`url.path` is added where it is given"),
    Row("_port", ("server.port",), note="in `endpoint`, where it is neither 80 nor 443"),
    Row("_path", ("url.path", "http.route"), note="the end of `endpoint`"),
    Row("name", ("gen_ai.tool.name", "gen_ai.agent.name", "gen_ai.workflow.name"), note="else the span's name"),
    Row("prompt_version", ("gen_ai.prompt.version",)),
    Row("_prompt", ("gen_ai.prompt.name",), note="`prompt_version` where no version is given"),
    Row("_error", ("error.type",), note="`error_type`, and the name in `error_message`"),
    Row("http_status", ("http.response.status_code", "http.status_code")),
    Row("environment", ("deployment.environment.name", "deployment.environment")),
    Row("_response_id", ("gen_ai.response.id",), note="the tag of that name"),
)

#: Of the resource that spans come from. The rest of it is no tag: it is the same for every call of a process.
RESOURCE = (
    Row("service", ("service.name",)),
    Row("environment", ("deployment.environment.name", "deployment.environment")),
    Row("_tag.service.version", ("service.version",), note="the tag of that name"),
    Row("_tag.service.namespace", ("service.namespace",), note="the tag of that name"),
    Row("_tag.service.instance.id", ("service.instance.id",), note="the tag of that name"),
    Row("_tag.cloud.region", ("cloud.region",), note="the tag of that name"),
)
