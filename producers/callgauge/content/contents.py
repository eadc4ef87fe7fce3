"""The contents of one Gauge: of which calls they are sent, how much waits, and how many were dropped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from callgauge.content.choice import Choice, is_sampled
from callgauge.content.message import content_message
from callgauge.content.snapshot import NOTHING, Snapshot, snapshot
from callgauge.forks import reset_in_children
from callgauge.redaction.redactor import Redactor
from callgauge.transport import Outbound

__all__ = ["FIELDS", "MOST_WAITING", "Contents"]

#: What a call is given beside the fields of `Call`.
FIELDS = ("prompt", "response")
#: Characters of all contents of a Gauge that wait to be sent; more are dropped, so that a host's memory stays bounded.
MOST_WAITING = 32 << 20


class Contents:
    """Takes prompts and answers, and makes their messages later, on the delivery thread.

    Args:
        most: characters of a prompt or answer that are sent.
        redact: the fields of a message without personal data and secrets.
        offer: takes a function that makes a message; False: the queue is full.

    Attributes:
        dropped: how many were not taken, since too much waits.
    """

    def __init__(
        self,
        choice: Choice,
        most: int,
        redactor: Redactor | None,
        redact: Callable[[Mapping[str, Any]], dict[str, Any]],
        offer: Callable[[Callable[[], Outbound]], bool],
    ) -> None:
        self._choice = choice
        self.most = most
        self._redactor = redactor
        self._redact = redact
        self._offer = offer
        self.reset_in_child()
        reset_in_children(self)

    def reset_in_child(self) -> None:
        """After a fork, in the child: what waits in the parent does not wait here."""
        self._lock = threading.Lock()
        self._waiting = 0
        self.dropped = 0

    def wants(self, service: Any) -> bool:
        """Whether any call of a service may have its content sent."""
        return not self._choice.is_off and self._choice.share(str(service)) > 0

    def pop(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Take prompt and response out of the fields of a call, if they are there."""
        return {name: fields.pop(name) for name in FIELDS if name in fields}

    def send(self, fields: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
        """Take the content of a call, if it is of those whose is sent. False: it is not, or there is no room.

        Args:
            fields: of the call; event_id, service and ts among them.
            given: prompt, response, or both.
        """
        if not fields["service"] or not fields["event_id"]:
            return False
        share = self._choice.share(str(fields["service"]))
        if not is_sampled(str(fields.get("trace_id") or fields["event_id"]), share):
            return False
        prompt, response = (snapshot(given.get(name), self.most) for name in FIELDS)
        if prompt == response == NOTHING:
            return False
        size = len(prompt.text) + len(response.text)
        with self._lock:
            if self._waiting + size > MOST_WAITING:
                self.dropped += 1
                return False
            self._waiting += size
        if self._offer(lambda: self._message(dict(fields), prompt, response, share, size)):
            return True
        with self._lock:
            self._waiting -= size
            self.dropped += 1
        return False

    def _message(
        self, fields: Mapping[str, Any], prompt: Snapshot, response: Snapshot, share: float, size: int
    ) -> Outbound:
        with self._lock:
            self._waiting -= size
        return content_message(
            fields,
            prompt,
            response,
            sample_rate=share,
            most=self.most,
            redactor=self._redactor,
            redact=self._redact,
        )
