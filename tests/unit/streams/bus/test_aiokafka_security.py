"""The same settings come to the same for confluent-kafka and for aiokafka, and so for Faust's workers."""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from confluent_kafka import Producer
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from callgauge.settings import Settings, load_settings
from callgauge_streams.bus.aiokafka_security import aiokafka_options
from callgauge_streams.worker.app import make_app
from tests.certificates import Authority, Pair

ODD = "pä =,;\"'\\ \t{}%s$(x)#"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def client(authority: Authority) -> Pair:
    return authority.sign("client", password=ODD)


def chosen(kind: str, authority: Authority, client: Pair) -> Settings:
    tls: dict[str, Any] = {"ssl_ca_file": str(authority.certificate)}
    mutual = tls | {"ssl_cert_file": str(client.certificate), "ssl_key_file": str(client.key), "ssl_key_password": ODD}
    user = {"sasl_username": "üser=,", "sasl_password": ODD}
    command = f"{sys.executable} -c \"print('t0ken')\""
    given: dict[str, dict[str, Any]] = {
        "plaintext": {},
        "tls": {"security_protocol": "SSL", **tls},
        "system's CAs": {"security_protocol": "SSL"},
        "mutual tls": {"security_protocol": "SSL", **mutual},
        "plain": {"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", **tls, **user},
        "scram 256": {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-256", **tls, **user},
        "scram 512, mutual": {"security_protocol": "SASL_SSL", "sasl_mechanism": "SCRAM-SHA-512", **mutual, **user},
        "scram in the clear": {"security_protocol": "SASL_PLAINTEXT", **user},
        "token": {
            "security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER", "oauth_token_command": command, **tls
        },
    }  # fmt: skip
    return load_settings(**given[kind])


KINDS = ("plaintext", "tls", "system's CAs", "mutual tls", "plain", "scram 256", "scram 512, mutual",
         "scram in the clear", "token")  # fmt: skip


def by_librdkafka(options: dict[str, Any]) -> dict[str, Any]:
    token = options["oauth_cb"]("")[0] if "oauth_cb" in options else None
    tls = options["security.protocol"].endswith("SSL")
    return {
        "protocol": options["security.protocol"],
        "mechanism": options.get("sasl.mechanism"),
        "user": (options.get("sasl.username"), options.get("sasl.password")),
        "token": token,
        "own CA": "ssl.ca.location" in options if tls else None,
        # librdkafka's default, as this is: the broker's name is checked
        "checks names": options.get("ssl.endpoint.identification.algorithm", "https") == "https" if tls else None,
    }


def by_aiokafka(options: dict[str, Any]) -> dict[str, Any]:
    provider, tls = options.get("sasl_oauth_token_provider"), options.get("ssl_context")
    known = None if tls is None else [dict(pair[0] for pair in ca["subject"]) for ca in tls.get_ca_certs()]
    return {
        "protocol": options["security_protocol"],
        "mechanism": options.get("sasl_mechanism"),
        "user": (options.get("sasl_plain_username"), options.get("sasl_plain_password")),
        "token": asyncio.run(provider.token()) if provider else None,
        "own CA": None if known is None else known == [{"commonName": "ca"}],
        "checks names": None if tls is None else tls.check_hostname and tls.verify_mode is ssl.CERT_REQUIRED,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_both_clients_get_the_same(kind: str, authority: Authority, client: Pair) -> None:
    """Protocol, mechanism, user, password with any characters, token, CA, check of names; and both take it."""
    settings = chosen(kind, authority, client)
    librdkafka, aiokafka = settings.librdkafka(), aiokafka_options(settings.security)
    assert by_librdkafka(librdkafka) == by_aiokafka(aiokafka)
    Producer(librdkafka | {"log_level": 0})

    async def make() -> None:
        AIOKafkaClient(bootstrap_servers=settings.bootstrap_servers, **aiokafka)

    asyncio.run(make())


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_hands_all_of_it_to_aiokafka(kind: str, authority: Authority, client: Pair) -> None:
    """Faust makes aiokafka's options of its own credentials: nothing is lost on the way."""
    settings = chosen(kind, authority, client)
    handed = credentials_to_aiokafka_auth(make_app(settings, "rollup").conf.broker_credentials)
    direct = aiokafka_options(settings.security)
    assert by_aiokafka({name: value for name, value in handed.items() if value is not None}) == by_aiokafka(direct)


def test_a_provider_is_asked_by_both() -> None:
    """librdkafka asks the provider itself; for aiokafka we do."""
    settings = load_settings(
        security_protocol="SASL_SSL", sasl_mechanism="OAUTHBEARER", oauth_token_url="https://id.example/token",
        oauth_client_id="c", oauth_client_secret="hunter2", oauth_scope="kafka",
    )  # fmt: skip
    options = settings.librdkafka()
    assert options["sasl.oauthbearer.method"] == "oidc"
    assert options["sasl.oauthbearer.client.secret"] == "hunter2"
    source = aiokafka_options(settings.security)["sasl_oauth_token_provider"]._tokens._source
    assert (source._url, source._client, source._scope) == ("https://id.example/token", ("c", "hunter2"), "kafka")
    assert Path(options.get("ssl.ca.location", "")) == Path()
