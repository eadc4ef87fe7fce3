"""The first question that an admin client asks: it is answered, or fails as soon as it is known why."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from callgauge.security.explain import Refusals

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import ClusterMetadata  # mypy: admin uses it without exporting it

__all__ = ["list_topics"]

_ATTEMPT_S = 1.0


def list_topics(admin: AdminClient, refusals: Refusals, timeout_s: float) -> ClusterMetadata:
    """The cluster's topics.

    librdkafka tries again for as long as there is time, also where the broker refuses it for good. This gives up when
    `refusals`, the client's `error_cb`, knows what is meant.

    Raises:
        KafkaException: there was no answer.
    """
    from confluent_kafka import KafkaException

    until = time.monotonic() + timeout_s
    while True:
        left_s = until - time.monotonic()
        try:
            return admin.list_topics(timeout=max(0.1, min(_ATTEMPT_S, left_s)))
        except KafkaException:
            admin.poll(0)  # calls `refusals`
            if refusals.is_known or left_s <= _ATTEMPT_S:
                raise
