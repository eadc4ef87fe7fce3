"""Against a real Kafka that asks who one is: each way to say it, by both clients; the whole stream under ACLs that
grant each process no more than the table of docs/security.md; and what is refused names the setting."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from callgauge import Gauge
from callgauge.errors import BrokerError
from callgauge.origins import describe_origins
from callgauge.settings import Settings, load_settings
from callgauge_deploy.acls import ROLES, grants_of
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_history.query import asking
from callgauge_intake.group_lag import read_lags
from callgauge_streams.bus.aiokafka_security import aiokafka_options
from tests.brokers import KafkaMissing, in_ci
from tests.certificates import Authority
from tests.chaos.pipeline import Role, pipeline_settings
from tests.secure_kafka import PLAIN_PASSWORD, PLAIN_USER, SecureKafka, secure_kafka, unsigned_token
from tests.token_provider import token_provider

pytestmark = [pytest.mark.kafka, pytest.mark.xdist_group("secure Kafka")]  # one broker for all of them
PASSWORD = "p \"q' =,;\\{}%$ ü"
RULES = "rules:\n  - {name: seen, by: [], aggregate: calls, lookback: 10s, op: gt, value: 5, summary: calls come}\n"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    try:
        with secure_kafka(tmp_path_factory.mktemp("kafka")) as running:
            running.add_user("anna", PASSWORD)
            yield running
    except KafkaMissing as error:
        if in_ci():
            raise
        pytest.skip(str(error))


def ways(kafka: SecureKafka) -> dict[str, dict[str, Any]]:
    """Settings of each way to say who one is."""
    token = unsigned_token("anna", time.time())
    key = kafka.authority.sign("client", password=PASSWORD)
    mutual = {"ssl_cert_file": key.certificate, "ssl_key_file": key.key, "ssl_key_password": PASSWORD}
    return {
        "SCRAM-SHA-512": kafka.settings_of("anna", PASSWORD),
        "SCRAM-SHA-256": kafka.settings_of("anna", PASSWORD, sasl_mechanism="SCRAM-SHA-256"),
        "PLAIN": kafka.settings_of(PLAIN_USER, PLAIN_PASSWORD, sasl_mechanism="PLAIN"),
        "OAUTHBEARER": kafka.settings_of(
            "", "", sasl_mechanism="OAUTHBEARER", oauth_token_command=f"{sys.executable} -c \"print('{token}')\""
        ),
        "mutual TLS": {
            "bootstrap_servers": f"SSL://127.0.0.1:{kafka.tls_port}",
            "ssl_ca_file": str(kafka.authority.certificate),
            **{name: str(value) for name, value in mutual.items()},
        },
    }


async def connect(settings: Settings) -> None:
    """By aiokafka; raises where it is not let in."""
    client = AIOKafkaClient(bootstrap_servers=settings.bootstrap_servers, **aiokafka_options(settings.security))
    await client.bootstrap()
    await client.close()


@pytest.mark.parametrize("way", ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "OAUTHBEARER", "mutual TLS"])
def test_both_clients_are_let_in(kafka: SecureKafka, way: str) -> None:
    """The same settings, confluent-kafka and aiokafka, with a password of odd characters."""
    settings = load_settings(**ways(kafka)[way])
    assert AdminClient(settings.librdkafka() | {"log_level": 0}).list_topics(timeout=20).brokers
    asyncio.run(connect(settings))


def test_both_clients_ask_a_provider(kafka: SecureKafka) -> None:
    """OpenID Connect, client credentials: librdkafka by itself, aiokafka through us."""
    with token_provider() as provider:
        token = unsigned_token("anna", time.time())
        provider.answer = json.dumps({"access_token": token, "token_type": "Bearer", "expires_in": 600})
        oidc = {"oauth_token_url": provider.url, "oauth_client_id": "anna", "oauth_client_secret": "hunter2"}
        settings = load_settings(**kafka.settings_of("", "", sasl_mechanism="OAUTHBEARER", **oidc))
        assert AdminClient(settings.librdkafka() | {"log_level": 0}).list_topics(timeout=20).brokers
        by_librdkafka = len(provider.asked)
        asyncio.run(connect(settings))
        assert len(provider.asked) > by_librdkafka > 0
        assert {form["grant_type"][0] for _, form in provider.asked} == {"client_credentials"}


def test_a_refusal_names_the_setting(kafka: SecureKafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong password, another CA, no encryption, no certificate: one line, soon, and without the password."""
    # A broker that is spoken to in the clear, though it wants TLS, hangs up without a word: that alone is waited for.
    monkeypatch.setattr("callgauge_deploy.topics.TIMEOUT_S", 3.0)
    good = kafka.settings_of("anna", PASSWORD)
    other = str(Authority(tmp_path, "other").certificate)
    wrong = {
        "CALLGAUGE_SASL_PASSWORD": good | {"sasl_password": "hunter2"},
        "CALLGAUGE_SASL_USERNAME": good | {"sasl_username": "nobody", "sasl_password": "hunter2"},
        "CALLGAUGE_SSL_CA_FILE": good | {"ssl_ca_file": other},
        "CALLGAUGE_SECURITY_PROTOCOL": good | {"security_protocol": "SASL_PLAINTEXT"},
        "CALLGAUGE_SSL_CERT_FILE": good
        | {"security_protocol": "SSL", "bootstrap_servers": f"127.0.0.1:{kafka.tls_port}"},
    }
    for setting, given in wrong.items():
        settings = load_settings(**given)
        with pytest.raises(BrokerError) as raised:
            ensure_topics(settings)
        assert setting in str(raised.value)
        assert "\n" not in str(raised.value)
        assert "hunter2" not in str(raised.value)
    with pytest.raises(BrokerError, match="CALLGAUGE_SSL_CA_FILE: the broker's certificate is not signed"):
        describe_origins(load_settings(**wrong["CALLGAUGE_SSL_CA_FILE"]), ["llm.calls"])


@pytest.fixture(scope="module")
def roles(kafka: SecureKafka, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Settings]:
    """Settings of each role, whose user may do what the table says; the topics are made."""
    folder = tmp_path_factory.mktemp("roles")
    rules = folder / "rules.yaml"
    rules.write_text(RULES)
    base = pipeline_settings(
        kafka.bootstrap, folder, rules_file=rules, notify_console=True, content="all", service="chat"
    )
    given = base.model_dump(exclude_unset=True)
    found = {}
    for role in ROLES:
        kafka.add_user(role, PASSWORD)
        kafka.allow(f"User:{role}", grants_of(role, base))
        found[role] = load_settings(**given | kafka.settings_of(role, PASSWORD))
    ensure_topics(found["topics"])
    return found


@pytest.fixture(scope="module")
def with_store(kafka: SecureKafka, roles: dict[str, Settings]) -> Settings:
    """Settings of sinks beside an embedded store, where the evaluator and the console are part of the process."""
    kafka.add_user("with-store", PASSWORD)
    for role in ("sinks", "evaluator", "console"):
        kafka.allow("User:with-store", grants_of(role, roles[role]))
    given = roles["sinks"].model_dump(exclude_unset=True)
    return load_settings(**given | kafka.settings_of("with-store", PASSWORD))


def test_the_stream_runs_under_these_acls(roles: dict[str, Settings], with_store: Settings) -> None:
    """Calls and content from a service to the store, windows, an alert and its notice: no process needs more."""
    with (
        Role("sinks", with_store) as sinks,
        Role("rollup", roles["rollup"]) as rollup,
        Role("detect", roles["detect"]) as detect,
        Role("quality", roles["quality"]) as quality,
        Role("notify", roles["notify"]) as notify,
    ):
        for process in (sinks, rollup, detect, quality, notify):
            process.wait_ready()
        with Gauge(roles["producer"]) as gauge:
            for number in range(100):
                gauge.emit(model="m", latency_ms=1.0, ts=time.time() - 11 + number / 100, response="ok")
            gauge.score("thumbs", 1.0)
            assert gauge.flush(30) == 0
            assert gauge.stats.failed == 0

        def counts() -> list[int]:
            asked = (
                "SELECT count() FROM calls_final",
                "SELECT count() FROM content FINAL",
                "SELECT count() FROM scores_final WHERE name = 'thumbs'",
                "SELECT count() FROM scores_final WHERE name = 'refusal'",
                "SELECT sum(calls) FROM windows_merged WHERE grouping = '@10s'",
                "SELECT least(count(), 1) FROM alerts FINAL WHERE rule = 'seen' AND state = 'firing'",
                "SELECT least(count(), 1) FROM heartbeats",
            )
            for process in (sinks, rollup, detect, quality, notify):
                process.check()
            with asking(with_store) as ask:
                return [int(ask(sql).rows[0][0]) for sql in asked]

        assert wait_until(lambda: counts() == [100, 100, 1, 100, 100, 1, 1], 90, poll_s=0.5), counts()
        assert wait_until(lambda: "seen" in notify.log.read_text(), 60, poll_s=0.2)
        lags = read_lags(roles["operator"], {})
        assert {lag.group.removeprefix(f"{roles['operator'].group_prefix}-") for lag in lags} >= {"rollup", "detect"}


def refused(settings: Settings, topic: str) -> bool:
    """Whether the broker refuses a record for a topic."""
    told: list[KafkaError | None] = []
    producer = Producer(settings.librdkafka() | {"log_level": 0, "message.timeout.ms": 20_000})
    producer.produce(topic, b"{}", on_delivery=lambda error, _: told.append(error))
    producer.flush(25)
    [error] = told
    return error is not None and error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def readable(settings: Settings, topic: str) -> bool:
    """Whether the broker lets it read a topic, and have a group to do so."""
    own = {"group.id": settings.group("reader"), "enable.partition.eof": True, "log_level": 0}
    consumer = Consumer(settings.librdkafka() | own)
    try:
        if consumer.list_topics(topic, timeout=20).topics[topic].error is not None:
            return False  # it may not even know of the topic
        consumer.assign([TopicPartition(topic, 0, 0)])
        message = consumer.poll(20)
        assert message is not None
        code = error.code() if (error := message.error()) is not None else KafkaError._PARTITION_EOF
        refusals = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)
        assert code in (KafkaError._PARTITION_EOF, *refusals)
        return code not in refusals
    finally:
        consumer.close()


def test_nobody_may_do_more(roles: dict[str, Settings]) -> None:
    """A service writes its own topics and reads none; nobody but rollup writes windows, nobody but who judges, tells or
    acts writes alerts."""
    topics = roles["producer"].topics
    may_write = {
        name: {role for role, settings in roles.items() if not refused(settings, getattr(topics, name).name)}
        for name in ("calls", "content", "windows", "alerts")
    }
    assert may_write == {
        "calls": {"producer", "gateway", "judge", "operator"},
        "content": {"producer"},
        "windows": {"rollup"},
        "alerts": {"detect", "evaluator", "notify", "console", "operator"},
    }
    assert not readable(roles["producer"], topics.calls.name)
    assert not readable(roles["notify"], topics.content.name)
    assert readable(roles["rollup"], topics.calls.name)
