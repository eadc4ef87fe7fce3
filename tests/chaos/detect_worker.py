"""A detect worker that stops at a named point: `python -m tests.chaos.detect_worker POINT NTH SIGNAL`.

As `tests.chaos.crash_worker` is to rollup: at the NTH passage of POINT the process sends itself SIGNAL.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

import aiokafka
from faust.transport.drivers import aiokafka as driver

from callgauge.settings import load_settings
from callgauge_streams.detect import app as detect
from callgauge_streams.detect.engine_snapshot import MANIFEST, is_piece
from tests.chaos.crash_worker import Passage

__all__ = ["POINTS"]

#: Each point in words.
POINTS = {
    "alert": "an alert is handed to the producer, and may be stored",
    "told": "alerts are stored, what they are now is not",
    "piece": "a piece of a snapshot is handed to the producer",
    "manifest": "all pieces of a snapshot are stored, its manifest is not",
    "saved": "a snapshot is stored, what it stands for is not committed",
    "committed": "an offset has just been committed",
}


def inject(point: str, passage: Callable[[], None]) -> None:
    """Make each passage of this point known."""
    if point == "saved":
        _after(detect.DetectWorker, "_save", passage)
    elif point == "committed":
        _after(aiokafka.AIOKafkaConsumer, "commit", passage)
    elif point in POINTS:
        _sends(_wanted(point), passage, before=point in ("told", "manifest"))
    else:
        raise SystemExit(f"{point!r} is none of {', '.join(POINTS)}")


def _wanted(point: str) -> Callable[[str, bytes], bool]:
    topics = load_settings().topics
    match point:
        case "alert":
            return lambda topic, key: topic == topics.alerts.name
        case "told":
            return lambda topic, key: topic == topics.alerts_current.name
        case "manifest":
            return lambda topic, key: key == MANIFEST.encode()
        case _:
            return lambda topic, key: is_piece(key.decode()) and key != MANIFEST.encode()


def _after(owner: Any, name: str, passage: Callable[[], None]) -> None:
    function = getattr(owner, name)

    async def patched(*args: Any, **kwargs: Any) -> Any:
        result = await function(*args, **kwargs)
        passage()
        return result

    setattr(owner, name, patched)


def _sends(is_wanted: Callable[[str, bytes], bool], passage: Callable[[], None], *, before: bool) -> None:
    send = driver.Producer.send

    async def patched(self: Any, topic: str, key: bytes | None, *args: Any, **kwargs: Any) -> Any:
        wanted = is_wanted(topic, key or b"")
        if wanted and before:
            passage()
        result = await send(self, topic, key, *args, **kwargs)
        if wanted and not before:
            passage()
        return result

    driver.Producer.send = patched


if __name__ == "__main__":
    inject(sys.argv[1], Passage(sys.argv[1], int(sys.argv[2]), signal.Signals[sys.argv[3]]))
    detect.run(load_settings())
