"""Appends a line of JSON for each alert of a notice to a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from callgauge_notify.grouping.notice import Notice
from callgauge_notify.receivers.receiver import NOTHING_KEPT, Memory, NotDelivered
from callgauge_notify.routing.receiver_kinds import FileSpec

__all__ = ["FileReceiver"]


class FileReceiver:
    """Each delivery is one write, so that lines of several processes do not mix; it is on the disk when it is told."""

    one_by_one = False
    digests = False
    pace_s = 0.0

    def __init__(self, spec: FileSpec) -> None:
        self._path = Path(spec.path)

    def deliver(self, notice: Notice) -> Memory:
        """See `Receiver.deliver`."""
        lines = [
            {
                "notice": notice.id,
                "route": notice.route,
                "at": notice.at,
                "group": dict(notice.group),
                "news": list(item.news),
                "alert": item.alert.model_dump(mode="json", exclude_none=True),
            }
            for item in notice.items
            if item.news or notice.repeats
        ]
        try:
            with self._path.open("ab", buffering=0) as file:
                file.write("".join(json.dumps(line) + "\n" for line in lines).encode())
                os.fsync(file.fileno())
        except OSError as error:
            raise NotDelivered(f"cannot write {self._path}: {error.strerror}") from error
        return NOTHING_KEPT
