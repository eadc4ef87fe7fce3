"""Gathers what a model wrote, whole or piece by piece, for services that want it stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from callgauge.clients.parts import items, part
from callgauge.content.snapshot import Snapshot, kept_of, snapshot

__all__ = ["Said"]


class Said:
    """The text of an answer and its tool calls. It keeps little more than `most` characters of each.

    Args:
        most: characters that will be sent at most.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._texts: list[str] = []
        self._kept = self._chars = 0
        self._tools: dict[Any, dict[str, str]] = {}

    def add(self, text: Any) -> None:
        """Add a piece of the text."""
        if isinstance(text, str) and text:
            self._chars += len(text)
            piece = text[: kept_of(self._most) - self._kept]
            self._kept += len(piece)
            self._texts.append(piece)

    def add_tool(self, key: Any, name: Any, arguments: Any) -> None:
        """Add a tool call, or more of the arguments of the one with this key."""
        tool = self._tools.setdefault(key, {"name": "", "arguments": ""})
        if isinstance(name, str) and name:
            tool["name"] = name
        if arguments is not None:
            room = kept_of(self._most) - len(tool["arguments"])
            tool["arguments"] += snapshot(arguments, self._most).text[:room]

    def add_chat(self, message: Any) -> None:
        """Add a message, or a delta, of OpenAI's chat completions."""
        self.add(part(message, "content"))
        self.add(part(message, "refusal"))
        for at, tool in enumerate(items(message, "tool_calls")):
            key = part(tool, "index")
            self.add_tool(
                at if key is None else key, part(tool, "function", "name"), part(tool, "function", "arguments")
            )

    def add_blocks(self, blocks: Iterable[Any]) -> None:
        """Add the blocks of a whole answer of Anthropic's messages or OpenAI's responses."""
        for at, block in enumerate(blocks):
            kind = part(block, "type")
            if kind in ("text", "output_text"):
                self.add(part(block, "text"))
            elif kind in ("tool_use", "server_tool_use"):
                self.add_tool(at, part(block, "name"), part(block, "input"))
            elif kind == "function_call":
                self.add_tool(at, part(block, "name"), part(block, "arguments"))
            elif kind == "message":
                self.add_blocks(items(block, "content"))

    def snapshot(self) -> Snapshot | None:
        """The text; with tool calls the JSON of both; None where nothing was written."""
        text = "".join(self._texts)
        if self._tools:
            return snapshot({"content": text, "tool_calls": list(self._tools.values())}, self._most)
        return Snapshot(text, self._chars) if text else None
