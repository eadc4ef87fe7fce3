"""Anthropic's client streams an answer; the call says when its first token came and what was read from the cache.

CALLGAUGE_SERVICE and ANTHROPIC_API_KEY must be set.
"""

from anthropic import Anthropic
from anthropic.types import MessageParam

from callgauge import Gauge, instrument

QUESTION: MessageParam = {"role": "user", "content": "What is the capital of Switzerland?"}

with Gauge() as gauge:
    client = instrument(Anthropic(), gauge=gauge, feature="capitals", prompt_version="1")
    with client.messages.stream(model="claude-sonnet-4-6", max_tokens=100, messages=[QUESTION]) as stream:
        for text in stream.text_stream:
            print(text, end="")
