"""What a prompt holds: the user's last question, and the source, which is all the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from callgauge_quality.judgement import Judged
from callgauge_quality.text import Text, once
from callgauge_quality.truths import known_answer

__all__ = ["Conversation", "answer_text", "judged_of"]

_decode = msgspec.json.Decoder().decode
_MESSAGES = ("messages", "input", "prompt", "contents")


class Conversation:
    """A prompt, as it is on the content topic: a text, or the JSON of messages.

    Attributes:
        question: the last message of the user; of a text all of it.
        source: system prompt, context and what was said before; of a text all of it.
    """

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt

    @once
    def _said(self) -> list[tuple[str, str]]:
        """(role, text) of each message; a text is the user's."""
        if self.prompt[:1] not in ("[", "{"):
            return [("user", self.prompt)]
        try:
            value = _decode(self.prompt)
        except (msgspec.DecodeError, RecursionError):
            return [("user", self.prompt)]  # a text that begins like JSON, or JSON that was cut
        return [said for said in _messages(value) if said[1]] or [("user", self.prompt)]

    @once
    def question(self) -> Text:
        return Text(self._said[self._asked_at][1])

    @once
    def source(self) -> Text:
        said = self._said
        rest = [text for at, (_, text) in enumerate(said) if at != self._asked_at]
        return Text("\n".join(rest)) if rest else self.question

    @property
    def _asked_at(self) -> int:
        said = self._said
        return next((at for at in range(len(said) - 1, -1, -1) if said[at][0] == "user"), len(said) - 1)


def judged_of(prompt: str, response: str, truths: Mapping[str, str]) -> Judged:
    """What a judge is shown of a call, with the expected answer where the question is among those that are known."""
    conversation = Conversation(prompt)
    question = conversation.question.raw
    return Judged(question, conversation.source.raw, answer_text(response).raw, known_answer(truths, question))


def answer_text(response: str) -> Text:
    """The text of an answer; what was called as a tool is left out.

    >>> answer_text('{"content": "Done.", "tool_calls": []}').raw
    'Done.'
    """
    if response.startswith(('{"content":', '{"role":')):
        try:
            value = _decode(response)
        except (msgspec.DecodeError, RecursionError):
            return Text(response)
        if isinstance(value, dict) and "content" in value:
            return Text(_text_of(value["content"]))
    return Text(response)


def _messages(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield "user", value
    elif isinstance(value, list):
        for each in value:
            yield from _messages(each)
    elif isinstance(value, dict):
        if "content" in value or "parts" in value:
            yield str(value.get("role", "user")), _text_of(value.get("content", value.get("parts")))
            return
        for name in ("system", "instructions"):
            if value.get(name):
                yield "system", _text_of(value[name])
        for name in _MESSAGES:
            if name in value:
                yield from _messages(value[name])


def _text_of(content: Any) -> str:
    """A text, or the texts of parts: [{"type": "text", "text": ...}]."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(filter(None, map(_text_of, content)))
    if isinstance(content, dict):
        return _text_of(content.get("text", content.get("content", "")))
    return ""
