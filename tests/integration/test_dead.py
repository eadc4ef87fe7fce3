"""Dead letters sent again by `callgauge dead`: counted once, stored once, and never twice."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from pydantic import SecretStr

from callgauge.codec import encode
from callgauge.dead_letter import RAW_BYTES
from callgauge.schema import DeadLetter
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_history.query import asking
from callgauge_sinks.completeness.check import check
from callgauge_sinks.dead_letters import DeadLetterWriter
from tests.brokers import Broker
from tests.chaos.pipeline import Role, pipeline_settings
from tests.commands import callgauge
from tests.random_calls import random_calls

CALLS = list(random_calls(50, seed=71))
#: A call that was unreadable to an older version.
MENDED = encode(CALLS[0])
#: An offset that the topic does not hold (retention, or the topic was made anew).
GONE = 1_000_000
#: A call of which a letter keeps only the beginning.
LONG = encode(CALLS[1])[:-1] + b', "padding": "' + b"x" * RAW_BYTES + b'"}'


def put(settings: Settings, values: list[bytes]) -> list[int]:
    """Append records to partition 0 of the calls topic. Returns their offsets."""
    offsets: list[int] = []
    producer = Producer(settings.librdkafka() | {"acks": "all", "enable.idempotence": True})
    for value in values:
        producer.produce(
            settings.topics.calls.name,
            value,
            b"own key",
            partition=0,
            on_delivery=lambda _, m: offsets.append(m.offset() or 0),
        )
    assert producer.flush(30) == 0
    return offsets


def bury(settings: Settings, offset: int, value: bytes) -> None:
    """A letter that says that `value` could not be read at that offset."""
    letter = DeadLetter(
        topic=settings.topics.calls.name, partition=0, offset=offset, ts=1_700_000_000.0 + offset, size=len(value),
        reason="not known to the version \x1b[2J of then", raw=base64.b64encode(value[:RAW_BYTES]).decode(),
    )  # fmt: skip
    DeadLetterWriter(settings).write([letter])


def dead(settings: Settings, *arguments: str, code: int = 0) -> bytes:
    """What `callgauge dead` writes."""
    done = callgauge(settings, "dead", *arguments)
    assert done.returncode == code, done.stderr.decode()
    return done.stdout


def keys_at_the_end(settings: Settings, count: int) -> list[bytes]:
    """The keys of the last records of partition 0 of the calls topic."""
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused", "enable.partition.eof": True})
    consumer.assign([TopicPartition(settings.topics.calls.name, 0, 0)])
    keys: list[bytes] = []
    while (message := consumer.poll(20)) is not None and message.error() is None:
        keys.append(message.key())  # type: ignore[arg-type]
    consumer.close()
    return keys[-count:]


@pytest.fixture
def pipeline(broker: Broker, tmp_path: Path) -> Settings:
    settings = pipeline_settings(broker.bootstrap, tmp_path, partitions=1, dedup_s=3_600.0)
    ensure_topics(settings)
    return settings


def wait_for(roles: list[Role], settings: Settings, **expected: int) -> None:
    """Wait until rollup and the sinks have come to these totals, and all is complete."""
    found: dict[str, Any] = {}

    def arrived() -> bool:
        for role in roles:
            role.check()
        with asking(settings) as ask:
            report = check(ask)
            found["letters in the table"] = ask("SELECT count() FROM dead_letters FINAL").rows[0][0]
        found.update({name: report.total(name) for name in expected if name != "letters"})
        found["gaps"] = [gap for gap in report.gaps if gap.kind != "dead letters"]
        same = all(found[name] == value for name, value in expected.items() if name != "letters")
        return same and not report.to_come and found["letters in the table"] == expected["letters"]

    assert wait_until(arrived, 90, poll_s=0.5), found
    assert not found["gaps"]


def test_a_letter_sent_again_counts_once(pipeline: Settings, tmp_path: Path) -> None:
    """What can be read now is counted and stored; sent again it is left out, and without a store it is a duplicate."""
    never, long, *_ = put(pipeline, [b"{", LONG, *map(encode, CALLS[2:])])
    with Role("sinks", pipeline) as sinks, Role("rollup", pipeline) as rollup:
        roles = [sinks, rollup]
        for role in roles:
            role.wait_ready()
        read = len(CALLS) - 1  # all but the first, which only a letter holds
        wait_for(roles, pipeline, counted=read, stored=read, dead=1, duplicates=0, letters=1)
        bury(pipeline, GONE, MENDED)
        bury(pipeline, long, LONG)
        wait_for(roles, pipeline, counted=read, stored=read, dead=1, duplicates=0, letters=3)

        topic = pipeline.topics.calls.name
        groups = json.loads(dead(pipeline, "--format", "json"))
        assert [(group["topic"], group["count"]) for group in groups] == [(topic, 2), (topic, 1)]
        place = f"{topic}/0/{GONE}"
        chosen = ("--reason", "NOT KNOWN", "--topic", "calls", "--since", "2023-11-14T22:13:20")
        assert dead(pipeline, "show", place, "--raw") == MENDED
        shown = dead(pipeline, "show", f"{topic}/0/{long}").decode()
        assert r"reason    not known to the version \x1b[2J of then" in shown
        assert f"bytes     {len(LONG):,}, of which the first 65,536 were kept" in shown

        stored = f"skipped: 1 ({topic}/0/{long}): its event is stored already"
        assert f"would be sent: 1 to {topic}\n{stored}" in dead(pipeline, "resend", *chosen, "--dry-run").decode()
        assert f"sent: 1 to {topic}\n{stored}" in dead(pipeline, "resend", *chosen, "--yes").decode()
        assert keys_at_the_end(pipeline, 1) == [(CALLS[0].trace_id or CALLS[0].event_id).encode()]
        wait_for(roles, pipeline, counted=read + 1, stored=read + 1, dead=1, duplicates=0, letters=3)

        again = dead(pipeline, "resend").decode()
        assert again.startswith("sent: 0\n")
        assert "skipped: 2 (such as " in again
        assert f"({topic}/0/{never}): still cannot be read: not JSON" in again

        none = {"store": SecretStr(f"chdb://{tmp_path}/none"), "data_dir": tmp_path / "none"}
        storeless = pipeline.model_copy(update=none)
        assert dead(storeless, "--format", "json") == dead(pipeline, "--format", "json")
        assert f"sent: 2 to {topic}\n" in dead(storeless, "resend", *chosen).decode()
        assert keys_at_the_end(storeless, 1) == [b"own key"]
        wait_for(roles, pipeline, counted=read + 1, stored=read + 1, dead=1, duplicates=2, letters=3)
