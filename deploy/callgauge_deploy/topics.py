"""Makes the topics, and says where existing ones differ. What exists is never changed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # mypy: admin uses it without exporting it
from confluent_kafka.cimpl import NewTopic

from callgauge.errors import BrokerError
from callgauge.security.explain import Refusals, explained
from callgauge.security.first_contact import list_topics
from callgauge.settings import Settings
from callgauge.topics import Topic

__all__ = ["Difference", "differences", "ensure_topics"]

TIMEOUT_S = 30.0
POLL_S = 0.1


@dataclass(frozen=True)
class Difference:
    """An existing topic that is not set up as asked for."""

    topic: str
    what: str
    wanted: str
    found: str

    def __str__(self) -> str:
        return f"{self.topic}: {self.what} is {self.found}, wanted {self.wanted}"


def ensure_topics(settings: Settings) -> list[Difference]:
    """Make the topics that are missing; idempotent, and safe when several processes do it at once.

    Returns:
        How topics that exist already differ from what is wanted. They are left as they are: more partitions would
        send a key to another partition, a shorter retention would delete data; both are the operator's decision.

    Raises:
        BrokerError: the brokers cannot be reached, or refuse.
    """
    # Failures are raised here, as one error. With its log on, librdkafka would also print each of its attempts.
    refusals = Refusals()
    admin = AdminClient(settings.librdkafka() | {"log_level": 0, "reconnect.backoff.ms": 500, "error_cb": refusals})
    try:
        return _ensured(admin, refusals, settings)
    except BrokerError as error:
        raise BrokerError(f"{error}; {refusals.hint(explained(str(error)) or _unknown(settings))}") from error


def _ensured(admin: AdminClient, refusals: Refusals, settings: Settings) -> list[Difference]:
    wanted = settings.topics.all()
    existing = _existing(admin, refusals, settings)
    made = {topic.name for topic in wanted if topic.name not in existing and _make(admin, topic, settings)}
    existing = _wait_for(admin, refusals, {topic.name for topic in wanted}, settings)
    left = [topic for topic in wanted if topic.name not in made]
    return [
        difference
        for topic in left
        for difference in differences(topic, existing[topic.name], _config(admin, topic.name, settings))
    ]


def differences(topic: Topic, partitions: int, config: Mapping[str, str]) -> list[Difference]:
    """Where a topic that exists differs from what is wanted."""
    found = {"partitions": str(partitions)} | {key: config.get(key, "unset") for key in topic.config()}
    wanted = {"partitions": str(topic.partitions)} | topic.config()
    return [Difference(topic.name, key, wanted[key], found[key]) for key in wanted if wanted[key] != found[key]]


def _existing(admin: AdminClient, refusals: Refusals, settings: Settings) -> dict[str, int]:
    """The topics that exist -> how many partitions each has."""
    try:
        topics = list_topics(admin, refusals, TIMEOUT_S).topics
    except KafkaException as error:
        raise _refused("list the topics", settings, error) from error
    return {name: len(topic.partitions) for name, topic in topics.items()}


def _wait_for(admin: AdminClient, refusals: Refusals, names: set[str], settings: Settings) -> dict[str, int]:
    """Ask until the brokers list all these topics, which they do only a little after a topic was made."""
    deadline = time.monotonic() + TIMEOUT_S
    while missing := names - (existing := _existing(admin, refusals, settings)).keys():
        if time.monotonic() > deadline:
            raise BrokerError(
                f"topics {', '.join(sorted(missing))} were made on {settings.bootstrap_servers} but are not listed "
                f"after {TIMEOUT_S:g} s: look at the controller's log"
            )
        time.sleep(POLL_S)
    return existing


def _make(admin: AdminClient, topic: Topic, settings: Settings) -> bool:
    """Make one topic; False when another process was faster."""
    new = NewTopic(topic.name, topic.partitions, settings.replication_factor, config=topic.config())
    try:
        admin.create_topics([new], operation_timeout=TIMEOUT_S)[topic.name].result(TIMEOUT_S)
    except KafkaException as error:
        if _code(error) == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise _refused(f"make topic {topic.name}", settings, error) from error
    return True


def _config(admin: AdminClient, name: str, settings: Settings) -> dict[str, str]:
    (answer,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values()
    try:
        entries = answer.result(TIMEOUT_S)
    except KafkaException as error:
        raise _refused(f"read the configuration of {name}", settings, error) from error
    return {entry.name: str(entry.value) for entry in entries.values()}


def _code(error: KafkaException) -> int:
    return int(error.args[0].code())


def _refused(what: str, settings: Settings, error: KafkaException) -> BrokerError:
    return BrokerError(f"cannot {what} on {settings.bootstrap_servers}: {error.args[0].str()}")


def _unknown(settings: Settings) -> str:
    return (
        "is CALLGAUGE_BOOTSTRAP_SERVERS right, does the broker run, and does it speak "
        f"CALLGAUGE_SECURITY_PROTOCOL={settings.security_protocol} there?"
    )
