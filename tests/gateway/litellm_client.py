"""LiteLLM as people use it, with its generic API logger: `python -m tests.gateway.litellm_client json_array ndjson`.

Run by a Python that has litellm (`tests.integration.test_gateway` makes one), against a stub of the provider. The
logger is told where to send by GENERIC_LOGGER_ENDPOINT.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from contextlib import suppress
from typing import Any

from tests.llm_answers import CHAT, CHAT_CHUNKS, CHAT_USAGE_CHUNK, EMBEDDINGS, MESSAGE
from tests.llm_stub import Answer, Stub, stub_server

_EVENTS = [f"data: {json.dumps(chunk)}\n\n" for chunk in (*CHAT_CHUNKS, CHAT_USAGE_CHUNK)] + ["data: [DONE]\n\n"]
_LIMITED = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}


async def ask_all(litellm: Any, stub: Stub) -> int:
    """Send five requests; gives their number."""
    common = {"api_key": "none", "messages": [{"role": "user", "content": "a secret prompt"}], "num_retries": 0}
    openai = common | {"api_base": f"{stub.url}/v1"}
    stub.answers(Answer(json=CHAT))
    await litellm.acompletion(model="openai/gpt-4o", **openai)
    stub.answers(Answer(events=_EVENTS))
    options = {"stream": True, "stream_options": {"include_usage": True}}
    async for _ in await litellm.acompletion(model="openai/gpt-4o", **options, **openai):
        pass
    stub.answers(Answer(json=MESSAGE))
    await litellm.acompletion(model="anthropic/claude-sonnet-4-6", api_base=stub.url, **common)
    stub.answers(Answer(json=EMBEDDINGS))
    await litellm.aembedding(
        model="openai/text-embedding-3-small", input=["x"], api_base=openai["api_base"], api_key="none"
    )
    stub.answers(Answer(status=429, json=_LIMITED))
    with suppress(litellm.RateLimitError):
        await litellm.acompletion(model="openai/gpt-4o", **openai)
    return 5


async def main(forms: list[str]) -> None:
    """Ask, and send the log in each form: LiteLLM takes seconds to load, and but one logger of a class."""
    litellm: Any = importlib.import_module("litellm")
    callback = importlib.import_module("litellm.integrations.generic_api.generic_api_callback")
    logger = callback.GenericAPILogger()
    litellm.callbacks = [logger]
    with stub_server() as stub:
        expected = await ask_all(litellm, stub)
        for _ in range(600):
            if len(logger.log_queue) >= expected:
                break
            await asyncio.sleep(0.05)
    payloads = list(logger.log_queue)
    assert len(payloads) == expected
    for form in forms:
        logger.log_format, logger.log_queue = form, list(payloads)
        await logger.flush_queue()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
