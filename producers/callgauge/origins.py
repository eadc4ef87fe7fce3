"""Asks the broker for the ids of its cluster and its topics, which they keep for as long as they live.

A source, the log of one partition, is named by them: "cluster id/topic id/partition". So a topic that was deleted and
made again, or a topic of another cluster, gives other sources, and their rows overwrite nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from callgauge.errors import BrokerError
from callgauge.security.explain import Refusals, explained
from callgauge.security.first_contact import list_topics
from callgauge.settings import Settings

__all__ = ["Origin", "describe_origins"]

_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Origin:
    """A topic as it is now."""

    id: str
    """ "cluster id/topic id"."""
    partitions: int


def describe_origins(settings: Settings, topics: Iterable[str]) -> dict[str, Origin]:
    """The origin of each topic, by its name.

    The answer is right until a topic is deleted and made again; a process that keeps it must be restarted then.

    Raises:
        BrokerError: the cluster cannot be reached, or a topic is missing.
    """
    names = list(topics)
    # The error that is raised says what librdkafka, with its log on, would also print many times a second.
    refusals = Refusals()
    admin = AdminClient(settings.librdkafka() | {"log_level": 0, "error_cb": refusals})
    try:
        list_topics(admin, refusals, _TIMEOUT_S)
        cluster = admin.describe_cluster(request_timeout=30).result().cluster_id
        found = admin.describe_topics(TopicCollection(names), request_timeout=30)
        topics_found = {name: found[name].result() for name in names}
    except KafkaException as error:
        raise BrokerError(
            f"topics {' and '.join(names)} at {settings.bootstrap_servers}: {error.args[0].str()}; "
            f"{refusals.hint(explained(error.args[0].str()) or _unknown(settings))}"
        ) from error
    return {name: Origin(f"{cluster}/{topic.topic_id}", len(topic.partitions)) for name, topic in topics_found.items()}


def _unknown(settings: Settings) -> str:
    return (
        f"is the broker up, does it speak CALLGAUGE_SECURITY_PROTOCOL={settings.security_protocol} there, and did "
        "`callgauge topics` make the topics?"
    )
