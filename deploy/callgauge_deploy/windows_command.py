"""`callgauge windows`: prints the windows topic, which holds rows in batches that no other program shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from callgauge.errors import BrokerError, DecodeError
from callgauge.settings import Settings
from callgauge_deploy.command import client_settings, load

__all__ = ["windows"]

_TIMEOUT_S = 30.0


def windows(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    grouping: Annotated[str, typer.Option(help="Only rows of this grouping set, such as model@10s.")] = "",
    series: Annotated[
        list[str] | None, typer.Option(help="Only rows with this label: label=value. Can be given again.")
    ] = None,
    last: Annotated[int, typer.Option(help="Begin so many messages before the end of each partition.", min=0)] = 1_000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, with everything.")] = False,
) -> None:
    """Print the rows that rollup sends, and its control records, a line each."""
    load("callgauge_windows.messages", "streams")
    from callgauge_deploy.window_lines import lines_of, matcher_of
    from callgauge_windows.messages import decode_windows

    matcher = matcher_of(grouping, series or [])
    try:
        for place, value in _messages(client_settings(), last, follow):
            try:
                for line in lines_of(decode_windows(value), matcher, as_json=as_json):
                    typer.echo(line)
            except DecodeError as error:
                typer.echo(f"{place}: cannot be read: {error}", err=True)
    except KeyboardInterrupt:
        pass


def _messages(settings: Settings, last: int, follow: bool) -> Iterator[tuple[str, bytes | None]]:
    """Place and value of each message, as they arrive; without `follow` up to the present end of each partition."""
    from confluent_kafka import Consumer, KafkaException, TopicPartition

    topic = settings.topics.windows.name
    options = {"group.id": "unused", "enable.auto.commit": False, "isolation.level": "read_committed", "log_level": 0}
    consumer = Consumer(settings.librdkafka() | options)
    try:
        found = consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        if found.error is not None:
            raise BrokerError(f"{topic} at {settings.bootstrap_servers}: {found.error.str()}; is rollup running?")
        ends = {}
        for number in found.partitions:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_S)
            ends[number] = (max(low, high - last), high)
        consumer.assign([TopicPartition(topic, number, begin) for number, (begin, _) in ends.items()])
        left = {number for number, (begin, end) in ends.items() if begin < end}
        while follow or left:
            message = consumer.poll(1.0)
            if message is None or message.error() is not None:
                continue
            partition, offset = message.partition() or 0, message.offset() or 0
            yield f"{topic}/{partition}/{offset}", message.value()
            if offset + 1 >= ends[partition][1]:
                left.discard(partition)
    except KafkaException as error:
        raise BrokerError(
            f"{topic} at {settings.bootstrap_servers}: {error.args[0].str()}; is the broker up?"
        ) from error
    finally:
        consumer.close()
