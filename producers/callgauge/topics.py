"""Names all topics and says how each is set up. No other module writes out a topic's name."""

from dataclasses import dataclass

__all__ = ["Topic", "Topics"]

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Topic:
    """The name of one topic and how it is set up. `retention_ms` is None for a compacted topic."""

    name: str
    partitions: int
    retention_ms: int | None
    log_append_time: bool = True
    segment_bytes: int | None = None
    """Of a compacted topic that is written often: the newest segment is never compacted, so it must stay small."""

    def config(self) -> dict[str, str]:
        """Topic-level settings for the broker."""
        config = {"message.timestamp.type": "LogAppendTime"} if self.log_append_time else {}
        if self.segment_bytes is not None:
            config |= {"segment.bytes": str(self.segment_bytes), "min.cleanable.dirty.ratio": "0.1"}
        if self.retention_ms is None:
            return config | {"cleanup.policy": "compact"}
        return config | {"cleanup.policy": "delete", "retention.ms": str(self.retention_ms)}


class Topics:
    """All topics under one prefix ("llm" by default)."""

    def __init__(self, prefix: str = "llm", partitions: int = 4, windows_partitions: int = 4) -> None:
        self.calls = Topic(f"{prefix}.calls", partitions, 7 * DAY_MS)
        self.scores = Topic(f"{prefix}.scores", partitions, 7 * DAY_MS)
        self.content = Topic(f"{prefix}.content", partitions, 1 * DAY_MS)
        self.heartbeats = Topic(f"{prefix}.heartbeats", 1, 1 * DAY_MS)
        self.windows = Topic(f"{prefix}.windows", windows_partitions, 7 * DAY_MS)
        self.alerts = Topic(f"{prefix}.alerts", windows_partitions, 30 * DAY_MS)
        self.alerts_current = Topic(f"{prefix}.alerts.current", windows_partitions, None)
        self.detect_state = Topic(f"{prefix}.detect.state", windows_partitions, None, segment_bytes=32 << 20)
        self.notified = Topic(f"{prefix}.notified", windows_partitions, None)
        self.rules = Topic(f"{prefix}.rules", 1, None)
        self.dead = Topic(f"{prefix}.dead", 1, 30 * DAY_MS)

    def all(self) -> list[Topic]:
        """Every topic, in the order in which an event and what is made of it pass them."""
        return [
            self.calls,
            self.scores,
            self.content,
            self.heartbeats,
            self.windows,
            self.alerts,
            self.alerts_current,
            self.detect_state,
            self.notified,
            self.rules,
            self.dead,
        ]
